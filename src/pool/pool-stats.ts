/** What `EmbeddingPool.stats()` returns: a snapshot, as plain data. */
import type { PressureLevel } from '../events.js'
import type { Precision } from '../convert/recipe.js'
import type { Device } from '../runtime/devices.js'
import type { BreakerSnapshot } from './breaker.js'
import type { ModelFigures } from './model-meters.js'
import type { Plan } from './plan.js'
import type { WorkerState } from './worker-state.js'

/** Where a model is on its way. */
export type ModelState = 'unloaded' | 'loading' | 'loaded' | 'evicting'

/** One model that a pool has been asked for. */
export interface ModelStats extends ModelFigures {
  /** Key of the model. */
  readonly model: string
  /** Where it is on its way. */
  readonly state: ModelState
  /** Whether only `evict()` and `close()` stop it. */
  readonly pinned: boolean
  /** Undefined until it is loaded. */
  readonly precision: Precision | undefined
  /** Where it runs. */
  readonly device: Device
  /** `shared`: all workers map one copy. `own`: one at least holds a copy to itself. Undefined until it is loaded. */
  readonly weights: 'shared' | 'own' | undefined
  /** Workers that take batches. */
  readonly workers: number
  /** All workers by state. */
  readonly workerStates: Readonly<Partial<Record<WorkerState, number>>>
  /** Threads inside each run of a worker. */
  readonly threads: number
  /** Workers at most, and what they cost. Undefined until it is loaded. */
  readonly plan: Plan | undefined
  /** Threads that ever began to load, since the model was loaded: more than `workers` only where some were replaced. */
  readonly loads: number
  /** What it is charged now, in bytes. */
  readonly memory: number
  /** What its breaker has seen. */
  readonly breaker: BreakerSnapshot
  /** For a worker. */
  readonly waiting: {
    /** How many texts. */
    readonly texts: number
    /** Of these texts. */
    readonly tokens: number
  }
  /** In workers. */
  readonly running: {
    /** How many texts. */
    readonly texts: number
    /** Of these texts. */
    readonly tokens: number
    /** How many runs, those that were handed ahead included. */
    readonly batches: number
  }
  /** Taken in and not answered: what the limits of `queue` are held against. */
  readonly queue: {
    /** How many texts. */
    readonly texts: number
    /** Of those that are tokenised. */
    readonly tokens: number
    /** Of the texts as they were handed in. */
    readonly bytes: number
  }
}

/** A whole pool. */
export interface PoolStats {
  /** Whether `close()` was called. */
  readonly closed: boolean
  /**
   * Bytes. `budget` and `granted` are what this pool may take and has charged. `resident` is the resident set of the whole
   * process as the system counts it, which is more than the process takes: a page that several workers map counts once
   * for each of them, so shared weights count as often as there are workers, and pages that other processes share count
   * in full. What the process takes is its Pss, in `/proc/self/smaps_rollup` on Linux. It is not read here: the kernel
   * walks all pages for it, 8 ms for each GB. `measured` is that of the last time the pool looked, less what was there
   * when it was opened; undefined before.
   */
  readonly memory: {
    /** May be charged at most, in bytes. */
    readonly budget: number
    /** Is charged now, in bytes; never more than the budget. */
    readonly granted: number
    /** Resident set of the whole process, in bytes. */
    readonly resident: number
    /** What the pool takes of the machine, in bytes, when it last looked; undefined before. */
    readonly measured: number | undefined
    /** How much of what may be used is used. */
    readonly pressure: PressureLevel
  }
  /** Every model that the pool has been asked for. */
  readonly models: readonly ModelStats[]
}
