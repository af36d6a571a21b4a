/** Adds up results, in memory that does not grow. Knows no clock and no report. */
import type { StellaErrorCode } from '../errors.js'
import { StellaError, isStellaErrorCode } from '../errors.js'
import { quote, show } from '../show.js'
import type { TextSimilarity } from '../model/text-similarity.js'
import type { EvaluationFigures } from './evaluation-figures.js'
import type { EvaluationResult } from './evaluation-result.js'
import { ScoreHistogram, checkScore } from './score-histogram.js'

/** See the head of this file. */
export class PairTally {
  readonly #scores = new ScoreHistogram()
  readonly #failures = new Map<StellaErrorCode, number>()
  #succeeded = 0
  #failed = 0
  #truncated = 0
  #tokens = 0

  /**
   * Adds a result; or, where it is refused, nothing of it.
   *
   * @returns its score; undefined where it failed.
   * @throws {StellaError} INPUT_INVALID where it contradicts itself: a success without a score from 0 to 1, or a failure
   * without an error.
   */
  add(result: EvaluationResult): number | undefined {
    if (!isObject(result)) throw notAResult(result, 'it is no object')
    const { success, error } = result
    const similarityScore: unknown = result.similarityScore
    if (!success) {
      const code: unknown = error?.code
      if (!isStellaErrorCode(code)) throw notAResult(result, `it failed, and its error's code is ${show(code)}`)
      this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1)
      this.#failed++
      return undefined
    }
    if (!isScore(similarityScore)) throw notAResult(result, 'it succeeded, and has no score with its metadata')
    const { normalizedCosine, metadata } = similarityScore
    const [first, second] = metadata.tokens
    if (!Number.isFinite(first) || !Number.isFinite(second)) throw notAResult(result, 'its tokens are no numbers')
    this.#scores.add(checkScore(normalizedCosine))
    this.#tokens += first + second
    if (metadata.truncated.includes(true)) this.#truncated++
    this.#succeeded++
    return normalizedCosine
  }

  /** A snapshot. */
  figures(): EvaluationFigures {
    return {
      pairs: this.#succeeded + this.#failed,
      succeeded: this.#succeeded,
      failed: this.#failed,
      failuresByCode: Object.fromEntries(this.#failures),
      truncated: this.#truncated,
      tokens: this.#tokens,
      scores: this.#scores.figures(),
    }
  }
}

/** Results may be read from a file, where they are whatever somebody has written. */
function isScore(value: unknown): value is TextSimilarity {
  if (!isObject(value) || !isObject(value['metadata'])) return false
  const { tokens, truncated } = value['metadata']
  return Array.isArray(tokens) && Array.isArray(truncated)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function notAResult(result: unknown, reason: string): StellaError {
  const id = isObject(result) ? result['id'] : undefined
  const which = typeof id === 'string' ? `pair ${quote(id)}` : 'a pair'
  return new StellaError('INPUT_INVALID', `The result of ${which} is none: ${reason}`, {
    details: { argument: 'results' },
  })
}
