/**
 * A worker without a thread: answers later, one batch after the other, keeps to the states of the real one, and can be
 * lost. Knows no queue and no other worker.
 */
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import { requireDimensions } from '../inference/options.js'
import type { PackedTexts } from '../packed/packing.js'
import { checkPacked } from '../packed/packing.js'
import type { PoolWorker, RunResult, Variant, WorkerFacts, WorkerObserver } from '../pool/backend.js'
import type { WorkerState } from '../pool/worker-state.js'
import { acceptsWork, transition } from '../pool/worker-state.js'
import type { FakeScript, LosableWorker } from './fake-controls.js'
import type { FakeRun } from './fake-options.js'
import { fakeVectors } from './fake-vectors.js'
import { rest } from './rest.js'

/** Batches that a worker may hold: the one it runs, and one more. */
const BATCHES = 2

/** Negative, so that it is never a thread's. */
let lastWorker = 0

/** See the head of this file. */
export class FakeWorker implements PoolWorker, LosableWorker {
  readonly info: StellaModelInfo
  readonly #weights: WorkerFacts['weights']
  readonly #script: FakeScript
  readonly #observer: WorkerObserver
  readonly #id = --lastWorker
  /** Batches that were handed over and not answered. */
  readonly #asked = new Set<Promise<RunResult>>()
  /** Aborts with the error that ends it. */
  readonly #ended = new AbortController()
  #state: WorkerState = 'spawning'
  #loading: Promise<void> | undefined
  #dying: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  /** When the batch taken last is done. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    info: StellaModelInfo,
    parts: {
      readonly weights: WorkerFacts['weights']
      readonly script: FakeScript
      readonly observer: WorkerObserver
    },
  ) {
    this.info = info
    this.#weights = parts.weights
    this.#script = parts.script
    this.#observer = parts.observer
  }

  get state(): WorkerState {
    return this.#state
  }

  /**
   * Takes its time to load. To be called once.
   *
   * @throws {StellaError} MODEL_LOAD_FAILED when it was told to fail, with the code as `details.reason`; POOL_CLOSED when
   * it was stopped meanwhile.
   */
  async start(): Promise<WorkerFacts> {
    if (this.#loading !== undefined) throw this.#misused('started twice')
    if (this.#isStopped()) throw this.#closed()
    const started = performance.now()
    this.#become('loading')
    this.#script.workers.add(this)
    this.#loading = this.#load()
    try {
      await this.#loading
      if (this.#isStopped()) throw this.#closed()
      this.#become('ready')
    } catch (error) {
      const failure = this.#isStopped() ? this.#closed() : this.#asLoadFailure(error)
      if (!this.#isStopped()) this.#become('failed')
      await this.stop()
      throw failure
    }
    return { worker: this.#id, loadMs: performance.now() - started, weights: this.#weights }
  }

  /**
   * Answers a batch later; takes one more meanwhile. The batch's buffers are transferred, as a real worker's are: the
   * caller's arrays are empty afterwards.
   *
   * @throws {StellaError} what it was told to fail with; WORKER_LOST when it was lost; POOL_CLOSED after `stop`; INTERNAL
   * for a third batch, or one before it is ready; INPUT_INVALID or DIMENSIONS_UNSUPPORTED for what no model runs.
   */
  async run(batch: PackedTexts, { dimensions, normalize }: Variant): Promise<RunResult> {
    if (this.#state === 'spawning' || this.#state === 'loading')
      throw this.#misused('given a batch before it was ready')
    if (this.#isStopped()) throw this.#closed()
    if (!acceptsWork(this.#state)) throw this.#reason()
    if (this.#asked.size >= BATCHES) throw this.#misused(`given more than ${BATCHES} batches at once`)
    const { ids, lengths } = batch
    const owned = structuredClone({ ids, lengths }, { transfer: [ids.buffer, lengths.buffer] as ArrayBuffer[] })
    if (this.#state === 'ready') this.#become('processing')
    const answer = this.#answer(owned, { dimensions, normalize }, this.#last)
    this.#last = answer.catch(() => undefined)
    // Before whoever asked hears of the answer: they may hand over the next batch at once.
    const settle = (): void => {
      this.#asked.delete(answer)
      if (this.#asked.size === 0 && this.#state === 'processing') this.#become('ready')
    }
    this.#asked.add(answer)
    answer.then(settle, settle)
    return answer
  }

  /** Ends it uninvited, once it has loaded. Does nothing where it has ended already. */
  lose(error: StellaError): void {
    const isMissed = acceptsWork(this.#state)
    if (!isMissed && this.#state !== 'evicting') return
    this.#become('failed')
    this.#ended.abort(error)
    this.#dying = this.#die(isMissed, error)
  }

  /** Waits for a load or runs under way, then ends it. Idempotent; never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    if (this.#state !== 'failed' && this.#state !== 'dead') this.#become('evicting')
    await Promise.allSettled([this.#loading, ...this.#asked])
    await this.#dying
    if (this.#state !== 'dead') this.#become('dead')
    this.#script.workers.delete(this)
  }

  async #die(isMissed: boolean, error: StellaError): Promise<void> {
    await Promise.allSettled(this.#asked)
    // A turn later: whoever waits for the runs has heard by then.
    await rest(0)
    this.#become('dead')
    this.#script.workers.delete(this)
    if (isMissed) this.#observer.onLost(error)
  }

  async #load(): Promise<void> {
    await rest(this.#script.loadMs)
    const failure = this.#script.loadFailure(this.info, 'worker')
    if (failure !== undefined) throw failure
  }

  async #answer(batch: PackedTexts, variant: Variant, before: Promise<unknown>): Promise<RunResult> {
    await before
    const started = performance.now()
    try {
      checkPacked(batch, this.info.architecture.vocab)
      requireDimensions(this.info, variant.dimensions)
      const run = this.#describe(batch, variant)
      await this.#rest(this.#script.latencyMs(run))
      const failure = this.#script.runFailure(this.info, run)
      if (failure?.code === 'WORKER_LOST') this.lose(failure)
      if (failure !== undefined) throw failure
      const slab = await fakeVectors(this.info.key, batch, variant, () => this.#rest(0))
      return { slab, runMs: performance.now() - started }
    } catch (error) {
      if (isStellaError(error)) throw error
      throw new StellaError('INTERNAL', `A fake run of ${this.info.key} failed: ${messageOf(error)}`, {
        cause: error,
        details: { model: this.info.key, fake: true },
      })
    }
  }

  /** @throws {StellaError} why it ended, as soon as it has. */
  async #rest(milliseconds: number): Promise<void> {
    const { signal } = this.#ended
    await rest(milliseconds, signal)
    if (signal.aborted) throw this.#reason()
  }

  #describe({ ids, lengths }: PackedTexts, { dimensions, normalize }: Variant): FakeRun {
    const texts: Int32Array[] = []
    let start = 0
    for (const length of lengths) {
      // Copies: what a test does to them must not change a vector.
      texts.push(ids.slice(start, start + length))
      start += length
    }
    return { model: this.info.key, worker: this.#id, texts, tokens: ids.length, dimensions, normalize }
  }

  /** A method, and not a comparison: the answer changes while something is awaited. */
  #isStopped(): boolean {
    return this.#stopping !== undefined
  }

  #become(state: WorkerState): void {
    this.#state = transition(this.#state, state)
  }

  /** Why it was lost. */
  #reason(): StellaError {
    const reason: unknown = this.#ended.signal.reason
    return isStellaError(reason) ? reason : this.#misused('given a batch after its load had failed')
  }

  #closed(): StellaError {
    const { key } = this.info
    return new StellaError('POOL_CLOSED', `The worker of ${key} was stopped`, { details: { model: key } })
  }

  #misused(how: string): StellaError {
    const { key } = this.info
    const details = { model: key, state: this.#state }
    return new StellaError('INTERNAL', `A worker of ${key} that is ${this.#state} was ${how}`, { details })
  }

  #asLoadFailure(error: unknown): StellaError {
    const own = isStellaError(error) ? { ...error.details, reason: error.code } : { reason: 'INTERNAL' }
    const details = { ...own, model: this.info.key }
    return new StellaError('MODEL_LOAD_FAILED', messageOf(error), { cause: error, details })
  }
}
