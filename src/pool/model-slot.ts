/**
 * One model's place in a pool, for as long as the pool lives: loads it when it is wanted, lets it go when it is not used,
 * and remembers across loads what must not be forgotten: its breaker, its queue's budget and its counts.
 */
import type { StellaModelInfo } from '../../registry/types.js'
import type { EvictionReason } from '../events.js'
import { abortedError, throwIfAborted, untilAborted } from '../files/cancellation.js'
import { Admission } from './admission.js'
import { RespawnBackoff } from './backoff.js'
import type { ModelFacts } from './health.js'
import type { LoadRequest } from './load-model.js'
import { loadModel } from './load-model.js'
import type { MemoryGrant } from './memory-ledger.js'
import { ModelMeters } from './model-meters.js'
import { workerBytes } from './plan.js'
import { probe } from './probe.js'
import type { Rate } from './rate-meter.js'
import type { Reclaim, Reclaimable } from './reclaim.js'
import type { ModelState, ModelStats } from './pool-stats.js'
import type { ServedModel } from './served-model.js'
import type { Load, SlotParts } from './slot-contract.js'

/** See the head of this file. */
export class ModelSlot implements Reclaimable {
  readonly info: StellaModelInfo
  readonly admission: Admission
  readonly #parts: SlotParts
  readonly #meters = new ModelMeters()
  readonly #backoff = new RespawnBackoff(Math.random)
  #load: Load | undefined
  /** Loads on their way out, and when each has given its memory back. */
  readonly #leaving = new Map<Load, Promise<void>>()
  #lastLoadFailed = false
  #calls = 0
  #lastUsed = performance.now()
  #keepAlive: NodeJS.Timeout | undefined
  #pinned = false

  constructor(info: StellaModelInfo, parts: SlotParts) {
    this.info = info
    this.#parts = parts
    const { options, tell } = parts
    const rate = (): Rate | undefined => this.#meters.rateOf(Math.max(1, this.#load?.loaded?.crew.size ?? 1))
    this.admission = new Admission({ model: info.key, limits: options.queue, tell, rate })
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
        throwIfAborted(signal, this.#loading)
        const load = (this.#load ??= this.#start(dimensions))
        const call = this.#join(load, signal, work)
        load.calls.add(call)
        const outcome = await call.finally(() => load.calls.delete(call))
        if (outcome !== undefined) return outcome.result
        // It has lost its workers since it was loaded.
        if (this.#load === load) await untilAborted(signal, this.evict('failed'), this.#loading)
      }
    } finally {
      this.#calls--
      this.#lastUsed = performance.now()
      this.#rest()
    }
  }

  /**
   * Serves the calls it has, those that wait for it included, then stops the workers and gives the memory back. Later
   * calls load it again. Asked by name, it is no longer pinned either.
   */
  async evict(reason: EvictionReason): Promise<void> {
    if (reason === 'asked') this.#pinned = false
    const load = this.#load
    // Whoever asks for memory holds up the line in which a load may be waiting for some.
    const isPressed = reason === 'pressure'
    if (load !== undefined && (!isPressed || load.loaded !== undefined)) {
      this.#load = undefined
      clearTimeout(this.#keepAlive)
      this.#leaving.set(load, this.#unload(load, reason))
    }
    const leaving = [...this.#leaving].filter(([{ committed }]) => !isPressed || committed !== undefined)
    await Promise.all(leaving.map(([, gone]) => gone))
  }

  /** What could be given back now without harm to a call, in bytes. */
  reclaimable(): Reclaim {
    const leaving = [...this.#leaving.keys()].reduce((sum, { committed }) => sum + (committed?.bytes ?? 0), 0)
    if (leaving > 0) return { shrink: 0, evict: leaving, leaving: true }
    const loaded = this.#load?.loaded
    if (loaded === undefined) {
      const isLoading = this.#load !== undefined || this.#leaving.size > 0
      return { shrink: 0, evict: 0, kept: isLoading ? 'loading' : undefined }
    }
    const { crew, plan, memory } = loaded
    const shrink = (crew.spare + crew.leaving) * workerBytes(plan)
    const kept = this.#pinned ? 'pinned' : this.#calls > 0 ? 'busy' : undefined
    return { shrink, evict: kept === undefined ? memory : 0, kept }
  }

  /** Lets idle workers go. */
  async shrink(): Promise<void> {
    await this.#load?.loaded?.crew.shrink()
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
      device: this.#parts.options.device,
      weights: crew?.weights,
      workers: crew?.size ?? 0,
      workerStates: crew?.states ?? {},
      threads: loaded?.plan.threads ?? 0,
      plan: loaded?.plan,
      loads: crew?.loads ?? 0,
      memory: loaded?.memory ?? 0,
      breaker: this.admission.breakerAt(now),
      waiting: loaded?.waiting ?? { texts: 0, tokens: 0 },
      running: loaded?.running ?? { texts: 0, tokens: 0, batches: 0 },
      queue: this.admission.held,
      ...this.#meters.figures(now),
    }
  }

  /** What its health is made of. */
  facts(): ModelFacts {
    const state = this.#state()
    return {
      model: this.info.key,
      state: state === 'unloaded' && this.#lastLoadFailed ? 'failed' : state,
      pinned: this.#pinned,
      breaker: this.admission.breakerAt(performance.now()).state,
      workers: this.#load?.loaded?.crew.size ?? 0,
      lastSuccessAt: this.#meters.lastSuccess,
    }
  }

  /**
   * Has the loaded model run one word, which is no use of it: its idle time runs on. What comes of it, the facts say.
   */
  async probe(timeoutMs: number): Promise<void> {
    const served = this.#load?.loaded
    if (served !== undefined && !served.closing) await probe(served, timeoutMs, this.#parts.options.logger)
  }

  /** What a call does while it waits, for messages. */
  get #loading(): string {
    return `loading ${this.info.key}`
  }

  #state(): ModelState {
    if (this.#load === undefined) return this.#leaving.size === 0 ? 'unloaded' : 'evicting'
    return this.#load.loaded === undefined ? 'loading' : 'loaded'
  }

  /** Waits for a load and does `work` with it; undefined where it takes no calls. */
  async #join<T>(
    load: Load,
    signal: AbortSignal | undefined,
    work: (served: ServedModel) => Promise<T>,
  ): Promise<{ readonly result: T } | undefined> {
    let served: ServedModel
    load.waiting++
    try {
      served = await untilAborted(signal, load.served, this.#loading)
    } finally {
      load.waiting--
      const isOver = load.committed !== undefined
      if (signal?.aborted === true && load.waiting === 0 && !isOver) this.#abandon(load, signal)
    }
    // In the same breath in which it is seen to take calls.
    return served.closing ? undefined : { result: await work(served) }
  }

  /** Everybody who waited for the load has given up: it ends, too. */
  #abandon(load: Load, signal: AbortSignal): void {
    load.giveUp.abort(abortedError(signal, this.#loading))
    if (this.#load === load) void this.evict('failed')
  }

  #start(dimensions: number): Load {
    const giveUp = new AbortController()
    const onStranded = (): void => {
      if (this.#load !== load) return
      this.#lastLoadFailed = true
      void this.evict('failed')
    }
    const onCommitted = (grant: MemoryGrant): void => {
      load.committed = grant
    }
    const load: Load = {
      served: this.#open(dimensions, { signal: giveUp.signal, onStranded, onCommitted }),
      ...{ giveUp, calls: new Set(), waiting: 0, committed: undefined, loaded: undefined },
    }
    load.served.then(
      (served) => {
        load.loaded = served
        this.#lastLoadFailed = false
        this.#rest()
      },
      // Whoever waits hears of it. The next call tries again: it may have been the download, or memory that another
      // model has since given back.
      () => {
        this.#lastLoadFailed = !giveUp.signal.aborted
        if (this.#load === load) this.#load = undefined
      },
    )
    return load
  }

  async #open(
    dimensions: number,
    of: Pick<LoadRequest, 'signal' | 'onStranded' | 'onCommitted'>,
  ): Promise<ServedModel> {
    const { tell, options } = this.#parts
    const started = performance.now()
    await Promise.allSettled(this.#leaving.values())
    const heads = this.info.heads.length === 0 ? undefined : [dimensions]
    const served = await loadModel(this.info, {
      ...this.#parts,
      ...{ requester: this, meters: this.#meters, backoff: this.#backoff, dimensions: heads, ...of },
    })
    const loadMs = performance.now() - started
    this.#meters.loaded(loadMs)
    const { crew, plan, precision } = served
    const facts = { workers: crew.size, threads: plan.threads, precision, weights: crew.weights, loadMs }
    tell('modelLoaded', { ...facts, device: options.device, dimensions: this.info.defaultDimensions })
    return served
  }

  async #unload(load: Load, reason: EvictionReason): Promise<void> {
    const [outcome] = await Promise.allSettled([load.served, ...load.calls])
    try {
      // One that failed to load holds nothing.
      if (outcome.status === 'rejected') return
      await outcome.value.close()
    } finally {
      this.#leaving.delete(load)
    }
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
