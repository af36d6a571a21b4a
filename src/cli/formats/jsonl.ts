/** JSON Lines: one object per text. Knows the shape of a line and nothing of where it goes. */
import { vectorText } from './float-text.js'
import type { MakeSink, ResultRow } from './sink.js'
import { writePieces } from './sink.js'

/** `{"index":0,"embedding":[…],"tokens":7,"truncated":false}`, with what the input carried after the index. */
export const jsonlSink: MakeSink = (target) => ({
  write: (rows) => writePieces(target, lines(rows)),
  finish: () => Promise.resolve(),
})

function* lines(rows: readonly ResultRow[]): Generator<string> {
  for (const { index, extra, embedding, tokens, truncated } of rows) {
    const head = JSON.stringify({ index, ...extra }).slice(0, -1)
    yield `${head},"embedding":${vectorText(embedding)},"tokens":${tokens},"truncated":${truncated}}\n`
  }
}
