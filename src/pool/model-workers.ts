/** The worker threads of one model: a Piscina whose threads each load it once. Runs batches; knows no texts. */
import type { Worker } from 'node:worker_threads'

import { Piscina } from 'piscina'

import type { StellaModelInfo } from '../../registry/types.js'
import type { EmbedTask, LoadOutcome, TaskOutcome, WorkerSetup } from '../../workers/protocol.js'
import { decodeError, isLoadOutcome } from '../../workers/protocol.js'
import type { SharedCounts } from '../../workers/shared-counts.js'
import { busyIndices, forbidRuns, forgetThread, loadsOf, sharedCounts } from '../../workers/shared-counts.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import type { PackedTexts } from '../packed/packing.js'
import { disableEngineTelemetry } from '../runtime/telemetry.js'
import { guardExit } from './exit-guard.js'

/** The compiled entry of a worker thread, from the sources and from `dist` alike. */
const WORKER_ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/workers/embedding-worker.js' : '../../workers/embedding-worker.js',
  import.meta.url,
)

/** What to start. */
export interface ModelWorkersOptions {
  readonly artefact: string
  readonly fingerprint: string
  readonly workers: number
  readonly threads: number
  /** Whether the packed weights have been made, for the workers to map. */
  readonly sharedWeights: boolean
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
  readonly #shared: SharedCounts
  readonly #unguard: () => void
  readonly #pending = new Set<Promise<unknown>>()
  #weights: 'shared' | 'own' = 'shared'
  #closing: Promise<void> | undefined

  private constructor(info: StellaModelInfo, piscina: Piscina<EmbedTask, TaskOutcome>, shared: SharedCounts) {
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
    const { artefact, fingerprint, workers, threads, sharedWeights, onLoad } = options
    const shared = sharedCounts()
    // The workers load the engine, and cannot do this themselves.
    disableEngineTelemetry()
    const setup: WorkerSetup = { info, artefact, fingerprint, threads, sharedWeights, shared }
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
      await keepingAlive(
        outcomesOf(piscina, shared, workers, (outcome) => {
          if (outcome.type === 'ready' && outcome.weights === 'own') started.#weights = 'own'
          onLoad(outcome)
        }),
      )
      return started
    } catch (error) {
      await started.close()
      throw asLoadFailure(error, { model: info.key, workers, loads: started.loads })
    }
  }

  /** Times any thread began to load. Equal to the threads ever started, or something loads twice. */
  get loads(): number {
    return loadsOf(this.#shared)
  }

  /** Whether all workers map one copy of the weights; `own` once any has a copy to itself. */
  get weights(): 'shared' | 'own' {
    return this.#weights
  }

  /** Live threads. */
  get threads(): number {
    return this.#piscina.threads.length
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
    forbidRuns(this.#shared)
    for (const busy of busyIndices(this.#shared)) {
      await keepingAlive(Atomics.waitAsync(this.#shared, busy, 1).value)
    }
  }
}

/** Hears of every thread's end, also of one that leaves by itself, of which Piscina says nothing while it is idle. */
function watchThreads(piscina: Piscina<EmbedTask, TaskOutcome>, onEnd: (threadId: number) => void): void {
  const known = new WeakSet<Worker>()
  const watch = (): void => {
    for (const thread of piscina.threads) {
      if (known.has(thread)) continue
      known.add(thread)
      // Kept now: a thread that has ended has no id any more.
      const { threadId } = thread
      thread.once('exit', () => {
        onEnd(threadId)
      })
    }
  }
  watch()
  piscina.on('workerCreate', watch)
}

/**
 * Resolves once so many workers have loaded. When one fails, the others are heard out first: they load the same files,
 * and a thread cannot be stopped while it does.
 */
function outcomesOf(
  piscina: Piscina<EmbedTask, TaskOutcome>,
  shared: SharedCounts,
  workers: number,
  onLoad: (outcome: LoadOutcome) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const outcomes: LoadOutcome[] = []
    piscina.on('message', (message: unknown) => {
      if (!isLoadOutcome(message)) return
      outcomes.push(message)
      if (outcomes.length >= workers) {
        const failure = outcomes.find((outcome) => outcome.type === 'failed')
        if (failure === undefined) resolve()
        else reject(decodeError(failure.error))
      }
      onLoad(message)
    })
    const lost = (cause?: unknown): void => {
      const reason = cause === undefined ? '' : `: ${messageOf(cause)}`
      reject(new StellaError('MODEL_LOAD_FAILED', `A worker ended while loading${reason}`, { cause }))
    }
    watchThreads(piscina, (threadId) => {
      forgetThread(shared, threadId)
      // With an outcome of its own it was heard already, and this changes nothing.
      if (!outcomes.some(({ worker }) => worker === threadId)) lost()
    })
    // What a thread throws outside of a task. Stays on: unheard, the event would throw.
    piscina.on('error', lost)
  })
}

/** What a worker could not do, as a failure to load. `loads` equals `workers`, or something loaded twice. */
function asLoadFailure(error: unknown, facts: { model: string; workers: number; loads: number }): StellaError {
  const reason = isStellaError(error) ? error.code : 'INTERNAL'
  const details = { ...(isStellaError(error) ? error.details : {}), ...facts, reason }
  return new StellaError('MODEL_LOAD_FAILED', messageOf(error), { cause: error, details })
}

/** Longest delay of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Keeps the process until `work` settles: Piscina's threads do not, and a load would end with everything else. */
async function keepingAlive<T>(work: T | Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, MAX_TIMER_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}
