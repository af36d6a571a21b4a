/** The worker threads of one model: a Piscina whose threads each load it once. Runs batches; knows no texts. */
import { Piscina } from 'piscina'

import type { StellaModelInfo } from '../../registry/types.js'
import type { EmbedTask, LoadOutcome, TaskOutcome, WorkerSetup } from '../../workers/protocol.js'
import { SHARED, SHARED_LENGTH, decodeError, isLoadOutcome } from '../../workers/protocol.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import type { PackedTexts } from '../inference/packing.js'
import { guardExit } from './exit-guard.js'

/** The compiled entry of a worker thread, from the sources and from `dist` alike. */
const WORKER_ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/workers/embedding-worker.js' : '../../workers/embedding-worker.js',
  import.meta.url,
)

/** What to start. */
export interface ModelWorkersOptions {
  readonly artefact: string
  readonly workers: number
  readonly threads: number
  readonly onLoad: (outcome: LoadOutcome) => void
}

/** One run's result. */
export interface RunResult {
  /** float32 `[batch, dimensions]` */
  readonly slab: Float32Array
  readonly runMs: number
}

/** Threads with a loaded model. */
export class ModelWorkers {
  readonly info: StellaModelInfo
  readonly #piscina: Piscina<EmbedTask, TaskOutcome>
  readonly #shared: Int32Array<SharedArrayBuffer>
  readonly #unguard: () => void
  readonly #pending = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  private constructor(
    info: StellaModelInfo,
    piscina: Piscina<EmbedTask, TaskOutcome>,
    shared: Int32Array<SharedArrayBuffer>,
  ) {
    this.info = info
    this.#piscina = piscina
    this.#shared = shared
    this.#unguard = guardExit(shared)
  }

  /**
   * Starts the threads and waits until every one has loaded the model.
   *
   * @throws {StellaError} MODEL_LOAD_FAILED with the first worker's reason. All threads are gone by then.
   */
  static async start(info: StellaModelInfo, options: ModelWorkersOptions): Promise<ModelWorkers> {
    const { artefact, workers, threads, onLoad } = options
    const shared = new Int32Array(new SharedArrayBuffer(SHARED_LENGTH * Int32Array.BYTES_PER_ELEMENT))
    const setup: WorkerSetup = { info, artefact, threads, shared }
    const piscina = new Piscina<EmbedTask, TaskOutcome>({
      filename: WORKER_ENTRY.href,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      maxQueue: Number.POSITIVE_INFINITY,
      workerData: setup,
    })
    const started = new ModelWorkers(info, piscina, shared)
    try {
      await loadsOf(piscina, workers, onLoad)
      return started
    } catch (error) {
      await started.close()
      throw error
    }
  }

  /** Times any thread began to load. Equal to the threads ever started, or something loads twice. */
  get loads(): number {
    return Atomics.load(this.#shared, SHARED.loads)
  }

  /** Live threads. */
  get threads(): number {
    return this.#piscina.threads.length
  }

  /** Runs waiting for a thread. */
  get queued(): number {
    return this.#piscina.queueSize
  }

  /**
   * Runs one batch on the next free thread. Its buffers are transferred: the caller's arrays are empty afterwards.
   *
   * @throws {StellaError} what the worker threw, or WORKER_LOST when its thread ended; POOL_CLOSED after `close`.
   */
  async run(batch: PackedTexts, options: { dimensions: number; normalize: boolean }): Promise<RunResult> {
    if (this.#closing !== undefined)
      throw new StellaError('POOL_CLOSED', `The workers of ${this.info.key} were stopped`)
    const task: EmbedTask = { ...batch, dimensions: options.dimensions, normalize: options.normalize }
    // No signal is ever passed on: Piscina would end the thread, and with it the loaded model.
    const transferList = [batch.ids.buffer, batch.lengths.buffer] as ArrayBuffer[]
    const answer = this.#piscina.run(task, { transferList })
    this.#pending.add(answer)
    try {
      const outcome = await answer
      if (outcome.ok) return { slab: outcome.slab, runMs: outcome.runMs }
      throw decodeError(outcome.error)
    } catch (error) {
      if (isStellaError(error)) throw error
      throw new StellaError('WORKER_LOST', `A worker of ${this.info.key} ended during a run: ${messageOf(error)}`, {
        cause: error,
        details: { model: this.info.key },
      })
    } finally {
      this.#pending.delete(answer)
    }
  }

  /** Waits for loads and runs under way, then stops the threads. */
  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  async #stop(): Promise<void> {
    await Promise.allSettled(this.#pending)
    await this.#quiet()
    await this.#piscina.destroy()
    this.#unguard()
  }

  /** Ends once no thread is inside the engine: forbids new runs, then waits for the last. */
  async #quiet(): Promise<void> {
    Atomics.store(this.#shared, SHARED.closing, 1)
    for (;;) {
      const busy = Atomics.load(this.#shared, SHARED.busy)
      if (busy === 0) return
      await Atomics.waitAsync(this.#shared, SHARED.busy, busy).value
    }
  }
}

/** Resolves when so many workers are ready, rejects at the first that is not. */
function loadsOf(
  piscina: Piscina<EmbedTask, TaskOutcome>,
  workers: number,
  onLoad: (outcome: LoadOutcome) => void,
): Promise<void> {
  const { promise, resolve, reject } = promiseWithResolvers()
  let ready = 0
  piscina.on('message', (message: unknown) => {
    if (!isLoadOutcome(message)) return
    onLoad(message)
    if (message.type === 'failed') reject(asLoadFailure(decodeError(message.error)))
    else if (++ready === workers) resolve()
  })
  // A thread that ends while it loads, or whose module does not even start. Stays on: unheard, the event would throw.
  piscina.on('error', (error: unknown) => {
    reject(asLoadFailure(error))
  })
  return promise
}

/** Errors that say what to do pass as they are; the rest becomes MODEL_LOAD_FAILED. */
function asLoadFailure(error: unknown): StellaError {
  if (isStellaError(error) && error.code !== 'INTERNAL') {
    if (error.code === 'MODEL_LOAD_FAILED') return error
    return new StellaError('MODEL_LOAD_FAILED', error.message, {
      cause: error,
      details: { ...error.details, reason: error.code },
    })
  }
  return new StellaError('MODEL_LOAD_FAILED', `A worker ended while loading: ${messageOf(error)}`, { cause: error })
}

function promiseWithResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((fulfil, fail) => {
    resolve = fulfil
    reject = fail
  })
  return { promise, resolve, reject }
}
