/**
 * Runs functions in order, so many at a time. A waiting one can be withdrawn, which is why batches wait here and not
 * in Piscina's queue, where withdrawing means ending a thread.
 */
import { StellaError } from '../errors.js'
import { abortedError, throwIfAborted, untilAborted } from '../files/cancellation.js'

interface Waiting {
  readonly start: () => void
  readonly refuse: (error: StellaError) => void
}

/** A first-in first-out queue with a limit on what runs at once. */
export class RunQueue {
  readonly #limit: number
  readonly #waiting = new Set<Waiting>()
  #running = 0
  #closed = false

  /** @param limit - Functions under way at once. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Functions that have not begun. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Runs `work` when its turn comes.
   *
   * An aborted `signal` withdraws it while it waits; while it runs, its result is discarded and it runs on.
   *
   * @throws {StellaError} ABORTED; POOL_CLOSED when the queue was closed before its turn; or what `work` throws.
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    await this.#turn(signal)
    const running = this.#start(work, signal)
    return untilAborted(signal, running, 'embedding')
  }

  /** Refuses everything that waits. */
  close(): void {
    this.#closed = true
    for (const waiting of this.#waiting) waiting.refuse(new StellaError('POOL_CLOSED', 'The pool was closed'))
    this.#waiting.clear()
  }

  async #start<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      // Aborted between its turn and this moment, when nobody listened.
      throwIfAborted(signal, 'waiting for a worker')
      return await work()
    } finally {
      this.#running--
      this.#next()
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(abortedError(signal, 'waiting for a worker'))
    if (this.#closed) return Promise.reject(new StellaError('POOL_CLOSED', 'The pool was closed'))
    if (this.#running < this.#limit) {
      this.#running++
      return Promise.resolve()
    }
    return new Promise<void>((resolve, reject) => {
      const withdraw = (): void => {
        this.#waiting.delete(waiting)
        if (signal !== undefined) reject(abortedError(signal, 'waiting for a worker'))
      }
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', withdraw)
          this.#running++
          resolve()
        },
        refuse: (error) => {
          signal?.removeEventListener('abort', withdraw)
          reject(error)
        },
      }
      this.#waiting.add(waiting)
      signal?.addEventListener('abort', withdraw, { once: true })
    })
  }

  #next(): void {
    if (this.#running >= this.#limit) return
    for (const waiting of this.#waiting) {
      this.#waiting.delete(waiting)
      waiting.start()
      return
    }
  }
}
