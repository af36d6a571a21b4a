/** What an evaluator has under way, what it has done, and how fast. Knows no model and no pairs' texts. */
import type { EvaluationFigures } from './evaluation-figures.js'
import type { EvaluationResult } from './evaluation-result.js'
import { PairTally } from './pair-tally.js'

/** What an evaluator has done so far. Pairs that were given up, and those that ended a batch, are not counted. */
export interface EvaluatorStats extends EvaluationFigures {
  /** Pairs that are being compared. */
  readonly running: number
  /** Times that a pair waited because the pool was full. */
  readonly overloaded: number
  /** Time in which at least one pair was under way, in milliseconds: pairs side by side count once, loading does not. */
  readonly elapsedMs: number
  /** Of `pairs` in `elapsedMs`; 0 before the first. */
  readonly pairsPerSecond: number
}

/** See the head of this file. */
export class EvaluationMeter {
  readonly #now: () => number
  readonly #tally = new PairTally()
  #running = 0
  #overloaded = 0
  #busySince = 0
  #busyMs = 0
  #whenIdle: (() => void)[] = []

  /** @param now - A clock that does not go back, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Runs the comparison of a pair. */
  async measure<T>(compare: () => Promise<T>): Promise<T> {
    if (this.#running++ === 0) this.#busySince = this.#now()
    try {
      return await compare()
    } finally {
      if (--this.#running === 0) {
        this.#busyMs += this.#now() - this.#busySince
        for (const tell of this.#whenIdle.splice(0)) tell()
      }
    }
  }

  /** Enters a result. */
  add(result: EvaluationResult): void {
    this.#tally.add(result)
  }

  /** Enters a wait for room. */
  waited(): void {
    this.#overloaded++
  }

  /** Settles when no pair is under way. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** A snapshot. */
  stats(): EvaluatorStats {
    const figures = this.#tally.figures()
    const elapsedMs = this.#busyMs + (this.#running > 0 ? this.#now() - this.#busySince : 0)
    return {
      ...figures,
      running: this.#running,
      overloaded: this.#overloaded,
      elapsedMs,
      pairsPerSecond: elapsedMs === 0 ? 0 : (figures.pairs / elapsedMs) * 1000,
    }
  }
}
