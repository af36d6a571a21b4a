/** One JSON document, written as the embeddings come. Knows its shape and nothing of where it goes. */
import { vectorText } from './float-text.js'
import type { MakeSink, ResultFacts, ResultRow } from './sink.js'
import { writePieces } from './sink.js'

/** `{"model":…,"dimensions":…,"encoding":…,"embeddings":[…],"tokens":[…],"truncated":[…],"usage":{…}}` */
export const jsonSink: MakeSink = (target, facts) => {
  const tokens: number[] = []
  const truncated: boolean[] = []
  const pieces = function* (rows: readonly ResultRow[]): Generator<string> {
    for (const row of rows) {
      yield `${tokens.length === 0 ? head(facts) : ',\n'}${vectorText(row.embedding)}`
      tokens.push(row.tokens)
      truncated.push(row.truncated)
    }
  }
  return {
    write: (rows) => writePieces(target, pieces(rows)),
    finish: async (sums) => {
      const usage = { tokens: sums.tokens, tokensTotal: sums.tokensTotal }
      const rest = JSON.stringify({ tokens, truncated, usage }).slice(1)
      await target.write(`${tokens.length === 0 ? head(facts) : ''}],${rest}\n`)
    },
  }
}

function head(facts: ResultFacts): string {
  const { model, dimensions, encoding } = facts
  return `${JSON.stringify({ model, dimensions, encoding }).slice(0, -1)},"embeddings":[`
}
