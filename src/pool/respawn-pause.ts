/** The time in which no worker is started, after one was lost: one that dies at once would be replaced for ever. */
import type { RespawnBackoff } from './backoff.js'

/** See the head of this file. Keeps the process alive only where somebody waits for what comes after it. */
export class RespawnPause {
  readonly #backoff: RespawnBackoff
  readonly #onOver: () => void
  #timer: NodeJS.Timeout | undefined
  #awaited = false
  #ended = false

  /** @param onOver - A worker may be started again. */
  constructor(backoff: RespawnBackoff, onOver: () => void) {
    this.#backoff = backoff
    this.#onOver = onOver
  }

  get active(): boolean {
    return this.#timer !== undefined
  }

  /**
   * A worker was lost, or could not be started. One pause is enough for several.
   *
   * @param livedMs - As `RespawnBackoff.lost`.
   */
  begin(livedMs: number): void {
    const delay = this.#backoff.lost(livedMs)
    if (this.#timer !== undefined || this.#ended) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#awaited = false
      this.#onOver()
    }, delay)
    if (!this.#awaited) this.#timer.unref()
  }

  /** Somebody waits for a worker: the process must live to see it, also through a pause that is still to begin. */
  await(): void {
    this.#awaited = true
    this.#timer?.ref()
  }

  /** A worker has come. */
  came(): void {
    this.#awaited = false
  }

  /** There will be no other. */
  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
  }
}
