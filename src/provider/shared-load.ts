/**
 * One load that many wait for: it is given up when the last of them has gone. Knows nothing of what is loaded, nor of
 * what becomes of it.
 */
import { StellaError } from '../errors.js'
import { throwIfAborted, untilAborted } from '../files/cancellation.js'

/** Loads something. `signal` aborts when nobody waits any more, and never after `open` has given its result. */
export type Open<T> = (signal: AbortSignal) => Promise<T>

/** See the head of this file. */
export class SharedLoad<T> {
  /** What comes of it, also when nobody waits any more. */
  readonly result: Promise<T>
  readonly #name: string
  readonly #controller = new AbortController()
  #waiting = 0
  #over = false

  /** @param name - What is loaded, for messages. */
  constructor(name: string, open: Open<T>) {
    this.#name = name
    this.result = this.#run(open)
  }

  /** Whether everybody had gone before it was over. That never changes once it is. */
  get abandoned(): boolean {
    return this.#controller.signal.aborted
  }

  /**
   * Waits for the result. Not to be called of one that is {@link SharedLoad.abandoned}.
   *
   * @param signal - Ends this wait alone.
   * @throws what loading throws; {@link StellaError} ABORTED
   */
  async join(signal: AbortSignal | undefined): Promise<T> {
    this.#waiting++
    try {
      return await untilAborted(signal, this.result, `waiting for ${this.#name}`)
    } finally {
      this.#waiting--
      if (this.#waiting === 0 && !this.#over) {
        this.#controller.abort(new StellaError('ABORTED', `Nobody waits for ${this.#name} any more`))
      }
    }
  }

  async #run(open: Open<T>): Promise<T> {
    const { signal } = this.#controller
    try {
      // Not in the turn of the call that begins it, or an `open` that comes back for the resource would begin another.
      await Promise.resolve()
      throwIfAborted(signal, `loading ${this.#name}`)
      return await open(signal)
    } finally {
      // In the turn that hears of the result: whoever leaves from now on gives up nothing.
      this.#over = true
    }
  }
}
