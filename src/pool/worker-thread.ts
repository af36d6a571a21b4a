/**
 * One thread behind a Piscina of its own: started by what it is asked first, never a second time, and heard out to its
 * end. Knows the names that the entry exports, no model and no state of a worker.
 */
import type { Worker } from 'node:worker_threads'

import { Piscina } from 'piscina'

import type { WorkerHandlers, WorkerSetup } from '../../workers/protocol.js'

/** The compiled entry of a worker thread, from the sources and from `dist` alike. */
const WORKER_ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/workers/embedding-worker.js' : '../../workers/embedding-worker.js',
  import.meta.url,
)

/**
 * Tasks in the thread at once: the one it works on, and one that it takes up without asking a main thread that may be
 * busy. Tokens a second over those with one (`npx tsx bench/prefetch.ts`, embedded model, 2 cores that others use, too):
 * with a main thread that is blocked 20 ms at a time 1.3 times for runs of 1.4 ms, 1.1 times for runs of 20 to 60 ms, no
 * difference for those of 0.2 ms, whose answers are fetched several at a time, or of 300 ms; with one that is free from
 * 0.8 to 1.1 times, which is its noise.
 */
export const TASKS_IN_THREAD = 2

/** How a thread ended. */
export interface ThreadEnd {
  /** Whether `end` was called. */
  readonly invited: boolean
  /** Id of the thread. Undefined, like the code, where the system gave none. */
  readonly worker: number | undefined
  readonly exitCode: number | undefined
  /** What it threw; undefined where it left in another way. */
  readonly cause: unknown
}

/** Hears of a thread. */
export interface ThreadObserver {
  /** Its module was loaded. Not called for a thread that dies before. */
  readonly onStarted: () => void
  /** It is about to end uninvited, or has: it must be asked nothing more. Called once, before `ended` resolves. */
  readonly onFailing: () => void
}

/** See the head of this file. */
export class WorkerThread {
  /** Resolves when the thread is gone; where none was ever started, by `end`. */
  readonly ended: Promise<ThreadEnd>
  readonly #piscina: Piscina<unknown, unknown>
  readonly #observer: ThreadObserver
  readonly #resolveEnd: (end: ThreadEnd) => void
  #thread: Worker | undefined
  #ending: 'invited' | 'uninvited' | undefined

  constructor(setup: WorkerSetup, observer: ThreadObserver) {
    this.#observer = observer
    let resolveEnd: (end: ThreadEnd) => void = () => undefined
    this.ended = new Promise((resolve) => (resolveEnd = resolve))
    this.#resolveEnd = resolveEnd
    this.#piscina = new Piscina({
      filename: WORKER_ENTRY.href,
      // Any of the handlers: it is fetched before the thread counts as started.
      name: 'load' satisfies keyof WorkerHandlers,
      // No thread until it is asked something, and none in place of one that was lost.
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: TASKS_IN_THREAD,
      idleTimeout: Number.POSITIVE_INFINITY,
      // What it is asked first waits there until the thread has started.
      maxQueue: Number.POSITIVE_INFINITY,
      recordTiming: false,
      workerData: setup,
    })
    this.#piscina.once('workerCreate', observer.onStarted)
    // What a thread throws outside of a task; heard from the thread itself. Unheard, the event would throw.
    this.#piscina.on('error', () => undefined)
  }

  /** Whether the thread is about to end, or has ended. */
  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  /**
   * Asks the thread something. Rejects when the thread ends, or could not be started, or the task does not cross.
   *
   * No signal is ever passed on: Piscina would end the thread, and with it the loaded model.
   */
  async ask<Name extends keyof WorkerHandlers>(
    name: Name,
    task: WorkerHandlers[Name]['task'],
    transferList: ArrayBuffer[] = [],
  ): Promise<WorkerHandlers[Name]['outcome']> {
    // Piscina would start another thread.
    if (this.isEnding) throw new Error('the thread has ended')
    const answer = this.#piscina.run(task, { name, transferList })
    if (this.#thread === undefined) this.#watch(this.#piscina.threads)
    return (await answer) as WorkerHandlers[Name]['outcome']
  }

  /** Ends the thread. To be called once it is not in native code: that would abort the process. */
  async end(): Promise<void> {
    this.#ending ??= 'invited'
    // Without a thread there is nothing to destroy, and Piscina would reject a promise that it never gave out.
    if (this.#thread !== undefined) await this.#piscina.destroy()
    else this.#resolveEnd({ invited: true, worker: undefined, exitCode: undefined, cause: undefined })
    await this.ended
  }

  /**
   * Hears of the thread's end from itself. Piscina says nothing of a thread that ends while it is idle, and of one that
   * ends before it has started not even to the task that waits for it.
   */
  #watch([thread]: readonly Worker[]): void {
    if (thread === undefined) return
    this.#thread = thread
    // Kept now: a thread that has ended has no id any more.
    const { threadId: worker } = thread
    let cause: unknown
    // Piscina has forgotten the thread by then, and the exit is still to come.
    thread.once('error', (thrown: unknown) => {
      cause = thrown
      this.#fail()
    })
    thread.once('exit', (exitCode) => {
      this.#fail()
      this.#resolveEnd({ invited: this.#ending === 'invited', worker, exitCode, cause })
      // Rejects the task that waited for the thread to start.
      void this.#piscina.destroy()
    })
  }

  #fail(): void {
    if (this.#ending !== undefined) return
    this.#ending = 'uninvited'
    this.#observer.onFailing()
  }
}
