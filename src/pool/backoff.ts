/**
 * How long to wait before a lost worker is replaced: longer with each loss, and never all at the same moment.
 * Pure: the random source and the ages are passed in, and it sets no timer.
 */

/** Upper bound of the first delay, in milliseconds. Loading the smallest model takes about as long. */
export const RESPAWN_BASE_MS = 200

/** Upper bound of every delay, in milliseconds. Half of what the breaker stays open, so that it finds a worker to try. */
export const RESPAWN_CAP_MS = 30_000

/** Age from which a lost worker is a first loss again, in milliseconds. Longer than any delay. */
export const RESPAWN_STABLE_MS = 60_000

/**
 * The delay before the worker after the `losses`-th loss in a row: any time from 0 to `base · 2^(losses - 1)`, but to no
 * more than the cap. This is the "full jitter" of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): workers
 * and processes that died of one cause do not come back at one moment and die of it again.
 *
 * @param losses - From 1.
 * @param random - A number from 0 to below 1, such as `Math.random()`.
 * @returns Milliseconds, whole.
 */
export function respawnDelayMs(losses: number, random: number): number {
  return Math.floor(random * Math.min(RESPAWN_CAP_MS, RESPAWN_BASE_MS * 2 ** (losses - 1)))
}

/** Counts the losses in a row of a model's workers. */
export class RespawnBackoff {
  readonly #random: () => number
  #losses = 0

  /** @param random - Numbers from 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random
  }

  /** Losses in a row. */
  get losses(): number {
    return this.#losses
  }

  /**
   * A worker was lost, or did not load.
   *
   * @param livedMs - How long it had been ready; 0 when it never was.
   * @returns Milliseconds to wait before it is replaced.
   */
  lost(livedMs: number): number {
    this.#losses = livedMs >= RESPAWN_STABLE_MS ? 1 : this.#losses + 1
    return respawnDelayMs(this.#losses, this.#random())
  }
}
