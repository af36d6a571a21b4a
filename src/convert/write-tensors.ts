/**
 * Writes a planned weights file: several threads fill their places in it at once, and what is complete from the start
 * on is hashed meanwhile. Small files are written by the calling thread.
 */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'

import { throwIfAborted } from '../files/cancellation.js'
import type { FileDigest } from '../files/hash.js'
import { availableCores } from '../runtime/cores.js'
import { ConversionThreads } from './conversion-threads.js'
import { runJobs } from './run-job.js'
import type { TensorJob } from './tensor-job.js'
import { batchesOf, jobBytes } from './tensor-job.js'
import type { TensorPlan } from './tensor-plan.js'

/**
 * Bytes of float32 below which a thread costs more than it saves: one starts in about 40 ms, in which the calling
 * thread converts this much.
 */
export const INLINE_BYTES = 8 * 1024 * 1024

/** Bytes hashed at a time, about a millisecond's worth. */
const HASH_CHUNK_BYTES = 1024 * 1024

/** How to write. */
export interface WriteOptions {
  /** @default the cores this process may use */
  readonly threads?: number | undefined
  /** Stops between two batches; what is under way is waited for. */
  readonly signal?: AbortSignal | undefined
  /** Called with the bytes of the file that are written and hashed so far, from its start on. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/**
 * Writes the file at `path`, which must not exist, and waits until the disk has it.
 *
 * @returns SHA-256 and size. When it throws, no thread writes any more; the unfinished file is the caller's to remove.
 * @throws {StellaError} CHECKPOINT_INVALID, ABORTED, WORKER_LOST
 * @throws the file system's own error where `path` cannot be written
 */
export async function writeTensors(path: string, plan: TensorPlan, options: WriteOptions = {}): Promise<FileDigest> {
  const file = await open(path, 'wx+')
  try {
    await file.truncate(plan.bytes)
    const batches = batchesOf(plan.jobs)
    const work = plan.jobs.reduce((sum, job) => sum + jobBytes(job), 0)
    const lanes = Math.min(options.threads ?? availableCores(), batches.length)
    const filled = new FilledFile(path, file, plan.bytes, options)
    if (work <= INLINE_BYTES) await fill(batches, 1, (jobs) => runJobs(jobs, path), filled)
    else {
      await using threads = new ConversionThreads(lanes)
      await fill(batches, lanes, (jobs) => threads.run(jobs, path), filled)
    }
    const [sha256] = await Promise.all([filled.digest(), file.sync()])
    return { sha256, bytes: plan.bytes }
  } finally {
    await file.close()
  }
}

/** Runs the batches, so many at a time, in order. When one fails, none is begun, and those under way are waited for. */
async function fill(
  batches: readonly (readonly TensorJob[])[],
  lanes: number,
  run: (jobs: readonly TensorJob[]) => Promise<void>,
  filled: FilledFile,
): Promise<void> {
  const unfinished = new Set(batches.keys())
  let next = 0
  let failed = false
  const lane = async (): Promise<void> => {
    try {
      while (next < batches.length && !failed) {
        const index = next++
        filled.check()
        await run(batches[index] ?? [])
        unfinished.delete(index)
        const [first] = unfinished
        filled.advance(first === undefined ? undefined : batches[first]?.[0]?.slots[0]?.offset)
      }
    } catch (error) {
      failed = true
      throw error
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: lanes }, lane))
  const failure = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failure === undefined) return
  await filled.settled()
  throw failure.reason
}

/** A file that is complete up to a place that moves on, and hashed up to there as it does. */
class FilledFile {
  readonly #path: string
  readonly #file: FileHandle
  readonly #bytes: number
  readonly #options: WriteOptions
  readonly #hash = createHash('sha256')
  readonly #buffer = Buffer.allocUnsafe(HASH_CHUNK_BYTES)
  #hashed = 0
  #hashing = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  constructor(path: string, file: FileHandle, bytes: number, options: WriteOptions) {
    this.#path = path
    this.#file = file
    this.#bytes = bytes
    this.#options = options
  }

  /** Throws when the caller has aborted, or hashing has failed. */
  check(): void {
    throwIfAborted(this.#options.signal, `writing ${this.#path}`)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** @param end - Everything before this byte is written. @default all of the file */
  advance(end: number = this.#bytes): void {
    this.#hashing = this.#hashing
      .then(() => this.#hashTo(end))
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
  }

  /** Resolves when nothing is read any more. */
  async settled(): Promise<void> {
    await this.#hashing
  }

  /** SHA-256 of the whole file, in hex. */
  async digest(): Promise<string> {
    this.advance()
    await this.settled()
    this.check()
    return this.#hash.digest('hex')
  }

  async #hashTo(end: number): Promise<void> {
    while (this.#hashed < end) {
      this.check()
      const wanted = Math.min(HASH_CHUNK_BYTES, end - this.#hashed)
      const { bytesRead } = await this.#file.read(this.#buffer, 0, wanted, this.#hashed)
      if (bytesRead === 0) throw new Error(`${this.#path} ended at byte ${this.#hashed} of ${this.#bytes}`)
      this.#hash.update(this.#buffer.subarray(0, bytesRead))
      this.#hashed += bytesRead
      this.#options.onBytes?.(this.#hashed)
    }
  }
}
