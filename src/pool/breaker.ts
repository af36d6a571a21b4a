/**
 * Circuit breaker of one model: stops calls to a model that keeps failing, and lets a few try again later.
 * Pure: the clock is passed in, and it knows neither models nor threads.
 */
import type { StellaErrorCode } from '../errors.js'
import { StellaError } from '../errors.js'

/** Failures in a row that open the breaker. From the origin (`failure_threshold`). */
export const FAILURES_TO_OPEN = 5

/** How long an open breaker refuses before it lets calls try, in milliseconds. From the origin (`timeout`, 60 s). */
export const OPEN_MS = 60_000

/** Calls that may try at once while half-open. From the origin (`half_open_requests`), which did not hold to it. */
export const HALF_OPEN_CALLS = 3

/** Successes while half-open that close the breaker. From the origin (`success_threshold`). */
export const SUCCESSES_TO_CLOSE = 3

/**
 * What `retryAfterMs` says while all places of a half-open breaker are taken, in milliseconds. When one comes free is not
 * known, and a second is the shortest wait that the HTTP header `Retry-After` can ask for.
 */
export const HALF_OPEN_RETRY_MS = 1_000

/** `closed`: calls pass. `open`: none pass. `half-open`: a few pass, to see whether the model works again. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** The right to one call. The first of the three methods settles it; what follows counts for nothing. */
export interface BreakerPass {
  /** The model did what was asked. */
  succeed(now: number): void
  /** The model failed. `countsAgainstModel` says which errors are that. */
  fail(now: number, code: StellaErrorCode): void
  /** Neither: the call was aborted, or was wrong in itself. Says nothing of the model, and gives its place back. */
  release(): void
}

/** What a state became, and the code of the last failure there was: one led to every `open`. */
type Change =
  | { readonly to: 'open'; readonly lastFailure: StellaErrorCode }
  | { readonly to: 'half-open' | 'closed'; readonly lastFailure: StellaErrorCode | undefined }

/** A change of state. */
export type BreakerTransition = Change & {
  readonly from: BreakerState
  /** Failures in a row up to now. */
  readonly failures: number
}

/** A breaker at one moment, as plain data. */
export interface BreakerSnapshot {
  /** `closed` lets calls through, `open` refuses them, `half-open` lets three at a time try. */
  readonly state: BreakerState
  /** Failures in a row up to now. */
  readonly failures: number
  /** Code of the last failure that counted; undefined when there was none. */
  readonly lastFailure: StellaErrorCode | undefined
  /** How often it opened. */
  readonly opened: number
  /** Calls it refused. */
  readonly refused: number
  /** Until it lets calls try, in milliseconds; undefined unless open. */
  readonly retryAfterMs: number | undefined
}

export interface BreakerOptions {
  /** Name of the model, for the error. */
  readonly model: string
  /** Told of every change of state, after it. What it throws reaches whoever caused the change. */
  readonly onTransition?: (transition: BreakerTransition) => void
}

/** See the file. All times are milliseconds of one clock that does not go back. */
export class CircuitBreaker {
  readonly #model: string
  readonly #onTransition: (transition: BreakerTransition) => void
  #state: BreakerState = 'closed'
  /** Counts the changes of state. A pass of an earlier period says nothing of this one. */
  #period = 0
  #openedAt = -Infinity
  #failures = 0
  #lastFailure: StellaErrorCode | undefined
  /** Passes of this half-open period that are not settled, and that succeeded. */
  #trying = 0
  #successes = 0
  #opened = 0
  #refused = 0

  constructor({ model, onTransition = () => undefined }: BreakerOptions) {
    this.#model = model
    this.#onTransition = onTransition
  }

  /** The state that a call would meet. An open breaker whose time is over is half-open, also before a call comes. */
  stateAt(now: number): BreakerState {
    return this.#state === 'open' && this.#remaining(now) <= 0 ? 'half-open' : this.#state
  }

  snapshot(now: number): BreakerSnapshot {
    const state = this.stateAt(now)
    return {
      state,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
      opened: this.#opened,
      refused: this.#refused,
      retryAfterMs: state === 'open' ? Math.ceil(this.#remaining(now)) : undefined,
    }
  }

  /**
   * Lets a call pass, or refuses it. Whoever gets a pass must settle it, or its place stays taken.
   *
   * @throws {StellaError} BREAKER_OPEN with `model`, `failures`, `lastFailure` and `retryAfterMs` in its details.
   */
  tryEnter(now: number): BreakerPass {
    const state = this.stateAt(now)
    if (state === 'open')
      throw this.#refusal(Math.ceil(this.#remaining(now)), `failed ${this.#failures} times in a row`)
    if (state === 'half-open' && this.#state === 'open')
      this.#become({ to: 'half-open', lastFailure: this.#lastFailure })
    if (state === 'half-open') {
      if (this.#trying >= HALF_OPEN_CALLS) {
        throw this.#refusal(
          HALF_OPEN_RETRY_MS,
          `is being tried again with ${HALF_OPEN_CALLS} calls, which have not ended`,
        )
      }
      this.#trying++
    }
    return this.#pass()
  }

  #pass(): BreakerPass {
    const period = this.#period
    let settled = false
    const settle = (count: () => void): void => {
      // A call that began before the last change of state tells of the model as it was then.
      if (settled || period !== this.#period) return
      settled = true
      if (this.#state === 'half-open') this.#trying--
      count()
    }
    return {
      succeed: () => {
        settle(() => {
          this.#succeeded()
        })
      },
      fail: (now, code) => {
        settle(() => {
          this.#failed(now, code)
        })
      },
      release: () => {
        settle(() => undefined)
      },
    }
  }

  #succeeded(): void {
    this.#failures = 0
    if (this.#state === 'half-open' && ++this.#successes >= SUCCESSES_TO_CLOSE) {
      this.#become({ to: 'closed', lastFailure: this.#lastFailure })
    }
  }

  #failed(now: number, code: StellaErrorCode): void {
    this.#failures++
    this.#lastFailure = code
    if (this.#state === 'closed' && this.#failures < FAILURES_TO_OPEN) return
    this.#openedAt = now
    this.#opened++
    this.#become({ to: 'open', lastFailure: code })
  }

  #become(change: Change): void {
    const from = this.#state
    this.#state = change.to
    this.#period++
    this.#trying = 0
    this.#successes = 0
    // Last, so that a listener finds the new state, and finds it also when it throws.
    this.#onTransition({ ...change, from, failures: this.#failures })
  }

  #remaining(now: number): number {
    return this.#openedAt + OPEN_MS - now
  }

  #refusal(retryAfterMs: number, reason: string): StellaError {
    this.#refused++
    const [failures, lastFailure] = [this.#failures, this.#lastFailure]
    return new StellaError(
      'BREAKER_OPEN',
      `${this.#model} ${reason}; its last failure was ${lastFailure ?? 'not told'}. Try again in ${retryAfterMs} ms`,
      { details: { model: this.#model, failures, lastFailure, retryAfterMs } },
    )
  }
}
