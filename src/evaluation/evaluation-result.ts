/**
 * A pair of texts to compare and what came of it. Knows the shapes only: nothing of files, models' loading or reports.
 */
import type { ProblemDetails } from '../errors.js'
import type { TextSimilarity } from '../model/text-similarity.js'

/** Two texts to compare: what should have been written, and what was. */
export interface TextPair {
  /** Name of the pair, repeated in its result. Need not be unique, and may be empty. */
  readonly id: string
  /** What should have been written. */
  readonly groundTruth: string
  /** What was. */
  readonly prediction: string
}

/** What became of one pair. */
export interface EvaluationResult {
  /** The pair's own. */
  readonly id: string
  /** The pair's `groundTruth`. */
  readonly groundTruthText: string
  /** The pair's `prediction`. */
  readonly predictionText: string
  /** Null where `success` is false: a pair that failed has no score, not a made-up one. */
  readonly similarityScore: TextSimilarity | null
  /** Whether the pair has a score. */
  readonly success: boolean
  /** RFC 9457 problem details; there if and only if `success` is false. */
  readonly error?: ProblemDetails
}
