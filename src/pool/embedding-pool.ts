/** The pool: models by name, loaded on first use into worker threads, under one memory budget. */
import { isDeepStrictEqual } from 'node:util'

import { EventEmitter } from 'eventemitter3'

import { isModelInfo } from '../../registry/model-registry.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import type { PoolEvents } from '../events.js'
import type { BatchEmbedResult, EmbedInput, EmbedResult } from '../inference/embed-texts.js'
import { single } from '../inference/embed-texts.js'
import type { BatchEmbedOptions, EmbedOptions, ResolvedEmbedOptions } from '../inference/options.js'
import { invalid, resolveEmbedOptions } from '../inference/options.js'
import type { EntryObserver } from './loaded-entry.js'
import { LoadedEntry } from './loaded-entry.js'
import { MemoryLedger } from './memory-ledger.js'
import type { PoolOptions, ResolvedPoolOptions } from './pool-options.js'
import { resolvePoolOptions } from './pool-options.js'
import type { ModelStats, PoolStats } from './pool-stats.js'

/** A registry key, an alias (the Hugging Face id), or a descriptor. */
export type ModelReference = string | StellaModelInfo

interface Slot {
  readonly info: StellaModelInfo
  readonly entry: Promise<LoadedEntry>
  /** Once loaded. */
  loaded: LoadedEntry | undefined
  loadMs: number
  texts: number
  tokens: number
  batches: number
}

/** Embeds texts in worker threads that each load a model once. */
export class EmbeddingPool extends EventEmitter<PoolEvents> {
  readonly #options: ResolvedPoolOptions
  readonly #ledger: MemoryLedger
  readonly #slots = new Map<string, Slot>()
  /** Models whose workers are being stopped, and still hold their memory. */
  readonly #evicting = new Map<string, Promise<void>>()
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
   * Embeds many texts, in their order, on all workers of the model. An empty list gives an empty result.
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
    const resolved = this.#resolve(info, options)
    return this.#track(async () => {
      let entry = await this.#load(info)
      // Evicted while this call waited for it: it is loaded again.
      while (entry.closing) entry = await this.#load(info)
      return entry.embed(inputs, resolved)
    })
  }

  /**
   * Loads a model before its first call. Calling it again, or while it loads, loads nothing twice.
   *
   * @throws {StellaError} MODEL_UNKNOWN, MODEL_NOT_DOWNLOADED, MODEL_LOAD_FAILED, MEMORY_EXHAUSTED, POOL_CLOSED.
   */
  async preload(model: ModelReference): Promise<void> {
    const info = this.#find(model)
    await this.#track(() => this.#load(info))
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
    if (slot === undefined) return
    this.#slots.delete(key)
    const closed = closeEntry(slot)
    this.#evicting.set(key, closed)
    await closed
    if (this.#evicting.get(key) === closed) this.#evicting.delete(key)
    this.#tell(() => this.emit('modelEvicted', { model: key }))
  }

  /** What the pool holds and has done, now. */
  stats(): PoolStats {
    return {
      closed: this.#closing !== undefined,
      memory: { budget: this.#ledger.budget, granted: this.#ledger.granted, resident: process.memoryUsage.rss() },
      models: [...this.#slots.values()].map(statsOf),
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
    await Promise.all([...this.#slots.values()].map(closeEntry))
    await Promise.all(this.#evicting.values())
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

  #resolve(info: StellaModelInfo, options: BatchEmbedOptions): ResolvedEmbedOptions {
    const limit = Math.min(this.#options.maxLength ?? info.tokens.max, info.tokens.max)
    const maxLength = options.maxLength ?? Math.min(info.tokens.recommended, limit)
    const resolved = resolveEmbedOptions(info, { ...options, maxLength })
    if (resolved.maxLength <= limit) return resolved
    throw invalid('maxLength', `at most ${limit}, for which this pool has memory; open it with a larger one`, maxLength)
  }

  #load(info: StellaModelInfo): Promise<LoadedEntry> {
    const existing = this.#slots.get(info.key)
    if (existing !== undefined) return existing.entry
    const started = performance.now()
    const entry = this.#start(info, {
      onLoad: (outcome) => {
        if (outcome.type !== 'ready') return
        const { worker, loadMs } = outcome
        this.#options.logger.debug({ model: info.key, worker, loadMs }, 'worker ready')
        this.#tell(() => this.emit('workerReady', { model: info.key, worker, loadMs }))
      },
      onRun: (report) => {
        slot.texts += report.texts
        slot.tokens += report.tokens
        slot.batches++
        this.#tell(() => this.emit('batchCompleted', { model: info.key, ...report }))
      },
    })
    const slot: Slot = { info, entry, loaded: undefined, loadMs: 0, texts: 0, tokens: 0, batches: 0 }
    this.#slots.set(info.key, slot)
    return entry.then(
      (loaded) => {
        slot.loaded = loaded
        slot.loadMs = performance.now() - started
        const facts = { model: info.key, workers: loaded.plan.workers, loadMs: slot.loadMs }
        const { precision, plan } = loaded
        const more = { precision, device: 'cpu', dimensions: info.defaultDimensions, threads: plan.threads }
        this.#options.logger.info({ ...facts, ...more }, 'model loaded')
        this.#tell(() => this.emit('modelLoaded', facts))
        return loaded
      },
      (error: unknown) => {
        // The next call tries again; it may have been the download, or the memory another model has since given back.
        if (this.#slots.get(info.key) === slot) this.#slots.delete(info.key)
        throw error
      },
    )
  }

  /** A listener that throws fails no call: its error surfaces as the uncaught exception it is. */
  #tell(emit: () => void): void {
    try {
      emit()
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }

  async #start(info: StellaModelInfo, observer: EntryObserver): Promise<LoadedEntry> {
    await this.#evicting.get(info.key)
    return LoadedEntry.load(info, this.#ledger, this.#options, observer)
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

/** A model that failed to load holds nothing. */
async function closeEntry(slot: Slot): Promise<void> {
  const [outcome] = await Promise.allSettled([slot.entry])
  if (outcome.status === 'fulfilled') await outcome.value.close()
}

function statsOf(slot: Slot): ModelStats {
  const { info, loaded, loadMs, texts, tokens, batches } = slot
  return {
    model: info.key,
    state: loaded === undefined ? 'loading' : 'ready',
    workers: loaded?.workers.threads ?? 0,
    threads: loaded?.plan.threads ?? 0,
    loads: loaded?.workers.loads ?? 0,
    waiting: loaded?.waiting ?? 0,
    memory: loaded?.plan.memory,
    loadMs,
    texts,
    tokens,
    batches,
  }
}
