/** The pool: models by name, loaded on first use into worker threads, under one memory budget. */
import { isDeepStrictEqual } from 'node:util'

import { EventEmitter } from 'eventemitter3'

import { isModelInfo } from '../../registry/model-registry.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import type { PoolEvents } from '../events.js'
import { withOwnSignal } from '../files/cancellation.js'
import type { BatchEmbedResult, EmbedInput, EmbedResult } from '../inference/embed-texts.js'
import { checkInputs, single } from '../inference/embed-texts.js'
import type { BatchEmbedOptions, EmbedOptions, LengthLimit, ResolvedEmbedOptions } from '../inference/options.js'
import { invalid, rejectUnknownKeys, resolveEmbedOptions } from '../inference/options.js'
import type { LoadedEntry } from './loaded-entry.js'
import { MemoryLedger } from './memory-ledger.js'
import { ModelSlot } from './model-slot.js'
import type { PoolOptions, ResolvedPoolOptions } from './pool-options.js'
import { resolvePoolOptions } from './pool-options.js'
import type { PoolStats } from './pool-stats.js'

/** A registry key, an alias (the Hugging Face id), or a descriptor. */
export type ModelReference = string | StellaModelInfo

/** How to load a model ahead of its first call. */
export interface PreloadOptions {
  /** Head to have ready, also where it has yet to be downloaded. @default the model's default */
  readonly dimensions?: number | undefined
  /** Gives up waiting. When nobody else waits for the model, its download or conversion ends too. */
  readonly signal?: AbortSignal | undefined
}

/** Embeds texts in worker threads that each load a model once. */
export class EmbeddingPool extends EventEmitter<PoolEvents> {
  readonly #options: ResolvedPoolOptions
  readonly #ledger: MemoryLedger
  readonly #slots = new Map<string, ModelSlot>()
  /** Models whose workers are being stopped, and still hold their memory. */
  readonly #retiring = new Map<string, Promise<void>>()
  readonly #calls = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  private constructor(options: ResolvedPoolOptions) {
    super()
    this.#options = options
    this.#ledger = new MemoryLedger(options.budget)
  }

  /**
   * Opens a pool. Loads nothing: a model is loaded by its first call, or by `preload`.
   *
   * @throws {StellaError} OPTION_INVALID naming the option and what is accepted.
   */
  static async open(options: PoolOptions = {}): Promise<EmbeddingPool> {
    return new EmbeddingPool(await resolvePoolOptions(options))
  }

  /**
   * Embeds one text.
   *
   * @throws {StellaError} MODEL_UNKNOWN, MODEL_NOT_DOWNLOADED, MODEL_LOAD_FAILED, MEMORY_EXHAUSTED, INPUT_INVALID,
   * INPUT_TOO_LONG, OPTION_INVALID, TASK_UNKNOWN, DIMENSIONS_UNSUPPORTED, ABORTED, WORKER_LOST, POOL_CLOSED.
   */
  async embed(model: ModelReference, input: EmbedInput, options: EmbedOptions = {}): Promise<EmbedResult> {
    return single(await this.batchEmbed(model, [input], options))
  }

  /**
   * Embeds many texts, in their order, on all workers of the model. An empty list gives an empty result. The list is
   * read at once: what the caller does with it later has no effect.
   *
   * @throws {StellaError} as {@link EmbeddingPool.embed}, naming the text.
   */
  async batchEmbed(
    model: ModelReference,
    inputs: readonly EmbedInput[],
    options: BatchEmbedOptions = {},
  ): Promise<BatchEmbedResult> {
    const info = this.#find(model)
    // Checked before the model is loaded: a mistake in an option answers at once.
    const resolved = resolveEmbedOptions(info, options, this.#lengthLimit(info))
    const texts = checkInputs(info, inputs, resolved)
    return this.#track(() =>
      withOwnSignal(resolved.signal, (signal) => {
        const own = { ...resolved, signal }
        return this.#with(info, own, (entry) => entry.embed(texts, own))
      }),
    )
  }

  /**
   * Loads a model before its first call. Calling it again, or while it loads, loads nothing twice.
   *
   * @throws {StellaError} MODEL_UNKNOWN, MODEL_NOT_DOWNLOADED, MODEL_LOAD_FAILED, MEMORY_EXHAUSTED,
   * DIMENSIONS_UNSUPPORTED, ABORTED, POOL_CLOSED.
   */
  async preload(model: ModelReference, options: PreloadOptions = {}): Promise<void> {
    const info = this.#find(model)
    rejectUnknownKeys(options, ['dimensions', 'signal'])
    const resolved = resolveEmbedOptions(info, options)
    const { dimensions, signal } = resolved
    await this.#track(() => this.#with(info, resolved, (entry) => entry.requireHead(dimensions, signal)))
  }

  /**
   * Stops a model's workers after the calls under way and gives its memory back. A later call waits for that and
   * loads it again.
   * A model that is not loaded is no error.
   *
   * @throws {StellaError} MODEL_UNKNOWN.
   */
  async evict(model: ModelReference): Promise<void> {
    const { key } = this.#find(model)
    const slot = this.#slots.get(key)
    // Perhaps on its way out already: then this waits for its memory, too.
    if (slot === undefined) return this.#retiring.get(key)
    await this.#retire(slot)
    this.#tell(() => this.emit('modelEvicted', { model: key }))
  }

  /** What the pool holds and has done, now. */
  stats(): PoolStats {
    return {
      closed: this.#closing !== undefined,
      memory: { budget: this.#ledger.budget, granted: this.#ledger.granted, resident: process.memoryUsage.rss() },
      models: [...this.#slots.values()].map((slot) => slot.stats()),
    }
  }

  /** Waits for the calls under way, then stops all workers. New calls are refused. Closing twice is fine. */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #drain(): Promise<void> {
    await Promise.allSettled(this.#calls)
    await Promise.all([...this.#slots.values()].map((slot) => slot.close()))
    await Promise.all(this.#retiring.values())
    this.#slots.clear()
  }

  #find(model: ModelReference): StellaModelInfo {
    if (this.#closing !== undefined) throw new StellaError('POOL_CLOSED', 'The pool is closed; open another')
    if (typeof model === 'string') return this.#options.registry.get(model)
    if (!isModelInfo(model)) throw invalid('model', 'a model key, a Hugging Face id, or a descriptor', model)
    const slot = this.#slots.get(model.key)
    if (slot === undefined || slot.info === model || isDeepStrictEqual(slot.info, model)) return model
    throw new StellaError('MODEL_DUPLICATE', `The pool has loaded another model under the key \`${model.key}\``, {
      details: { model: model.key },
    })
  }

  #lengthLimit(info: StellaModelInfo): LengthLimit {
    const { maxLength } = this.#options
    if (maxLength === undefined || maxLength >= info.tokens.max) {
      return { tokens: info.tokens.max, reason: `the limit of ${info.key}` }
    }
    return { tokens: maxLength, reason: 'for which this pool has memory; open it with a larger `maxLength`' }
  }

  /** Hands the loaded model to `use`, in the same breath in which it was seen to take calls. */
  async #with<T>(
    info: StellaModelInfo,
    { dimensions, signal }: Pick<ResolvedEmbedOptions, 'dimensions' | 'signal'>,
    use: (entry: LoadedEntry) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const entry = await this.#load(info, dimensions, signal)
      // Evicted while this call waited for it: it is loaded again.
      if (!entry.closing) return use(entry)
    }
  }

  #load(info: StellaModelInfo, dimensions: number, signal: AbortSignal | undefined): Promise<LoadedEntry> {
    const slot = this.#slots.get(info.key) ?? this.#start(info, dimensions)
    return slot.wait(signal)
  }

  #start(info: StellaModelInfo, dimensions: number): ModelSlot {
    const slot = new ModelSlot(info, {
      ledger: this.#ledger,
      options: this.#options,
      dimensions: info.heads.length === 0 ? undefined : [dimensions],
      after: this.#retiring.get(info.key),
      onReady: (worker, loadMs) => {
        this.#tell(() => {
          this.#options.logger.debug({ model: info.key, worker, loadMs }, 'worker ready')
        })
        this.#tell(() => this.emit('workerReady', { model: info.key, worker, loadMs }))
      },
      onRun: (report) => {
        this.#tell(() => this.emit('batchCompleted', { model: info.key, ...report }))
      },
      onLoaded: ({ plan, precision, workers }, loadMs) => {
        const facts = { model: info.key, workers: plan.workers, loadMs }
        const { weights } = workers
        const more = { precision, weights, device: 'cpu', dimensions: info.defaultDimensions, threads: plan.threads }
        this.#tell(() => {
          this.#options.logger.info({ ...facts, ...more }, 'model loaded')
        })
        this.#tell(() => this.emit('modelLoaded', facts))
      },
      // The next call tries again; it may have been the download, or memory that another model has since given back.
      onFailed: () => {
        if (this.#slots.get(info.key) === slot) this.#slots.delete(info.key)
      },
      onAbandoned: () => {
        void this.#retire(slot)
      },
    })
    this.#slots.set(info.key, slot)
    return slot
  }

  /** Takes the slot out of use. Until it is closed, the next load of its model waits. */
  async #retire(slot: ModelSlot): Promise<void> {
    const { key } = slot.info
    if (this.#slots.get(key) === slot) this.#slots.delete(key)
    const closed = slot.close()
    this.#retiring.set(key, closed)
    await closed
    if (this.#retiring.get(key) === closed) this.#retiring.delete(key)
  }

  /** A listener or logger that throws fails no call: its error surfaces as the uncaught exception it is. */
  #tell(emit: () => unknown): void {
    try {
      emit()
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }

  async #track<T>(call: () => Promise<T>): Promise<T> {
    const running = call()
    this.#calls.add(running)
    try {
      return await running
    } finally {
      this.#calls.delete(running)
    }
  }
}
