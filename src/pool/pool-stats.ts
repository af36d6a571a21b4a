/** What `EmbeddingPool.stats()` returns: a snapshot, as plain data. */
import type { PressureLevel } from '../events.js'
import type { Precision } from '../convert/recipe.js'
import type { BreakerSnapshot } from './breaker.js'
import type { ModelFigures } from './model-meters.js'
import type { Plan } from './plan.js'
import type { WorkerState } from './worker-state.js'

/** Where a model is on its way. */
export type ModelState = 'unloaded' | 'loading' | 'ready' | 'evicting'

/** One model that a pool has been asked for. */
export interface ModelStats extends ModelFigures {
  readonly model: string
  readonly state: ModelState
  /** Whether only `evict()` and `close()` stop it. */
  readonly pinned: boolean
  /** Undefined until it is loaded. */
  readonly precision: Precision | undefined
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
  readonly breaker: BreakerSnapshot
  /** For a worker. */
  readonly waiting: { readonly texts: number; readonly tokens: number }
  /** In workers. */
  readonly running: { readonly texts: number; readonly tokens: number; readonly batches: number }
  /** Taken in and not answered: what the limits of `queue` are held against. */
  readonly queue: { readonly texts: number; readonly tokens: number; readonly bytes: number }
}

/** A whole pool. */
export interface PoolStats {
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
    readonly budget: number
    readonly granted: number
    readonly resident: number
    readonly measured: number | undefined
    readonly pressure: PressureLevel
  }
  readonly models: readonly ModelStats[]
}
