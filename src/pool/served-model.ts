/**
 * A loaded model in a pool: texts are tokenised, wait in the scheduler, and are run by the crew. One of these lives from
 * a load to the eviction after it.
 */
import type { StellaModelInfo } from '../../registry/types.js'
import type { StellaError } from '../errors.js'
import { abortedError, untilAborted } from '../files/cancellation.js'
import type { EmbedInput } from '../inference/embed-texts.js'
import type { ResolvedEmbedOptions } from '../inference/options.js'
import type { Precision } from '../convert/recipe.js'
import { RUN_LIMITS, RUN_TOKENS } from '../packed/packing.js'
import type { Batch, Lane, Ticket } from '../scheduler/scheduler.js'
import { Scheduler } from '../scheduler/scheduler.js'
import { TextQueue } from '../text/text-queue.js'
import type { PreparedModel, RunResult } from './backend.js'
import { CallsUnderWay } from './calls-under-way.js'
import { BatchSource } from './batch-source.js'
import { Crew } from './crew.js'
import type { CrewMember, CrewOptions } from './crew-contract.js'
import type { MemoryGrant } from './memory-ledger.js'
import type { ModelMeters } from './model-meters.js'
import { PendingCall } from './pending-call.js'
import type { Plan } from './plan.js'
import { readTexts } from './read-texts.js'
import { runBatch } from './run-batch.js'
import type { Call, CallParts, Destination, PlacedText, Waiting } from './served-call.js'
import { hasEnded, noteQueue, noteTokens, refuse, refuseAll, tokensOf } from './served-call.js'
import { asStellaError, quarantined } from './text-errors.js'
import type { TextOutcome } from './text-outcome.js'

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
  readonly #source = new BatchSource(this.#scheduler)
  readonly #texts: TextQueue
  readonly #calls = new CallsUnderWay()
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
          refuseAll(this.#source.drain(), error)
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
    return this.#calls.track(this.#embed(inputs, options, parts))
  }

  /**
   * Makes sure of a head, and of all workers that there is memory for.
   *
   * @throws {StellaError} ARTEFACT_INVALID, MODEL_LOAD_FAILED; ABORTED, which ends no worker's load.
   */
  fill(dimensions: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#calls.track(this.#fill(dimensions, signal))
  }

  /** Serves the calls it has taken, then stops the workers. */
  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  async #stop(): Promise<void> {
    await this.#calls.ended()
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
      const to: Destination = { call, reservation, lane, trace }
      readTexts(inputs, options, to, {
        ...{ texts: this.#texts, meters: this.#parts.meters },
        submit: (texts) => {
          this.#submit(texts, options, to)
        },
      })
      return await call.done
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Puts tokenised texts into the queue. */
  #submit(texts: readonly PlacedText[], options: ResolvedEmbedOptions, to: Destination): void {
    const { call, reservation, lane } = to
    const { dimensions, normalize } = options
    if (call.ended) return
    if (this.#stranded !== undefined) {
      call.fail(this.#stranded)
      return
    }
    try {
      reservation.addTokens(tokensOf(texts))
    } catch (error) {
      call.fail(asStellaError(error))
      return
    }
    const now = performance.now()
    noteTokens(to, texts)
    for (const [place, text] of texts) {
      const request = { ids: text.ids, variant: { dimensions, normalize }, lane }
      if (this.#scheduler.isQuarantined(request)) refuse(to, place, quarantined(this.info, place), text.ids.length)
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
      refuseAll(this.#source.drain(), this.#stranded)
      return
    }
    const prefetch = (this.#parts.meters.runMs ?? PREFETCH_BELOW_MS) < PREFETCH_BELOW_MS
    for (;;) {
      const member = this.crew.next(prefetch && !this.#source.wantsIdle)
      if (member === undefined) break
      const batch = this.#source.take(member.idle, Math.max(1, this.crew.idle))
      if (batch !== undefined) void this.#run(member, batch)
      else if (!this.#source.wantsIdle) return
    }
    if (this.#wantsMore()) this.crew.press()
  }

  /** Whether what waits is worth another worker: it takes longer than a worker takes to load. */
  #wantsMore(): boolean {
    const { tokens } = this.#source
    if (tokens === 0 || this.closing) return tokens > 0 && this.crew.size === 0
    if (this.crew.size === 0) return true
    const { perWorker, workerLoadMs } = this.#parts.meters
    if (perWorker === undefined) return tokens >= RUN_TOKENS
    return (tokens / (perWorker.tokens * this.crew.size)) * 1000 > workerLoadMs
  }

  async #run(member: CrewMember, batch: Batch<Waiting>): Promise<void> {
    noteQueue(batch)
    try {
      this.#succeed(batch, await runBatch(this.info, member, batch))
    } catch (error) {
      this.#fail(batch, asStellaError(error))
    }
    this.#pump()
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
        ? this.#scheduler.lose(batch)
        : BLAMES_A_TEXT.has(error.code)
          ? this.#scheduler.fail(batch)
          : this.#scheduler.succeed(batch).flat()
    refuseAll(failed, error)
  }
}

/** Codes of failed runs that may be the doing of one of the texts. */
const BLAMES_A_TEXT: ReadonlySet<string> = new Set(['INTERNAL', 'INPUT_INVALID'])
