/** What a result format is: a way to write embeddings as they come, in the order of the texts. */
import type { EncodedEmbedding, Encoding } from '../../vectors/codes.js'
import type { ByteSink } from '../output.js'
import type { Extra } from '../input/rows.js'

/** What is known before the first embedding. */
export interface ResultFacts {
  /** Key of the model. */
  readonly model: string
  /** Of the model's vectors. */
  readonly dimensions: number
  readonly encoding: Encoding
}

/** One embedded text. */
export interface ResultRow {
  /** From 0, in the order of the texts. */
  readonly index: number
  readonly embedding: EncodedEmbedding
  readonly tokens: number
  readonly truncated: boolean
  readonly extra: Extra | undefined
}

/** Sums over all rows. */
export interface ResultSums {
  readonly texts: number
  readonly tokens: number
  readonly tokensTotal: number
  readonly truncated: number
}

/** Writes one result. */
export interface ResultSink {
  write(rows: readonly ResultRow[]): Promise<void>
  /** Completes the result. Not called when the run failed. */
  finish(sums: ResultSums): Promise<void>
}

/** Makes a sink that writes to `target`. */
export type MakeSink = (target: ByteSink, facts: ResultFacts) => ResultSink

/** Characters gathered before a write: few calls, and little to hold where vectors are long. */
const WRITE_CHARACTERS = 1_000_000

/** Writes pieces of text in larger ones. */
export async function writePieces(target: ByteSink, pieces: Iterable<string>): Promise<void> {
  let text = ''
  for (const piece of pieces) {
    text += piece
    if (text.length < WRITE_CHARACTERS) continue
    await target.write(text)
    text = ''
  }
  if (text !== '') await target.write(text)
}
