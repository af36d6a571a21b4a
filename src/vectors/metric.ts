/** By what two vectors are compared. Knows numbers only. */
import { StellaError } from '../errors.js'
import { show } from '../show.js'

/**
 * Ways to compare. `cosine` is that of {@link cosineSimilarity}, `dot` that of {@link dotProduct}. For vectors of
 * length 1, as the models give them unless told otherwise, the two differ by rounding only.
 */
export const METRICS = ['cosine', 'dot'] as const

/**
 * A way to compare: `cosine` is that of {@link cosineSimilarity}, `dot` that of {@link dotProduct}.
 *
 * @useDeclaredType
 */
export type Metric = (typeof METRICS)[number]

/** How to compare. */
export interface MetricOptions {
  /** What scores are. @default 'cosine' */
  readonly metric?: Metric | undefined
}

/** @throws {StellaError} OPTION_INVALID when there is no such metric. */
export function resolveMetric({ metric = 'cosine' }: MetricOptions): Metric {
  if (METRICS.includes(metric)) return metric
  throw new StellaError('OPTION_INVALID', `Expected \`metric\` to be ${METRICS.join(' or ')}; got ${show(metric)}`, {
    details: { option: 'metric', accepted: METRICS },
  })
}

/** Cosine of two vectors by their product and the product of their lengths, as {@link cosineSimilarity} has it. */
export function cosineOf(product: number, lengths: number): number {
  if (lengths === 0) return 0
  // Rounding can put equal vectors a last digit beyond 1, which acos and tests for `<= 1` do not forgive.
  return Math.min(1, Math.max(-1, product / lengths))
}
