/**
 * A loaded model in a pool: texts are tokenised, wait in the scheduler, and are run by the crew. One of these lives from
 * a load to the eviction after it.
 */
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import { abortedError, untilAborted } from '../files/cancellation.js'
import type { EmbedInput } from '../inference/embed-texts.js'
import type { ResolvedEmbedOptions } from '../inference/options.js'
import type { Precision } from '../convert/recipe.js'
import { RUN_LIMITS, RUN_TOKENS, packTexts } from '../packed/packing.js'
import type { Batch, Lane, Ticket } from '../scheduler/scheduler.js'
import { Scheduler } from '../scheduler/scheduler.js'
import type { Reservation } from '../scheduler/queue-budget.js'
import { TextQueue } from '../text/text-queue.js'
import type { Tokenized, TokenizedText } from '../text/tokenized-text.js'
import type { PreparedModel, RunResult } from './backend.js'
import { Crew } from './crew.js'
import type { CrewMember, CrewOptions } from './crew.js'
import type { MemoryGrant } from './memory-ledger.js'
import type { ModelMeters } from './model-meters.js'
import type { FailureMode } from './pending-call.js'
import { PendingCall } from './pending-call.js'
import type { Plan } from './plan.js'
import type { TextOutcome } from './text-outcome.js'
import type { EmbedTrace } from './tracing.js'
import { batchTracing, embedTracing } from './tracing.js'

/** A call, and what of it is in the scheduler. */
type Call = PendingCall<Ticket<Waiting>>

/** What belongs to a call beside its texts. */
export interface CallParts {
  /** The texts' place in the queue's budget, which they give back as they settle. */
  readonly reservation: Reservation
  readonly lane: Lane
  readonly mode: FailureMode
  /** Undefined while nobody traces. */
  readonly trace?: EmbedTrace | undefined
}

/** Where a text came from, while it waits and runs. */
interface Waiting {
  readonly call: Call
  readonly place: number
  readonly text: TokenizedText
  readonly reservation: Reservation
  readonly trace: EmbedTrace | undefined
}

/** One batch that was run. */
export interface BatchReport {
  readonly texts: number
  readonly tokens: number
  readonly lane: Lane
  /** From the oldest text's arrival to the batch's start, in milliseconds. */
  readonly queueMs: number
  /** Time inside the worker, in milliseconds. */
  readonly runMs: number
}

/** What it is made of. */
export interface ServedModelParts {
  readonly model: PreparedModel
  readonly plan: Plan
  readonly crew: Omit<CrewOptions, 'model' | 'threads' | 'observer'>
  readonly crewObserver: Omit<CrewOptions['observer'], 'onRoom' | 'onStranded'>
  readonly onBatch: (report: BatchReport) => void
  /** No worker is left and none could be started: it takes no more calls. */
  readonly onStranded: () => void
  readonly meters: ModelMeters
  /** The memory it holds; given back once all threads are gone. */
  readonly grant: MemoryGrant
}

/** Batches that run for less than this are handed over one ahead: what lies between two would be felt. */
const PREFETCH_BELOW_MS = 20

/** See the head of this file. */
export class ServedModel {
  readonly info: StellaModelInfo
  readonly precision: Precision
  readonly plan: Plan
  readonly crew: Crew
  readonly #parts: ServedModelParts
  readonly #scheduler = new Scheduler<Waiting>({ limits: RUN_LIMITS })
  readonly #texts: TextQueue
  readonly #calls = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined
  /** Once no worker could be started again: why. */
  #stranded: StellaError | undefined

  constructor(parts: ServedModelParts) {
    const { model, plan } = parts
    this.info = model.info
    this.precision = model.precision
    this.plan = plan
    this.#parts = parts
    this.#texts = new TextQueue(model.tokenizer)
    this.crew = new Crew({
      ...parts.crew,
      model,
      threads: plan.threads,
      observer: {
        ...parts.crewObserver,
        onRoom: () => {
          this.#pump()
        },
        onStranded: (error) => {
          this.#stranded = error
          this.#refuse(this.#scheduler.drain(), error)
          parts.onStranded()
        },
      },
    })
  }

  /** Texts and tokens that wait for a worker. */
  get waiting(): { readonly texts: number; readonly tokens: number } {
    return this.#scheduler.waiting
  }

  /** Texts, tokens and batches that are being run. */
  get running(): { readonly texts: number; readonly tokens: number; readonly batches: number } {
    return this.#scheduler.running
  }

  /** Whether it takes no more calls. */
  get closing(): boolean {
    return this.#closing !== undefined || this.#stranded !== undefined
  }

  /** Bytes it is charged. */
  get memory(): number {
    return this.#parts.grant.bytes
  }

  /**
   * Embeds texts that have been checked.
   *
   * @throws {StellaError} the first text's failure where all or none are wanted; OVERLOADED when they have more tokens
   * than the queue may hold; ABORTED or TIMEOUT; MODEL_LOAD_FAILED when no worker is left.
   */
  embed(
    inputs: readonly EmbedInput[],
    options: ResolvedEmbedOptions,
    parts: CallParts,
  ): Promise<readonly TextOutcome[]> {
    return this.#tracked(this.#embed(inputs, options, parts))
  }

  /**
   * Makes sure of a head, and of all workers that there is memory for.
   *
   * @throws {StellaError} ARTEFACT_INVALID, MODEL_LOAD_FAILED; ABORTED, which ends no worker's load.
   */
  fill(dimensions: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#tracked(this.#fill(dimensions, signal))
  }

  /** Serves the calls it has taken, then stops the workers. */
  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  /** Has it waited for by `close`. */
  #tracked<T>(call: Promise<T>): Promise<T> {
    const settled = call.then(
      () => undefined,
      () => undefined,
    )
    this.#calls.add(settled)
    void settled.then(() => this.#calls.delete(settled))
    return call
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#calls)
    try {
      await this.crew.close()
      await this.#parts.model.close()
    } finally {
      this.#parts.grant.release()
    }
  }

  async #fill(dimensions: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#parts.model.requireHead(dimensions, signal)
    await untilAborted(signal, this.crew.fill(), `loading ${this.info.key}`)
  }

  async #embed(
    inputs: readonly EmbedInput[],
    options: ResolvedEmbedOptions,
    { reservation, lane, mode, trace }: CallParts,
  ): Promise<readonly TextOutcome[]> {
    const { signal, dimensions, onProgress } = options
    await this.#parts.model.requireHead(dimensions, signal)
    const withdraw = (ticket: Ticket<Waiting>): void => {
      this.#scheduler.withdraw(ticket)
    }
    const call: Call = new PendingCall(inputs.length, { mode, withdraw, onProgress })
    const abort = (): void => {
      if (signal !== undefined) call.fail(abortedError(signal, 'embedding'))
    }
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort, { once: true })
    try {
      this.#tokenize(inputs, options, { call, reservation, lane, trace })
      return await call.done
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  #tokenize(inputs: readonly EmbedInput[], options: ResolvedEmbedOptions, to: Destination): void {
    const places: number[] = []
    const texts: string[] = []
    const ready: [number, TokenizedText][] = []
    for (const [place, input] of inputs.entries()) {
      if (typeof input === 'string') {
        places.push(place)
        texts.push(input)
      } else {
        ready.push([place, { ids: input, total: input.length, truncated: false }])
      }
    }
    if (ready.length > 0) this.#submit(ready, options, to)
    if (texts.length === 0 || to.call.ended) return
    const started = performance.now()
    const { signal } = options
    const onPart = (first: number, outcomes: readonly Tokenized[]): void => {
      const now = performance.now()
      this.#parts.meters.tokenized(now - started, now)
      if (to.trace !== undefined) to.trace.tokenizeMs = now - started
      const tokenized: [number, TokenizedText][] = []
      for (const [index, outcome] of outcomes.entries()) {
        const place = places[first + index] ?? 0
        if (!isStellaError(outcome) && outcome.ids.length > 0) tokenized.push([place, outcome])
        else refuse(to, place, isStellaError(outcome) ? outcome : withoutTokens(place))
      }
      to.call.flush()
      this.#submit(tokenized, options, to)
      // Which ends the tokenising of the others.
      if (to.call.ended) throw new StellaError('ABORTED', 'The call has ended')
    }
    this.#texts.encode(texts, { ...options, places }, { lane: to.lane, signal, onPart }).catch((error: unknown) => {
      to.call.fail(asStellaError(error))
    })
  }

  /** Puts tokenised texts into the queue. */
  #submit(texts: readonly (readonly [number, TokenizedText])[], options: ResolvedEmbedOptions, to: Destination): void {
    const { call, reservation, lane } = to
    const { dimensions, normalize } = options
    if (call.ended) return
    if (this.#stranded !== undefined) {
      call.fail(this.#stranded)
      return
    }
    try {
      reservation.addTokens(texts.reduce((sum, [, { ids }]) => sum + ids.length, 0))
    } catch (error) {
      call.fail(asStellaError(error))
      return
    }
    const now = performance.now()
    if (to.trace !== undefined) noteTokens(to.trace, texts)
    for (const [place, text] of texts) {
      const request = { ids: text.ids, variant: { dimensions, normalize }, lane }
      if (this.#scheduler.isQuarantined(request)) refuse(to, place, this.#quarantined(place), text.ids.length)
      else call.add(this.#scheduler.submit(request, { call, place, text, reservation, trace: to.trace }, now))
      if (hasEnded(call)) return
    }
    call.flush()
    this.#pump()
  }

  /** Gives work to whoever has room. */
  #pump(): void {
    if (this.#stranded !== undefined) {
      // Of a batch that was lost after that.
      this.#refuse(this.#scheduler.drain(), this.#stranded)
      return
    }
    const prefetch = (this.#parts.meters.runMs ?? PREFETCH_BELOW_MS) < PREFETCH_BELOW_MS
    for (;;) {
      const member = this.crew.next(prefetch)
      if (member === undefined) break
      const batch = this.#scheduler.take(performance.now(), Math.max(1, this.crew.idle))
      if (batch === undefined) return
      void this.#run(member, batch)
    }
    if (this.#wantsMore()) this.crew.press()
  }

  /** Whether what waits is worth another worker: it takes longer than a worker takes to load. */
  #wantsMore(): boolean {
    const { tokens } = this.#scheduler.waiting
    if (tokens === 0 || this.closing) return tokens > 0 && this.crew.size === 0
    if (this.crew.size === 0) return true
    const { perWorker, workerLoadMs } = this.#parts.meters
    if (perWorker === undefined) return tokens >= RUN_TOKENS
    return (tokens / (perWorker.tokens * this.crew.size)) * 1000 > workerLoadMs
  }

  async #run(member: CrewMember, batch: Batch<Waiting>): Promise<void> {
    const { texts, variant } = batch
    noteQueue(batch)
    try {
      const result = await this.#traced(member, batch)
      const expected = texts.length * variant.dimensions
      if (result.slab.length !== expected) throw wrongSize(this.info, expected, result.slab.length)
      this.#succeed(batch, result)
    } catch (error) {
      this.#fail(batch, asStellaError(error))
    }
    this.#pump()
  }

  #traced({ run, worker }: CrewMember, { texts, tokens, variant }: Batch<Waiting>): Promise<RunResult> {
    if (!batchTracing.active) return run(packTexts(texts), variant)
    return batchTracing.run(
      () => ({ model: this.info.key, worker, texts: texts.length, tokens }),
      async (trace) => {
        const result = await run(packTexts(texts), variant)
        if (trace !== undefined) trace.runMs = result.runMs
        return result
      },
    )
  }

  #succeed(batch: Batch<Waiting>, { slab, runMs }: RunResult): void {
    const { dimensions } = batch.variant
    const { meters, onBatch } = this.#parts
    const report = {
      ...{ texts: batch.texts.length, tokens: batch.tokens, lane: batch.lane },
      ...{ queueMs: batch.takenAt - batch.since, runMs },
    }
    meters.ran(report, performance.now())
    const calls = new Set<Call>()
    for (const [row, tickets] of this.#scheduler.succeed(batch).entries()) {
      for (const ticket of tickets) {
        const { call, place, text, reservation } = ticket.owner
        const embedding = slab.slice(row * dimensions, (row + 1) * dimensions)
        const { ids, total, truncated } = text
        reservation.settle(ids.length)
        calls.add(call)
        call.settle(place, { ok: true, embedding, tokens: ids.length, tokensTotal: total, truncated }, ticket)
      }
    }
    for (const call of calls) call.flush()
    onBatch(report)
  }

  /** What cannot be one text's fault fails the batch; else it is cut until the text that fails is alone. */
  #fail(batch: Batch<Waiting>, error: StellaError): void {
    const failed =
      error.code === 'WORKER_LOST'
        ? this.#scheduler[error.details['begun'] === false ? 'giveBack' : 'lose'](batch)
        : BLAMES_A_TEXT.has(error.code)
          ? this.#scheduler.fail(batch)
          : this.#scheduler.succeed(batch).flat()
    this.#refuse(failed, error)
  }

  #refuse(tickets: readonly Ticket<Waiting>[], error: StellaError): void {
    const calls = new Set<Call>()
    for (const ticket of tickets) {
      const { call, place, text, reservation } = ticket.owner
      reservation.settle(text.ids.length)
      call.settle(place, { ok: false, error: ofText(error, place) }, ticket)
      calls.add(call)
    }
    for (const call of calls) call.flush()
  }

  #quarantined(place: number): StellaError {
    const { key } = this.info
    return new StellaError(
      'WORKER_LOST',
      `Text ${place} is not run again: two worker threads of ${key} ended while they ran it. Evict the model to try once more`,
      { details: { model: key, index: place, quarantined: true } },
    )
  }
}

/** Where tokenised texts go. */
interface Destination {
  readonly call: PendingCall<Ticket<Waiting>>
  readonly reservation: Reservation
  readonly lane: Lane
  readonly trace: EmbedTrace | undefined
}

/** Codes of failed runs that may be the doing of one of the texts. */
const BLAMES_A_TEXT: ReadonlySet<string> = new Set(['INTERNAL', 'INPUT_INVALID'])

/** A function, as it changes meanwhile. */
function hasEnded(call: Call): boolean {
  return call.ended
}

/** Settles a text that does not come to be run. */
function refuse({ call, reservation }: Destination, place: number, error: StellaError, tokens = 0): void {
  reservation.settle(tokens)
  call.settle(place, { ok: false, error })
}

/** How long each call that is traced waited for the first of its texts to be run. */
function noteQueue({ tickets, takenAt }: Batch<Waiting>): void {
  if (!embedTracing.active) return
  for (const { owner, submittedAt } of tickets.flat()) {
    if (owner.trace !== undefined) owner.trace.queueMs ??= takenAt - submittedAt
  }
}

function noteTokens(trace: EmbedTrace, texts: readonly (readonly [number, TokenizedText])[]): void {
  trace.tokens = (trace.tokens ?? 0) + texts.reduce((sum, [, { ids }]) => sum + ids.length, 0)
}

function asStellaError(error: unknown): StellaError {
  return isStellaError(error) ? error : new StellaError('INTERNAL', messageOf(error), { cause: error })
}

/** A run's failure, as the failure of the text at `place`. */
function ofText(error: StellaError, place: number): StellaError {
  const { code, message, details } = error
  return new StellaError(code, `Text ${place}: ${message}`, { cause: error, details: { ...details, index: place } })
}

function withoutTokens(place: number): StellaError {
  return new StellaError('INPUT_INVALID', `Text ${place} has no tokens; leave it out`, { details: { index: place } })
}

function wrongSize({ key }: StellaModelInfo, expected: number, found: number): StellaError {
  return new StellaError('INTERNAL', `A run of ${key} gave ${found} numbers; expected ${expected}`, {
    details: { model: key, found, expected },
  })
}
