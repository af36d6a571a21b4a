/** The worker threads of a conversion: a Piscina whose threads run jobs. Knows no tensor. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { Piscina } from 'piscina'

import type { ConversionOutcome, ConversionTask } from './conversion-task.js'
import { decodeError } from '../../workers/protocol.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import type { TensorJob } from './tensor-job.js'

const FROM_SOURCES = import.meta.url.endsWith('.ts')

/** The compiled entry of a worker thread, from the sources and from `dist` alike. */
const WORKER_ENTRY = new URL(
  FROM_SOURCES ? '../../dist/workers/conversion-worker.js' : '../../workers/conversion-worker.js',
  import.meta.url,
)

/**
 * A process that runs the sources has a loader for TypeScript, which threads inherit. It makes every imported constant
 * a call, and quantising several times as slow; the compiled entry needs none.
 */
const THREAD_ARGUMENTS = FROM_SOURCES ? { execArgv: [] } : {}

/** Threads that convert. */
export class ConversionThreads {
  readonly #piscina: Piscina<ConversionTask, ConversionOutcome>
  /** Rejects when a thread dies outside of a task. */
  readonly #lost: Promise<never>

  /**
   * @param entry - The module a thread runs. @default the conversion worker
   * @throws {StellaError} INTERNAL when the package was not built: Piscina would start such threads for ever.
   */
  constructor(threads: number, entry: URL = WORKER_ENTRY) {
    const path = fileURLToPath(entry)
    if (!existsSync(path)) throw new StellaError('INTERNAL', `There is no ${path}; build the package first`)
    this.#piscina = new Piscina<ConversionTask, ConversionOutcome>({
      filename: entry.href,
      ...THREAD_ARGUMENTS,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      maxQueue: Number.POSITIVE_INFINITY,
    })
    this.#lost = new Promise((_, reject) => {
      this.#piscina.on('error', reject)
    })
    this.#lost.catch(() => undefined)
  }

  /**
   * Runs jobs on the next free thread.
   *
   * @throws {StellaError} what the thread threw; WORKER_LOST when it ended.
   * @throws an error with the `code` of the file system where the thread could not write.
   */
  async run(jobs: readonly TensorJob[], target: string): Promise<void> {
    let outcome: ConversionOutcome
    try {
      // No signal: to abort a task, Piscina ends its thread in the middle of a write.
      outcome = await Promise.race([this.#piscina.run({ jobs, target }), this.#lost])
    } catch (error) {
      if (isStellaError(error)) throw error
      throw new StellaError('WORKER_LOST', `A thread ended while converting: ${messageOf(error)}`, { cause: error })
    }
    if (outcome.ok) return
    const error = decodeError(outcome.error)
    if (outcome.systemCode === undefined) throw error
    throw Object.assign(new Error(error.message, { cause: error }), { code: outcome.systemCode })
  }

  /** Stops the threads. Call it when no run is under way. */
  async close(): Promise<void> {
    await this.#piscina.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
