/**
 * Quantiles of the durations of the last one to two minutes, in memory that does not grow.
 * A wrapper of Node's HdrHistogram; knows nothing of what took the time. The clock is passed in.
 */
import type { RecordableHistogram } from 'node:perf_hooks'
import { createHistogram } from 'node:perf_hooks'

/** Length of a window, in milliseconds. The last whole one counts, and the one under way. */
export const WINDOW_MS = 60_000

/** Longest duration that is told apart, in milliseconds: an hour. What is longer counts as this long. */
export const LONGEST_MS = 3_600_000

/** By how much a quantile may exceed the true one, as a share of it, or by a microsecond. Follows from `figures` below. */
export const QUANTILE_ERROR = 0.01

/** Node's histogram counts whole numbers, here microseconds, from 1. About 40 KiB each with these bounds. */
const MICROSECONDS = 1_000
const BOUNDS = { lowest: 1, highest: LONGEST_MS * MICROSECONDS, figures: 2 } as const

/** Durations of one to two minutes, in milliseconds. */
export interface LatencySnapshot {
  /** Durations that were recorded; at least 1. */
  readonly count: number
  /** Exact, in milliseconds. */
  readonly min: number
  /** Exact, in milliseconds. */
  readonly mean: number
  /** At most 1 % too high, as are the other quantiles. */
  readonly p50: number
  /** 95 of 100 took no longer, in milliseconds. */
  readonly p95: number
  /** 99 of 100 took no longer, in milliseconds. */
  readonly p99: number
  /** Exact, in milliseconds; at most an hour. */
  readonly max: number
}

/** One window: the histogram, and what is exact beside it. */
interface Window {
  readonly histogram: RecordableHistogram
  sum: number
  min: number
  max: number
}

/** See the file. All times are milliseconds of one clock that does not go back. */
export class LatencyHistogram {
  #current = emptyWindow()
  #previous = emptyWindow()
  /** For quantiles over both windows. */
  readonly #both = createHistogram(BOUNDS)
  /** When the current window began; undefined before the first duration. */
  #began: number | undefined

  /**
   * Counts one duration. A negative one counts as 0: ends of it may come from clocks of two threads.
   *
   * @throws {RangeError} when `ms` is no number, which would spoil the mean for minutes.
   */
  record(ms: number, now: number): void {
    if (!Number.isFinite(ms)) throw new RangeError(`Expected a duration in milliseconds; got ${ms}`)
    this.#rotate(now)
    this.#began ??= now
    const duration = Math.min(Math.max(ms, 0), LONGEST_MS)
    const window = this.#current
    window.histogram.record(Math.max(Math.round(duration * MICROSECONDS), BOUNDS.lowest))
    window.sum += duration
    window.min = Math.min(window.min, duration)
    window.max = Math.max(window.max, duration)
  }

  /** Durations recorded in the last one to two windows. */
  count(now: number): number {
    this.#rotate(now)
    return this.#current.histogram.count + this.#previous.histogram.count
  }

  /**
   * The duration of which as many were at most as long as the share says, to the nearest whole number of them; at most
   * 1 % or a microsecond too high. Undefined when none was recorded recently.
   *
   * @param share - Above 0, up to 1.
   */
  quantile(share: number, now: number): number | undefined {
    if (this.count(now) === 0) return undefined
    this.#merge()
    return this.#quantile(share)
  }

  /** All at once; undefined when none was recorded recently. */
  snapshot(now: number): LatencySnapshot | undefined {
    const count = this.count(now)
    if (count === 0) return undefined
    this.#merge()
    const [current, previous] = [this.#current, this.#previous]
    return {
      count,
      min: Math.min(current.min, previous.min),
      mean: (current.sum + previous.sum) / count,
      p50: this.#quantile(0.5),
      p95: this.#quantile(0.95),
      p99: this.#quantile(0.99),
      max: Math.max(current.max, previous.max),
    }
  }

  #merge(): void {
    this.#both.reset()
    this.#both.add(this.#current.histogram)
    this.#both.add(this.#previous.histogram)
  }

  #quantile(share: number): number {
    const found = this.#both.percentile(share * 100) / MICROSECONDS
    // A bucket answers with its upper end, which may lie above all that was recorded.
    return Math.min(found, Math.max(this.#current.max, this.#previous.max))
  }

  #rotate(now: number): void {
    if (this.#began === undefined) return
    const windows = Math.floor((now - this.#began) / WINDOW_MS)
    if (windows <= 0) return
    this.#began += windows * WINDOW_MS
    // The older one becomes the new current one, emptied, so that nothing is ever allocated here.
    const reused = this.#previous
    this.#previous = this.#current
    this.#current = reused
    clear(this.#current)
    if (windows > 1) clear(this.#previous)
  }
}

function emptyWindow(): Window {
  return { histogram: createHistogram(BOUNDS), sum: 0, min: Infinity, max: -Infinity }
}

function clear(window: Window): void {
  window.histogram.reset()
  window.sum = 0
  window.min = Infinity
  window.max = -Infinity
}
