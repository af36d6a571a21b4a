/** One at a time, in the order they came. Whoever waits can give up; whoever has begun is waited for. */
import { throwIfAborted, untilAborted } from '../files/cancellation.js'

/** A line. */
export class WaitingLine {
  #length = 0
  #last: Promise<void> = Promise.resolve()

  /** How many wait, with the one whose turn it is. */
  get length(): number {
    return this.#length
  }

  /**
   * Does `work` when all who came before are done. With nobody before it, it begins before this returns.
   *
   * @param what - What is waited for, for the message.
   * @throws {StellaError} ABORTED before its turn, or the signal's own StellaError; what `work` throws.
   */
  async take<T>(signal: AbortSignal | undefined, what: string, work: () => Promise<T>): Promise<T> {
    throwIfAborted(signal, what)
    const before = this.#last
    let leave = (): void => undefined
    this.#last = new Promise((resolve) => {
      leave = resolve
    })
    const first = this.#length === 0
    this.#length++
    try {
      if (!first) await untilAborted(signal, before, what)
      return await work()
    } finally {
      this.#length--
      // Also whoever gave up: those behind still wait for those before.
      void before.then(leave)
    }
  }
}
