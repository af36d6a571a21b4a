/** What an evaluator needs of a model: a `StellaModel`, or anything that answers like one. Types only. */
import type { EncodeOptions } from '../model/stella-model-options.js'
import type { TextSimilarity } from '../model/text-similarity.js'

/** How one pair is compared. */
export type SimilarityOptions = Pick<
  EncodeOptions,
  'promptType' | 'embeddingDimension' | 'maxLength' | 'lane' | 'signal'
>

/**
 * Compares two texts.
 *
 * One of your own rejects with a StellaError: of INPUT_INVALID, INPUT_TOO_LONG, TIMEOUT, WORKER_LOST or INTERNAL where the
 * pair is to fail alone, of any other code where the next pair would fail as well; OVERLOADED with
 * `details.retryAfterMs` asks to come again. What else it throws is taken for a mistake in it, and ends a batch. When the
 * signal aborts it rejects soon.
 */
export interface SimilarityModel {
  /** Texts that suit it at once; the default of `maxInFlight` follows from it. @default 16 */
  readonly batchSize?: number | undefined
  /** How alike two texts are. */
  computeSimilarity(a: string, b: string, options?: SimilarityOptions): Promise<TextSimilarity>
}

/** One that its opener closes. */
export interface OpenedModel extends SimilarityModel {
  /** Frees it. */
  close(): Promise<void>
}
