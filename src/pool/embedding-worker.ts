/**
 * One worker: a thread that loads a model once and runs batches, its state, and its end, asked for or not. Growth, back-off
 * and what becomes of a lost batch are the pool's decisions. Knows no queue and no other worker.
 */
import type { StellaModelInfo } from '../../registry/types.js'
import type { EmbedTask, WorkerHandlers, WorkerSetup } from '../../workers/protocol.js'
import { decodeError } from '../../workers/protocol.js'
import { end, forbidRuns, loadsOf, sharedCounts, whenIdle } from '../../workers/shared-counts.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import type { PackedTexts } from '../packed/packing.js'
import { disableEngineTelemetry } from '../runtime/telemetry.js'
import type { PoolWorker, RunResult, Variant, WorkerFacts, WorkerObserver } from './backend.js'
import { guardExit } from './exit-guard.js'
import type { WorkerState } from './worker-state.js'
import { acceptsWork, transition } from './worker-state.js'
import type { ThreadEnd } from './worker-thread.js'
import { TASKS_IN_THREAD, WorkerThread } from './worker-thread.js'

/** What to load, and how. */
export type EmbeddingWorkerSetup = Omit<WorkerSetup, 'info' | 'shared'>

/** ONNX Runtime in a thread. */
export class EmbeddingWorker implements PoolWorker {
  readonly #info: StellaModelInfo
  readonly #setup: EmbeddingWorkerSetup
  readonly #observer: WorkerObserver
  readonly #shared = sharedCounts()
  /** What the thread was asked and has not answered. */
  readonly #asked = new Set<Promise<unknown>>()
  #state: WorkerState = 'spawning'
  #thread: WorkerThread | undefined
  #stopping: Promise<void> | undefined

  constructor(info: StellaModelInfo, setup: EmbeddingWorkerSetup, observer: WorkerObserver) {
    this.#info = info
    this.#setup = setup
    this.#observer = observer
  }

  get state(): WorkerState {
    return this.#state
  }

  /** Times a thread of this worker began to load: more than one, and something loads twice. */
  get loads(): number {
    return loadsOf(this.#shared)
  }

  /**
   * Starts the thread and loads the model. To be called once.
   *
   * @throws {StellaError} MODEL_LOAD_FAILED with the worker's reason as `details.reason`, which is WORKER_LOST when its
   * thread ended; POOL_CLOSED when it was stopped meanwhile. The thread is gone by then.
   */
  async start(): Promise<WorkerFacts> {
    if (this.#thread !== undefined) throw this.#misused('started twice')
    if (this.#stopping !== undefined) throw this.#closed()
    try {
      const outcome = await keepingAlive(this.#ask(this.#spawn(), 'load', undefined))
      if (outcome.type === 'failed') throw decodeError(outcome.error)
      if (this.#isStopped()) throw this.#closed()
      this.#become('ready')
      const { worker, loadMs, weights } = outcome
      return { worker, loadMs, weights }
    } catch (error) {
      const failure = this.#isStopped() ? this.#closed() : this.#asLoadFailure(error)
      if (this.#state === 'spawning' || this.#state === 'loading') this.#become('failed')
      await this.stop()
      throw failure
    }
  }

  /**
   * Runs a batch; one more may be handed over while it runs, and runs after it. The batch's buffers are transferred: the
   * caller's arrays are empty afterwards.
   *
   * @throws {StellaError} what the worker threw; WORKER_LOST when its thread ended; POOL_CLOSED after `stop`; INTERNAL
   * for a third batch, one that was handed over before, or one before the worker is ready.
   */
  async run({ ids, lengths }: PackedTexts, { dimensions, normalize }: Variant): Promise<RunResult> {
    const thread = this.#thread
    if (thread === undefined || this.#state === 'spawning' || this.#state === 'loading') {
      throw this.#misused('given a batch before it was ready')
    }
    if (this.#isStopped()) throw this.#closed()
    if (!acceptsWork(this.#state)) throw this.#lost(await thread.ended)
    if (this.#asked.size >= TASKS_IN_THREAD) throw this.#misused(`given more than ${TASKS_IN_THREAD} batches at once`)
    // Arrays that were handed over before are empty, too, and Node lets them pass: the thread would die of them.
    if (ids.length === 0 || lengths.length === 0) throw this.#misused('given an empty batch, or the same one again')
    if (this.#state === 'ready') this.#become('processing')
    const task: EmbedTask = { ids, lengths, dimensions, normalize }
    const outcome = await this.#ask(thread, 'embed', task, [ids.buffer, lengths.buffer] as ArrayBuffer[])
    if (outcome.ok) return { slab: outcome.slab, runMs: outcome.runMs }
    throw decodeError(outcome.error)
  }

  /** Waits for a load or runs under way, then ends the thread. Idempotent; never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= keepingAlive(this.#stop())
    return this.#stopping
  }

  async #stop(): Promise<void> {
    // A load that has not begun never will: it is refused. One that has begun is waited for.
    if (this.#state === 'spawning' || this.#state === 'loading') forbidRuns(this.#shared)
    if (this.#state !== 'failed' && this.#state !== 'dead') this.#become('evicting')
    if (this.#thread === undefined) {
      this.#become('dead')
      return
    }
    await Promise.allSettled(this.#asked)
    forbidRuns(this.#shared)
    // Nothing should be under way by now. Ending a thread inside the engine aborts the process, so this looks again.
    await whenIdle(this.#shared)
    await this.#thread.end()
  }

  /** A method, and not a comparison: the answer changes while something is awaited. */
  #isStopped(): boolean {
    return this.#stopping !== undefined
  }

  #become(state: WorkerState): void {
    this.#state = transition(this.#state, state)
  }

  #spawn(): WorkerThread {
    // The worker loads the engine, and cannot do this itself.
    disableEngineTelemetry()
    const shared = this.#shared
    let wasReady = false
    const thread = new WorkerThread(
      { ...this.#setup, info: this.#info, shared },
      {
        onStarted: () => {
          if (this.#state === 'spawning') this.#become('loading')
        },
        onFailing: () => {
          wasReady = acceptsWork(this.#state)
          if (this.#state !== 'failed') this.#become('failed')
        },
      },
    )
    this.#thread = thread
    const unguard = guardExit(shared)
    void thread.ended.then(async (threadEnd) => {
      // A thread that was killed could not take it back itself.
      end(shared)
      unguard()
      this.#become('dead')
      await Promise.allSettled(this.#asked)
      if (wasReady) this.#observer.onLost(this.#lost(threadEnd))
    })
    return thread
  }

  /** Asks the thread; where it gives no answer, says what became of it. */
  #ask<Name extends keyof WorkerHandlers>(
    thread: WorkerThread,
    name: Name,
    task: WorkerHandlers[Name]['task'],
    transferList?: ArrayBuffer[],
  ): Promise<WorkerHandlers[Name]['outcome']> {
    const answer = thread.ask(name, task, transferList).catch(async (error: unknown) => {
      // Piscina gives up what a thread was asked as soon as the thread fails. How it ended is known when it has.
      if (thread.isEnding) throw this.#lost(await thread.ended)
      const problem = `A worker of ${this.#info.key} could not be asked to ${name}: ${messageOf(error)}`
      throw new StellaError('INTERNAL', problem, { cause: error, details: { model: this.#info.key } })
    })
    // Before whoever asked hears of the answer: they may hand over the next batch at once.
    const settle = (): void => {
      this.#asked.delete(answer)
      if (this.#asked.size === 0 && this.#state === 'processing') this.#become('ready')
    }
    this.#asked.add(answer)
    answer.then(settle, settle)
    return answer
  }

  #lost({ worker, exitCode, cause }: ThreadEnd): StellaError {
    const { key } = this.#info
    const why = cause === undefined ? `with exit code ${String(exitCode)}` : `by an error: ${messageOf(cause)}`
    const details = { model: key, worker, exitCode }
    return new StellaError('WORKER_LOST', `A worker thread of ${key} ended ${why}`, { cause, details })
  }

  #closed(): StellaError {
    const { key } = this.#info
    return new StellaError('POOL_CLOSED', `The worker of ${key} was stopped`, { details: { model: key } })
  }

  #misused(how: string): StellaError {
    const { key } = this.#info
    const details = { model: key, state: this.#state }
    return new StellaError('INTERNAL', `A worker of ${key} that is ${this.#state} was ${how}`, { details })
  }

  #asLoadFailure(error: unknown): StellaError {
    const own = isStellaError(error) ? { ...error.details, reason: error.code } : { reason: 'INTERNAL' }
    const details = { ...own, model: this.#info.key }
    return new StellaError('MODEL_LOAD_FAILED', messageOf(error), { cause: error, details })
  }
}

/** Longest delay of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Keeps the process until `work` settles: Piscina's threads do not, and a load would end with everything else. */
async function keepingAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, MAX_TIMER_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}
