/**
 * Who may come in to a model: the queue has room, and the breaker lets calls pass, which hears in turn what became of them.
 * Knows no load and no worker.
 */
import type { StellaError } from '../errors.js'
import { isStellaError } from '../errors.js'
import type { EmbedInput } from '../inference/embed-texts.js'
import type { QueueLimits, Reservation } from '../scheduler/queue-budget.js'
import { QueueBudget } from '../scheduler/queue-budget.js'
import type { Lane } from '../scheduler/scheduler.js'
import type { BreakerPass, BreakerSnapshot } from './breaker.js'
import { CircuitBreaker } from './breaker.js'
import type { CallersErrors } from './callers-errors.js'
import { countsAgainstModel } from './model-failure.js'
import type { Rate } from './rate-meter.js'
import type { Tell } from './tell.js'
import type { TextOutcome } from './text-outcome.js'

/** What it works with. */
export interface AdmissionParts {
  /** Key of the model, for messages. */
  readonly model: string
  readonly limits: QueueLimits
  readonly tell: Tell
  /** What the model gets done a second; undefined before it ran anything. */
  readonly rate: () => Rate | undefined
}

/** See the head of this file. Lives as long as the pool: an eviction changes nothing of it. */
export class Admission {
  readonly #parts: AdmissionParts
  readonly #queue: QueueBudget
  readonly #breaker: CircuitBreaker
  /** Failures that the breaker has heard of: one that fails many calls is one. */
  readonly #blamed = new WeakSet<StellaError>()

  constructor(parts: AdmissionParts) {
    const { model, limits, tell } = parts
    this.#parts = parts
    this.#queue = new QueueBudget({ limits, model })
    this.#breaker = new CircuitBreaker({
      model,
      onTransition: ({ to, failures, lastFailure }) => {
        if (to === 'open') tell('breakerOpened', { failures, code: lastFailure })
        if (to === 'closed') tell('breakerClosed', {})
      },
    })
  }

  /** What was taken in and has not settled. */
  get held(): QueueLimits {
    return this.#queue.held
  }

  breakerAt(now: number): BreakerSnapshot {
    return this.#breaker.snapshot(now)
  }

  /**
   * Takes a call in, or refuses it at once.
   *
   * @throws {StellaError} OVERLOADED, BREAKER_OPEN; what `work` throws.
   */
  async admit(
    texts: readonly EmbedInput[],
    { lane, isCallers }: { readonly lane: Lane; readonly isCallers: CallersErrors['isCallers'] },
    work: (reservation: Reservation) => Promise<readonly TextOutcome[]>,
  ): Promise<readonly TextOutcome[]> {
    const { reservation, pass } = this.#enter(texts)
    this.#parts.tell('requestQueued', { texts: texts.length, lane })
    try {
      const outcomes = await work(reservation)
      this.#judge(outcomes, pass)
      return outcomes
    } catch (error) {
      const own = isCallers(error)
      this.#blame(own ? undefined : error, pass)
      // It has more tokens than there is room for, which shows once it is tokenised.
      if (!own && isStellaError(error) && error.code === 'OVERLOADED') this.#tellRejected(texts.length, error)
      throw error
    } finally {
      reservation.release()
    }
  }

  #enter(texts: readonly EmbedInput[]): { reservation: Reservation; pass: BreakerPass } {
    try {
      const pass = this.#breaker.tryEnter(performance.now())
      try {
        const bytes = texts.reduce((sum, text) => sum + bytesOf(text), 0)
        return { reservation: this.#queue.reserve({ texts: texts.length, bytes }, this.#parts.rate()), pass }
      } catch (error) {
        pass.release()
        throw error
      }
    } catch (error) {
      if (isStellaError(error)) this.#tellRejected(texts.length, error)
      throw error
    }
  }

  #tellRejected(texts: number, { code, details }: StellaError): void {
    const { retryAfterMs } = details
    const wait = typeof retryAfterMs === 'number' ? retryAfterMs : undefined
    this.#parts.tell('requestRejected', { texts, code, retryAfterMs: wait })
  }

  /** A text that succeeds shows that the model works, whatever came of the others. */
  #judge(outcomes: readonly TextOutcome[], pass: BreakerPass): void {
    if (outcomes.some(({ ok }) => ok)) {
      pass.succeed(performance.now())
      return
    }
    const errors = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error]))
    this.#blame(
      errors.find((error) => this.#isToBlame(error)),
      pass,
    )
  }

  /** Tells the breaker of a failure that is the model's. */
  #blame(error: unknown, pass: BreakerPass): void {
    const root = rootOf(error)
    if (root === undefined || !this.#isToBlame(root)) {
      pass.release()
      return
    }
    this.#blamed.add(root)
    pass.fail(performance.now(), root.code)
  }

  /** Whether the breaker is to hear of a failure: it is the model's, and no other call has failed of it. */
  #isToBlame(error: StellaError): boolean {
    const root = rootOf(error)
    // A text that is refused for what it did before says nothing new.
    if (root === undefined || root.details['quarantined'] === true) return false
    return countsAgainstModel(root.code) && !this.#blamed.has(root)
  }
}

/** Bytes that a text holds while it waits: UTF-16, or int32. */
function bytesOf(text: EmbedInput): number {
  return typeof text === 'string' ? text.length * 2 : text.byteLength
}

/** The failure behind a text's failure: that of the run, or of the load, which many calls may share. */
function rootOf(error: unknown): StellaError | undefined {
  if (!isStellaError(error)) return undefined
  return isStellaError(error.cause) ? rootOf(error.cause) : error
}
