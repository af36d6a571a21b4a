/** The pool: models by name, loaded on first use into worker threads, under one memory budget. */
import { EventEmitter } from 'eventemitter3'

import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import type { PoolEvents } from '../events.js'
import { withOwnSignal } from '../files/cancellation.js'
import type { BatchEmbedResult, EmbedInput, EmbedResult } from '../inference/embed-texts.js'
import { checkEach, checkInputs, single } from '../inference/embed-texts.js'
import type { Lane } from '../scheduler/scheduler.js'
import type { Backend } from './backend.js'
import type { PoolBatchOptions, PoolEmbedOptions, ResolvedCallOptions } from './call-options.js'
import { lengthLimit, resolveCallOptions } from './call-options.js'
import { batchResult, embedReadable } from './call-results.js'
import { watchCaller } from './callers-errors.js'
import { CallsUnderWay } from './calls-under-way.js'
import { withDeadline } from './deadline.js'
import { embedStream } from './embed-stream.js'
import { logEvent } from './event-log.js'
import { Governor } from './governor.js'
import type { ModelFacts, PoolHealth } from './health.js'
import { modelsToProbe, poolHealth } from './health.js'
import type { HealthRequest } from './health-request.js'
import { resolveHealthRequest } from './health-request.js'
import type { ModelSlot } from './model-slot.js'
import type { ModelReference } from './model-slots.js'
import { ModelSlots } from './model-slots.js'
import type { FailureMode } from './pending-call.js'
import type { PoolOptions, ResolvedPoolOptions } from './pool-options.js'
import { resolvePoolOptions } from './pool-options.js'
import type { PoolStats } from './pool-stats.js'
import type { PreloadOptions } from './preload-options.js'
import { resolvePreloadOptions } from './preload-options.js'
import type { StreamErrorPolicy, TextSource, StreamOptions, Streamed } from './stream-options.js'
import { resolveStreamOptions } from './stream-options.js'
import { surfaced } from './surfaced.js'
import type { EventFacts } from './tell.js'
import type { EmbedEach, TextOutcome } from './text-outcome.js'
import type { EmbedTrace } from './tracing.js'
import { embedTracing } from './tracing.js'

export type { ModelReference } from './model-slots.js'

/**
 * Embeds texts in worker threads that each load a model once. An EventEmitter3: `on`, `once` and `off` take the events of
 * {@link PoolEvents}.
 */
export class EmbeddingPool extends EventEmitter<PoolEvents> {
  readonly #options: ResolvedPoolOptions
  readonly #governor: Governor
  readonly #slots: ModelSlots
  readonly #calls = new CallsUnderWay()
  #closing: Promise<void> | undefined
  #closed = false

  private constructor(options: ResolvedPoolOptions, backend: Backend) {
    super()
    this.#options = options
    this.#governor = new Governor({
      budget: options.budget,
      logger: options.logger,
      onPressure: (event) => {
        surfaced(() => this.emit('memoryPressure', event))
      },
    })
    const governor = this.#governor
    this.#slots = new ModelSlots(options.registry, (key) => ({
      ...{ backend, governor, options },
      tell: (event, facts) => {
        this.#told(key, event, facts)
      },
    }))
  }

  /**
   * Opens a pool. Loads nothing: a model is loaded by its first call, or by `preload`.
   *
   * @param engine - For tests: what to serve models with.
   * @throws {StellaError} OPTION_INVALID naming the option and what is accepted.
   */
  static async open(
    options: PoolOptions = {},
    engine: (options: ResolvedPoolOptions) => Backend | Promise<Backend> = onnx,
  ): Promise<EmbeddingPool> {
    const resolved = await resolvePoolOptions(options)
    return new EmbeddingPool(resolved, await engine(resolved))
  }

  /** Longest text in tokens that it was opened for. Undefined where the limit is each model's own. */
  get maxLength(): number | undefined {
    return this.#options.maxLength
  }

  /**
   * Embeds one text.
   *
   * @throws {StellaError} MODEL_UNKNOWN, MODEL_NOT_DOWNLOADED, MODEL_LOAD_FAILED, MEMORY_EXHAUSTED, INPUT_INVALID,
   * INPUT_TOO_LONG, OPTION_INVALID, TASK_UNKNOWN, DIMENSIONS_UNSUPPORTED, OVERLOADED, BREAKER_OPEN, TIMEOUT, ABORTED,
   * WORKER_LOST, POOL_CLOSED.
   */
  async embed(model: ModelReference, input: EmbedInput, options: PoolEmbedOptions = {}): Promise<EmbedResult> {
    return single(await this.#embed('embed', model, [input], options, 'interactive'))
  }

  /**
   * Embeds many texts, in their order, on all workers of the model. An empty list gives an empty result. The list is
   * read at once: what the caller does with it later has no effect. All or none: the first text that fails fails the
   * call, and what has not run of the others is not run.
   *
   * @throws {StellaError} as {@link EmbeddingPool.embed}, naming the text.
   */
  batchEmbed(
    model: ModelReference,
    inputs: readonly EmbedInput[],
    options: PoolBatchOptions = {},
  ): Promise<BatchEmbedResult> {
    return this.#embed('batchEmbed', model, inputs, options, 'bulk')
  }

  /**
   * Embeds texts as they come, as fast as the consumer takes the vectors: no more of `source` is read than is under way.
   *
   * ```ts
   * for await (const { index, embedding } of pool.embedStream('stella-en-400m-v5', lines)) { … }
   * ```
   *
   * @throws {StellaError} at once, INPUT_INVALID, OPTION_INVALID, MODEL_UNKNOWN, POOL_CLOSED; from the iteration, what
   * {@link EmbeddingPool.embed} throws, with the text's place in the source as `details.index`; what `source` throws.
   */
  embedStream<E extends StreamErrorPolicy = 'throw'>(
    model: ModelReference,
    source: TextSource,
    options: StreamOptions<E> = {},
  ): AsyncGenerator<Streamed<E>, void, void> {
    const info = this.#find(model)
    const resolved = resolveStreamOptions(options)
    const call = resolveCallOptions(info, resolved.call, lengthLimit(info, this.#options.maxLength), 'bulk')
    const embedEach: EmbedEach = async (inputs, signal) => {
      // The pool may have been closed since the stream began.
      const slot = this.#slots.of(this.#find(info))
      const embed = { ...call.embed, signal }
      return embedReadable(checkEach(info, inputs, embed), (texts) =>
        this.#call('embedStream', slot, texts, { ...call, embed }, 'each'),
      )
    }
    return embedStream(source, resolved, embedEach)
  }

  /**
   * Loads a model with all workers that are planned for it, before its first call. Calling it again, or while it loads,
   * loads nothing twice.
   *
   * @throws {StellaError} MODEL_UNKNOWN, MODEL_NOT_DOWNLOADED, MODEL_LOAD_FAILED, MEMORY_EXHAUSTED,
   * DIMENSIONS_UNSUPPORTED, ABORTED, POOL_CLOSED.
   */
  async preload(model: ModelReference, options: PreloadOptions = {}): Promise<void> {
    const info = this.#find(model)
    const { dimensions, pin, signal } = resolvePreloadOptions(info, options)
    const slot = this.#slots.of(info)
    await this.#calls.track(
      withOwnSignal(signal, (own) =>
        slot.use(dimensions, own, async (served) => {
          await served.fill(dimensions, own)
          // While this call still counts as one, so that nobody's need evicts it in between; not if it was evicted.
          if (pin && !served.closing) slot.pinned = true
        }),
      ),
    )
  }

  /** Keeps a model, once loaded, until `unpin`, `evict` or `close`: neither idle time nor other models' needs evict it. */
  pin(model: ModelReference): void {
    this.#slots.of(this.#find(model)).pinned = true
  }

  /** Takes back {@link EmbeddingPool.pin}. */
  unpin(model: ModelReference): void {
    this.#slots.of(this.#find(model)).pinned = false
  }

  /**
   * Stops a model's workers after the calls under way and gives its memory back. A later call waits for that and
   * loads it again.
   * A model that is not loaded is no error; one that was pinned no longer is.
   *
   * @throws {StellaError} MODEL_UNKNOWN, POOL_CLOSED.
   */
  async evict(model: ModelReference): Promise<void> {
    await this.#slots.get(this.#find(model).key)?.evict('asked')
  }

  /** What the pool holds and has done, now. */
  stats(): PoolStats {
    const { budget, granted, measured, pressure } = this.#governor
    return {
      closed: this.#closing !== undefined,
      memory: { budget, granted, resident: process.memoryUsage.rss(), measured, pressure },
      models: this.#slots.all.map((slot) => slot.stats()),
    }
  }

  /**
   * Whether the pool is alive, and whether it can serve: ready is what a model is that ran of late. Never rejects for a
   * model's sake.
   *
   * @throws {StellaError} OPTION_INVALID.
   */
  async health(request: HealthRequest = {}): Promise<PoolHealth> {
    const { probe, maxAgeMs, timeoutMs } = resolveHealthRequest(request)
    const facts = (): ModelFacts[] => this.#slots.all.map((slot) => slot.facts())
    if (probe && this.#closing === undefined) {
      const silent = modelsToProbe(facts(), performance.now(), { maxAgeMs })
      await Promise.all(silent.map(async (key) => this.#slots.get(key)?.probe(timeoutMs)))
    }
    const state = this.#closed ? 'closed' : this.#closing === undefined ? 'open' : 'closing'
    return poolHealth(state, facts(), performance.now(), { maxAgeMs })
  }

  /** Waits for the calls under way, then stops all workers. New calls are refused. Closing twice is fine. */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  /** As {@link EmbeddingPool.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #drain(): Promise<void> {
    await this.#calls.ended()
    const evictions = await Promise.allSettled(this.#slots.all.map((slot) => slot.evict('closed')))
    await this.#governor.close()
    this.#closed = true
    for (const eviction of evictions) if (eviction.status === 'rejected') throw eviction.reason
  }

  async #embed(
    name: EmbedTrace['call'],
    model: ModelReference,
    inputs: readonly EmbedInput[],
    options: PoolBatchOptions,
    lane: Lane,
  ): Promise<BatchEmbedResult> {
    const info = this.#find(model)
    // Checked before the model is loaded: a mistake in an option answers at once.
    const call = resolveCallOptions(info, options, lengthLimit(info, this.#options.maxLength), lane)
    const texts = checkInputs(info, inputs, call.embed)
    if (texts.length === 0) return batchResult([], call.embed.dimensions)
    const outcomes = await this.#call(name, this.#slots.of(info), texts, call, 'all-or-none')
    return batchResult(outcomes, call.embed.dimensions)
  }

  /** A checked call, from its admission to its outcomes. */
  #call(
    name: EmbedTrace['call'],
    slot: ModelSlot,
    texts: readonly EmbedInput[],
    { embed: given, lane, deadlineMs }: ResolvedCallOptions,
    mode: FailureMode,
  ): Promise<readonly TextOutcome[]> {
    const { embed, isCallers } = watchCaller(given)
    const work = (trace: EmbedTrace | undefined): Promise<readonly TextOutcome[]> =>
      this.#calls.track(
        slot.admission.admit(texts, { lane, isCallers }, (reservation) =>
          withDeadline(embed.signal, deadlineMs, (signal) =>
            slot.use(embed.dimensions, signal, (served) =>
              served.embed(texts, { ...embed, signal }, { reservation, lane, mode, trace }),
            ),
          ),
        ),
      )
    if (!embedTracing.active) return work(undefined)
    return embedTracing.run(() => ({ model: slot.info.key, call: name, texts: texts.length, lane }), work)
  }

  #find(model: ModelReference): StellaModelInfo {
    if (this.#closing !== undefined) throw new StellaError('POOL_CLOSED', 'The pool is closed; open another')
    return this.#slots.find(model)
  }

  /** Logs an event of a model, and emits it. */
  #told<E extends keyof PoolEvents>(model: string, event: E, facts: EventFacts<E>): void {
    surfaced(() => {
      logEvent(this.#options.logger, model, event, facts)
    })
    // Most pools have no listener for what comes with every call.
    if (this.listenerCount(event) === 0) return
    // Facts and key together are what the event's listeners take; the compiler cannot follow that through a generic.
    const emit = this.emit.bind(this) as (event: keyof PoolEvents, facts: object) => boolean
    surfaced(() => emit(event, { model, ...facts }))
  }
}

/** The real engine. Imported when it is wanted: a program's tests with a fake one load nothing of it. */
async function onnx(options: ResolvedPoolOptions): Promise<Backend> {
  const { OnnxBackend } = await import('./onnx-backend.js')
  return new OnnxBackend(options)
}
