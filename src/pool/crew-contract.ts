/** What a crew is given, what it tells, and what it hands out. Types only. */
import type { StellaError } from '../errors.js'
import type { PackedTexts } from '../packed/packing.js'
import type { RespawnBackoff } from './backoff.js'
import type { PreparedModel, RunResult, Variant, WorkerFacts } from './backend.js'

/** Hears of what becomes of workers. */
export interface CrewObserver {
  readonly onSpawning: () => void
  readonly onReady: (facts: WorkerFacts) => void
  readonly onLost: (worker: number, error: StellaError) => void
  /** An idle worker was let go. */
  readonly onRetired: (worker: number) => void
  /** A worker has room that was not there before. */
  readonly onRoom: () => void
  /** No worker is left and none could be started. */
  readonly onStranded: (error: StellaError) => void
}

/** How to run a crew. */
export interface CrewOptions {
  readonly model: PreparedModel
  /** Threads inside each run of a worker. */
  readonly threads: number
  /** Workers that stay for as long as the model does. */
  readonly least: number
  readonly most: number
  /** A worker beyond the least leaves after so long without a batch, in milliseconds; Infinity: never. */
  readonly idleTimeoutMs: number
  /** Takes, or gives back, memory so that it is that of so many workers. False where there is none. */
  readonly charge: (workers: number) => boolean
  readonly backoff: RespawnBackoff
  readonly observer: CrewObserver
}

/** A worker that has room. */
export interface CrewMember {
  /** Id of its thread. */
  readonly worker: number
  /** Whether it has nothing to do. */
  readonly idle: boolean
  /**
   * Has it run a batch.
   *
   * @param alone - Whether it may be handed no other until then.
   * @throws {StellaError} as `PoolWorker.run`.
   */
  readonly run: (batch: PackedTexts, variant: Variant, alone: boolean) => Promise<RunResult>
}
