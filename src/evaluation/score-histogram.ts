/**
 * Figures of scores from 0 to 1, in memory that does not grow. Knows nothing of what was scored.
 *
 * Cells of one width, where `LatencyHistogram` has cells of one ratio: scores of alike texts lie close below 1, where one
 * percent more or less is all that there is to tell.
 */
import { StellaError } from '../errors.js'
import { show } from '../show.js'
import type { ScoreFigures } from './evaluation-figures.js'

/** Cells from 0 to 1, each 0.0001 wide: 160 kB. What `ScoreFigures` says of its quantiles follows from it. */
export const SCORE_CELLS = 10_000

/**
 * `score`, if it is one.
 *
 * @throws {StellaError} INPUT_INVALID where it is no number from 0 to 1.
 */
export function checkScore(score: unknown): number {
  if (typeof score === 'number' && score >= 0 && score <= 1) return score
  throw new StellaError('INPUT_INVALID', `Expected a normalizedCosine from 0 to 1; got ${show(score)}`, {
    details: { argument: 'normalizedCosine' },
  })
}

/** See the head of this file. */
export class ScoreHistogram {
  readonly #counts = new Float64Array(SCORE_CELLS)
  /** The lowest score of each cell; 0 where it is empty. */
  readonly #lowest = new Float64Array(SCORE_CELLS)
  #count = 0
  #mean = 0
  /** Sum of the squared distances from the mean (Welford): the mean of the squares would lose what is left of it. */
  #squares = 0
  #min = 1
  #max = 0

  /** @throws {StellaError} INPUT_INVALID where `score` is no number from 0 to 1. */
  add(score: number): void {
    checkScore(score)
    const cell = Math.min(Math.floor(score * SCORE_CELLS), SCORE_CELLS - 1)
    const before = this.#counts[cell] ?? 0
    this.#lowest[cell] = before === 0 ? score : Math.min(this.#lowest[cell] ?? score, score)
    this.#counts[cell] = before + 1
    this.#count++
    const distance = score - this.#mean
    this.#mean += distance / this.#count
    this.#squares += distance * (score - this.#mean)
    this.#min = Math.min(this.#min, score)
    this.#max = Math.max(this.#max, score)
  }

  /** Null before the first score. */
  figures(): ScoreFigures | null {
    if (this.#count === 0) return null
    const [p05, p25, median, p75, p95] = this.#quantiles()
    return {
      mean: this.#mean,
      standardDeviation: this.#min === this.#max ? 0 : Math.sqrt(this.#squares / this.#count),
      ...{ min: this.#min, p05, p25, median, p75, p95, max: this.#max },
    }
  }

  #quantiles(): [number, number, number, number, number] {
    return [this.#quantile(5), this.#quantile(25), this.#quantile(50), this.#quantile(75), this.#quantile(95)]
  }

  /** @param percent - A whole number, so that the rank is exact. */
  #quantile(percent: number): number {
    const rank = Math.ceil((percent * this.#count) / 100)
    let passed = 0
    for (let cell = 0; cell < SCORE_CELLS; cell++) {
      passed += this.#counts[cell] ?? 0
      if (passed >= rank) return this.#lowest[cell] ?? 0
    }
    return this.#max
  }
}
