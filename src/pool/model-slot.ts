/**
 * One model's place in a pool, for as long as the pool lives: loads it when it is wanted, lets it go when it is not used,
 * and remembers across loads what must not be forgotten: its breaker, its queue's budget and its counts.
 */
import type { StellaModelInfo } from '../../registry/types.js'
import type { StellaError } from '../errors.js'
import { isStellaError, messageOf } from '../errors.js'
import type { EvictionReason, PoolEvents } from '../events.js'
import { abortedError, untilAborted } from '../files/cancellation.js'
import type { EmbedInput } from '../inference/embed-texts.js'
import { resolveEmbedOptions } from '../inference/options.js'
import type { Lane } from '../scheduler/scheduler.js'
import type { Reservation } from '../scheduler/queue-budget.js'
import { QueueBudget } from '../scheduler/queue-budget.js'
import type { Backend } from './backend.js'
import type { BreakerPass } from './breaker.js'
import { CircuitBreaker } from './breaker.js'
import { RespawnBackoff } from './backoff.js'
import type { Governor } from './governor.js'
import type { ModelFacts } from './health.js'
import { loadModel } from './load-model.js'
import { countsAgainstModel } from './model-failure.js'
import { ModelMeters } from './model-meters.js'
import { workerBytes } from './plan.js'
import type { Rate } from './rate-meter.js'
import type { Reclaim, Reclaimable } from './reclaim.js'
import type { ResolvedPoolOptions } from './pool-options.js'
import type { ModelState, ModelStats } from './pool-stats.js'
import type { ServedModel } from './served-model.js'

/** Facts of an event, less the model's key. */
export type EventFacts<E extends keyof PoolEvents> = Omit<Parameters<PoolEvents[E]>[0], 'model'>

/** Tells of an event of a model. */
export type Tell = <E extends keyof PoolEvents>(event: E, facts: EventFacts<E>) => void

/** What a slot works with. */
export interface SlotParts {
  readonly backend: Backend
  readonly governor: Governor
  readonly options: ResolvedPoolOptions
  readonly tell: Tell
}

/** A load, from its first call to its eviction. */
interface Load {
  readonly served: Promise<ServedModel>
  readonly giveUp: AbortController
  /** Calls that wait for it. */
  waiting: number
  loaded: ServedModel | undefined
}

/** See the head of this file. */
export class ModelSlot implements Reclaimable {
  readonly info: StellaModelInfo
  readonly #parts: SlotParts
  readonly #meters = new ModelMeters()
  readonly #backoff = new RespawnBackoff(Math.random)
  readonly #queue: QueueBudget
  readonly #breaker: CircuitBreaker
  /** Failures that the breaker has heard of: one that fails many calls is one. */
  readonly #blamed = new WeakSet<StellaError>()
  #load: Load | undefined
  /** A load on its way out, with the memory it still holds. */
  #leaving: Promise<void> | undefined
  /** What it gives back once it has left, in bytes. */
  #leavingBytes = 0
  #lastLoadFailed = false
  #calls = 0
  #lastUsed = performance.now()
  #keepAlive: NodeJS.Timeout | undefined
  #pinned = false

  constructor(info: StellaModelInfo, parts: SlotParts) {
    this.info = info
    this.#parts = parts
    this.#queue = new QueueBudget({ limits: parts.options.queue, model: info.key })
    this.#breaker = new CircuitBreaker({
      model: info.key,
      onTransition: ({ to, failures, lastFailure }) => {
        if (to === 'open') parts.tell('breakerOpened', { failures, code: lastFailure })
        if (to === 'closed') parts.tell('breakerClosed', {})
      },
    })
  }

  get owner(): string {
    return this.info.key
  }

  /** When its last call ended, on the monotonic clock. */
  get lastUsed(): number {
    return this.#lastUsed
  }

  /** Whether it stays loaded until it is evicted by name. */
  get pinned(): boolean {
    return this.#pinned
  }

  set pinned(pinned: boolean) {
    this.#pinned = pinned
    this.#rest()
  }

  /**
   * Takes a call in, or refuses it at once.
   *
   * @throws {StellaError} OVERLOADED, BREAKER_OPEN; what `work` throws.
   */
  async admit<T>(texts: readonly EmbedInput[], lane: Lane, work: (reservation: Reservation) => Promise<T>): Promise<T> {
    const { reservation, pass } = this.#enter(texts)
    this.#parts.tell('requestQueued', { texts: texts.length, lane })
    try {
      const result = await work(reservation)
      pass.succeed(performance.now())
      return result
    } catch (error) {
      this.#blame(error, pass)
      throw error
    } finally {
      reservation.release()
    }
  }

  /**
   * Hands the loaded model to `work`, loading it first where that is needed; a model that is being evicted is waited for
   * and loaded again.
   *
   * @param dimensions - Head that the first call wants.
   * @throws {StellaError} why it could not be loaded; ABORTED or TIMEOUT; what `work` throws.
   */
  async use<T>(
    dimensions: number,
    signal: AbortSignal | undefined,
    work: (served: ServedModel) => Promise<T>,
  ): Promise<T> {
    this.#calls++
    clearTimeout(this.#keepAlive)
    try {
      for (;;) {
        const served = await this.#wait(dimensions, signal)
        // In the same breath in which it was seen to take calls.
        if (!served.closing) return await work(served)
        if (this.#load?.loaded === served) await this.evict('failed')
      }
    } finally {
      this.#calls--
      this.#lastUsed = performance.now()
      this.#rest()
    }
  }

  /** Serves the calls it has, then stops the workers and gives the memory back. Later calls load it again. */
  async evict(reason: EvictionReason): Promise<void> {
    const load = this.#load
    if (load !== undefined) {
      this.#load = undefined
      clearTimeout(this.#keepAlive)
      const leaving = this.#unload(load, reason, this.#leaving).finally(() => {
        if (this.#leaving === leaving) this.#leaving = undefined
      })
      this.#leaving = leaving
    }
    await this.#leaving
  }

  /** What could be given back now without harm to a call, in bytes. */
  reclaimable(): Reclaim {
    if (this.#leavingBytes > 0) return { shrink: 0, evict: this.#leavingBytes, leaving: true }
    const loaded = this.#load?.loaded
    if (loaded === undefined) return { shrink: 0, evict: 0, kept: this.#load === undefined ? undefined : 'loading' }
    const shrink = loaded.crew.spare * workerBytes(loaded.plan)
    const kept = this.#pinned ? 'pinned' : this.#calls > 0 ? 'busy' : undefined
    return { shrink, evict: kept === undefined ? loaded.memory : 0, kept }
  }

  /** Lets idle workers go. */
  async shrink(): Promise<void> {
    const crew = this.#load?.loaded?.crew
    while (crew !== undefined && crew.spare > 0) await crew.shrink()
  }

  /** What the pool tells of it. */
  stats(): ModelStats {
    const now = performance.now()
    const loaded = this.#load?.loaded
    const crew = loaded?.crew
    return {
      model: this.info.key,
      state: this.#state(),
      pinned: this.#pinned,
      precision: loaded?.precision,
      weights: crew?.weights,
      workers: crew?.size ?? 0,
      workerStates: crew?.states ?? {},
      threads: loaded?.plan.threads ?? 0,
      plan: loaded?.plan,
      loads: crew?.loads ?? 0,
      memory: loaded?.memory ?? 0,
      breaker: this.#breaker.snapshot(now),
      waiting: loaded?.waiting ?? { texts: 0, tokens: 0 },
      running: loaded?.running ?? { texts: 0, tokens: 0, batches: 0 },
      queue: this.#queue.held,
      ...this.#meters.figures(now),
    }
  }

  /** What its health is made of. */
  facts(): ModelFacts {
    const state = this.#state()
    return {
      model: this.info.key,
      state: state === 'ready' ? 'loaded' : state === 'unloaded' && this.#lastLoadFailed ? 'failed' : state,
      pinned: this.#pinned,
      breaker: this.#breaker.stateAt(performance.now()),
      workers: this.#load?.loaded?.crew.size ?? 0,
      lastSuccessAt: this.#meters.lastSuccess,
    }
  }

  /**
   * Has the loaded model run one word, which is no use of it: its idle time runs on. What comes of it, the facts say.
   */
  async probe(timeoutMs: number): Promise<void> {
    const served = this.#load?.loaded
    if (served === undefined || served.closing) return
    const reservation = this.#queue.reserve({ texts: 1, bytes: 0 }, undefined)
    try {
      const signal = AbortSignal.timeout(timeoutMs)
      const options = { ...resolveEmbedOptions(this.info), signal }
      await served.embed(PROBE, options, { reservation, lane: 'interactive', mode: 'each' })
    } catch (error) {
      // That the probe failed is its answer: no success is noted.
      this.#parts.options.logger.debug({ model: this.info.key, error: messageOf(error) }, 'health probe failed')
    } finally {
      reservation.release()
    }
  }

  #state(): ModelState {
    if (this.#load === undefined) return this.#leaving === undefined ? 'unloaded' : 'evicting'
    return this.#load.loaded === undefined ? 'loading' : 'ready'
  }

  #enter(texts: readonly EmbedInput[]): { reservation: Reservation; pass: BreakerPass } {
    try {
      const pass = this.#breaker.tryEnter(performance.now())
      try {
        const bytes = texts.reduce((sum, text) => sum + bytesOf(text), 0)
        return { reservation: this.#queue.reserve({ texts: texts.length, bytes }, this.#rate()), pass }
      } catch (error) {
        pass.release()
        throw error
      }
    } catch (error) {
      if (isStellaError(error)) {
        const { retryAfterMs } = error.details
        const wait = typeof retryAfterMs === 'number' ? retryAfterMs : undefined
        this.#parts.tell('requestRejected', { texts: texts.length, code: error.code, retryAfterMs: wait })
      }
      throw error
    }
  }

  /** What the model gets done a second with the workers it has; undefined before it ran anything. */
  #rate(): Rate | undefined {
    const perWorker = this.#meters.perWorker
    if (perWorker === undefined) return undefined
    const workers = Math.max(1, this.#load?.loaded?.crew.size ?? 1)
    return { texts: perWorker.texts * workers, tokens: perWorker.tokens * workers }
  }

  /** Tells the breaker of a failure that is the model's, once however many calls it failed. */
  #blame(error: unknown, pass: BreakerPass): void {
    const root = rootOf(error)
    if (root === undefined || !countsAgainstModel(root.code) || this.#blamed.has(root)) {
      pass.release()
      return
    }
    this.#blamed.add(root)
    pass.fail(performance.now(), root.code)
  }

  async #wait(dimensions: number, signal: AbortSignal | undefined): Promise<ServedModel> {
    const load = (this.#load ??= this.#start(dimensions))
    load.waiting++
    try {
      return await untilAborted(signal, load.served, `loading ${this.info.key}`)
    } finally {
      load.waiting--
      if (signal?.aborted === true && load.waiting === 0 && load.loaded === undefined) this.#abandon(load, signal)
    }
  }

  /** Everybody who waited for the load has given up: it ends, too. */
  #abandon(load: Load, signal: AbortSignal): void {
    load.giveUp.abort(abortedError(signal, `loading ${this.info.key}`))
    if (this.#load === load) void this.evict('abandoned')
  }

  #start(dimensions: number): Load {
    const giveUp = new AbortController()
    const load: Load = { served: this.#open(dimensions, giveUp.signal), ...{ giveUp, waiting: 0, loaded: undefined } }
    load.served.then(
      (served) => {
        load.loaded = served
        this.#lastLoadFailed = false
        this.#rest()
      },
      // Whoever waits hears of it. The next call tries again: it may have been the download, or memory that another
      // model has since given back.
      () => {
        this.#lastLoadFailed = true
        if (this.#load === load) this.#load = undefined
      },
    )
    return load
  }

  async #open(dimensions: number, signal: AbortSignal): Promise<ServedModel> {
    const { tell } = this.#parts
    const started = performance.now()
    await this.#leaving
    const heads = this.info.heads.length === 0 ? undefined : [dimensions]
    const served = await loadModel(this.info, {
      ...this.#parts,
      ...{ requester: this, meters: this.#meters, backoff: this.#backoff, dimensions: heads, signal },
    })
    const loadMs = performance.now() - started
    this.#meters.loaded(loadMs)
    const { crew, plan, precision } = served
    const facts = { workers: crew.size, threads: plan.threads, precision, weights: crew.weights, loadMs }
    tell('modelLoaded', { ...facts, device: 'cpu', dimensions: this.info.defaultDimensions })
    return served
  }

  async #unload(load: Load, reason: EvictionReason, before: Promise<void> | undefined): Promise<void> {
    await before
    const [outcome] = await Promise.allSettled([load.served])
    // One that failed to load holds nothing.
    if (outcome.status === 'rejected') return
    this.#leavingBytes = outcome.value.memory
    await outcome.value.close()
    this.#leavingBytes = 0
    this.#parts.tell('modelEvicted', { reason })
  }

  /** Starts the clock of a model that nobody calls. */
  #rest(): void {
    clearTimeout(this.#keepAlive)
    const { keepAliveMs } = this.#parts.options
    if (this.#calls > 0 || this.#pinned || this.#load?.loaded === undefined) return
    if (keepAliveMs === Number.POSITIVE_INFINITY) return
    this.#keepAlive = setTimeout(() => {
      if (this.#calls === 0 && !this.#pinned) void this.evict('idle')
    }, keepAliveMs).unref()
  }
}

/** One word: a forward pass, and next to no work. */
const PROBE: readonly EmbedInput[] = ['health']

/** Bytes that a text holds while it waits: UTF-16, or int32. */
function bytesOf(text: EmbedInput): number {
  return typeof text === 'string' ? text.length * 2 : text.byteLength
}

/** The failure behind a text's failure: that of the run, or of the load, which many calls may share. */
function rootOf(error: unknown): StellaError | undefined {
  if (!isStellaError(error)) return undefined
  return isStellaError(error.cause) ? rootOf(error.cause) : error
}
