/** One call's texts on their way: what came of each, and which are still out. Knows no thread and no queue. */
import type { BatchProgress } from '../inference/options.js'
import type { TextOutcome } from './text-outcome.js'

/** How a call ends. */
export type FailureMode =
  /** The first text that fails fails the call. */
  | 'all-or-none'
  /** Every text has an outcome of its own. */
  | 'each'

/** See the head of this file. `T` is what is withdrawn when the call ends early. */
export class PendingCall<T> {
  /** Settles when every text has, or when the call was failed. */
  readonly done: Promise<readonly TextOutcome[]>
  readonly #outcomes: (TextOutcome | undefined)[]
  readonly #mode: FailureMode
  readonly #out = new Set<T>()
  readonly #withdraw: (ticket: T) => void
  readonly #onProgress: ((progress: BatchProgress) => void) | undefined
  #left: number
  #told = 0
  #ended = false
  #resolve: (outcomes: readonly TextOutcome[]) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  constructor(
    texts: number,
    {
      mode,
      withdraw,
      onProgress,
    }: {
      readonly mode: FailureMode
      readonly withdraw: (ticket: T) => void
      readonly onProgress: ((progress: BatchProgress) => void) | undefined
    },
  ) {
    this.#onProgress = onProgress
    this.#outcomes = new Array<TextOutcome | undefined>(texts)
    this.#left = texts
    this.#mode = mode
    this.#withdraw = withdraw
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.flush()
  }

  /** Whether nobody waits for it any more. */
  get ended(): boolean {
    return this.#ended
  }

  /** Notes what is out for this call. */
  add(ticket: T): void {
    this.#out.add(ticket)
  }

  /** The outcome of one text; `ticket` is no longer out. */
  settle(place: number, outcome: TextOutcome, ticket?: T): void {
    if (ticket !== undefined) this.#out.delete(ticket)
    if (this.#ended || this.#outcomes[place] !== undefined) return
    if (!outcome.ok && this.#mode === 'all-or-none') {
      this.fail(outcome.error)
      return
    }
    this.#outcomes[place] = outcome
    this.#left--
  }

  /** Tells of the texts settled since it last did, and ends the call with the last. To be called after settling some. */
  flush(): void {
    if (this.#ended) return
    const total = this.#outcomes.length
    const done = total - this.#left
    try {
      if (done > this.#told) this.#onProgress?.({ done, total })
    } catch (error) {
      this.fail(error)
      return
    }
    this.#told = done
    // A listener may have aborted the call.
    if (this.#left > 0 || this.#isEnded()) return
    this.#ended = true
    this.#resolve(this.#outcomes.filter((outcome) => outcome !== undefined))
  }

  /** Ends the call with `error`: what is out is withdrawn. */
  fail(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    for (const ticket of this.#out) this.#withdraw(ticket)
    this.#out.clear()
    this.#reject(error)
  }

  #isEnded(): boolean {
    return this.#ended
  }
}
