/**
 * How many texts and tokens a model got done a second, lately: by the clock on the wall, and per worker at work.
 * Pure: the clock is passed in. Knows no queue and no worker.
 */

/** Time constant of the average, in milliseconds: what is this old weighs 1/e of what is new. */
export const RATE_WINDOW_MS = 10_000

/** Shortest run that is believed, in milliseconds. A clock may call a run of a fake engine 0. */
const MIN_RUN_MS = 0.001

/** A run that is done. */
export interface Work {
  readonly texts: number
  readonly tokens: number
  /** How long a worker worked on it. */
  readonly runMs: number
}

/** Per second. */
export interface Rate {
  readonly texts: number
  readonly tokens: number
}

/**
 * Exponential averages of two kinds, as one cannot stand for the other: a model that answers one text a minute at once
 * has a rate of one a minute, and still will be done with a thousand in no time.
 *
 * All times are milliseconds of one clock that does not go back.
 */
export class RateMeter {
  /** Work per millisecond of the time before `#at`, averaged with weights that fall with age; in wall time. */
  readonly #done = { texts: 0, tokens: 0 }
  /** Work and time of runs, with weights that fall with age at `#at`. */
  readonly #runs = { texts: 0, tokens: 0, ms: 0 }
  #at = 0
  /** When the first run began; undefined before any has ended. */
  #since: number | undefined

  /**
   * Counts a run that ended now. Its work is spread evenly over the time it took, so that a run longer than the window
   * is no burst.
   */
  record({ texts, tokens, runMs }: Work, now: number): void {
    const ms = Math.max(runMs, MIN_RUN_MS)
    const before = this.#since === undefined ? 0 : fading(now - this.#at)
    // The share of the average's weight that lies on the last `ms`, which is where the run was.
    const share = weightSince(ms) / ms
    this.#done.texts = this.#done.texts * before + texts * share
    this.#done.tokens = this.#done.tokens * before + tokens * share
    this.#runs.texts = this.#runs.texts * before + texts
    this.#runs.tokens = this.#runs.tokens * before + tokens
    this.#runs.ms = this.#runs.ms * before + ms
    this.#since = Math.min(this.#since ?? Infinity, now - ms)
    this.#at = now
  }

  /**
   * Work done a second, over the last seconds by the clock on the wall; falls towards 0 while nothing is done.
   * Undefined before the first run has ended.
   */
  rate(now: number): Rate | undefined {
    if (this.#since === undefined) return undefined
    // What was never watched does not count as time in which nothing was done.
    const factor = (fading(now - this.#at) / weightSince(now - this.#since)) * 1_000
    return { texts: this.#done.texts * factor, tokens: this.#done.tokens * factor }
  }

  /** Work done in a second of one worker's time; stays while nothing is done. Undefined before the first run has ended. */
  perWorker(): Rate | undefined {
    if (this.#since === undefined) return undefined
    const { texts, tokens, ms } = this.#runs
    return { texts: (texts / ms) * 1_000, tokens: (tokens / ms) * 1_000 }
  }

  /**
   * How long `workers` will take for `tokens`, in whole milliseconds from 1, going by {@link perWorker}; for `retryAfterMs`.
   * Undefined where nothing was measured, no token of it was, or no worker is there.
   */
  drainMs(tokens: number, workers: number): number | undefined {
    const perWorker = this.perWorker()
    if (perWorker === undefined || perWorker.tokens === 0 || workers === 0) return undefined
    return Math.max(1, Math.ceil((tokens / (perWorker.tokens * workers)) * 1_000))
  }
}

/** What is left of a weight after `ms`. */
function fading(ms: number): number {
  return Math.exp(-ms / RATE_WINDOW_MS)
}

/** The share of all weight that lies on the last `ms`. */
function weightSince(ms: number): number {
  // As `1 - fading(ms)`, without losing the digits of a short time.
  return -Math.expm1(-ms / RATE_WINDOW_MS)
}
