/** What came of one text, whatever came of its neighbours. Knows no queue and no stream. */
import type { StellaError } from '../errors.js'
import type { EmbedInput } from '../inference/embed-texts.js'

/** A text's embedding. */
export interface TextEmbedded {
  readonly ok: true
  /** `[dimensions]`, with a buffer of its own */
  readonly embedding: Float32Array
  /** Tokens that were run: after truncation, prompt and special tokens included. */
  readonly tokens: number
  /** Tokens the text has in full. */
  readonly tokensTotal: number
  /** Whether it was cut at `maxLength`. */
  readonly truncated: boolean
}

/** Why a text has no embedding. */
export interface TextFailed {
  readonly ok: false
  readonly error: StellaError
}

/** What came of one text. */
export type TextOutcome = TextEmbedded | TextFailed

/**
 * Embeds texts, each for itself: as many outcomes as inputs, in their order. Rejects only with what concerns all of them,
 * and soon after `signal` aborts.
 */
export type EmbedEach = (inputs: readonly EmbedInput[], signal: AbortSignal) => Promise<readonly TextOutcome[]>
