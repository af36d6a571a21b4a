/** The figures of many results. Types only: `PairTally` counts them. */
import type { StellaErrorCode } from '../errors.js'

/** How alike the pairs were: figures of `normalizedCosine`, which goes from 0 to 1. */
export interface ScoreFigures {
  /** Of all scores. */
  readonly mean: number
  /** Of these pairs, not an estimate for others: the divisor is their number. 0 for one pair. */
  readonly standardDeviation: number
  /** The lowest score. */
  readonly min: number
  /**
   * A quantile: the lowest score that at least so many scores do not exceed (nearest rank). At most 0.0001 off, and exact
   * where no other score is so near. So are the other quantiles.
   */
  readonly p05: number
  /** A quarter of the scores do not exceed it. */
  readonly p25: number
  /** Half of the scores do not exceed it. */
  readonly median: number
  /** Three quarters of the scores do not exceed it. */
  readonly p75: number
  /** 95 of 100 scores do not exceed it. */
  readonly p95: number
  /** The highest score. */
  readonly max: number
}

/** Counts and figures of the results that were added up. */
export interface EvaluationFigures {
  /** Those that succeeded and those that failed. */
  readonly pairs: number
  /** Pairs that have a score. */
  readonly succeeded: number
  /** Pairs that have none. */
  readonly failed: number
  /** How many failed with each code; a code that none failed with is absent. */
  readonly failuresByCode: Readonly<Partial<Record<StellaErrorCode, number>>>
  /** Pairs of which a text, or both, was cut at the model's `maxLength`. */
  readonly truncated: number
  /** Tokens of the pairs that succeeded, prompts included. */
  readonly tokens: number
  /** Null where no pair succeeded. */
  readonly scores: ScoreFigures | null
}
