/** What `EmbeddingPool.stats()` returns: a snapshot, as plain data. */
import type { MemoryEstimate } from '../../registry/memory.js'

/** One model of a pool. */
export interface ModelStats {
  readonly model: string
  readonly state: 'loading' | 'ready'
  /** Live worker threads. */
  readonly workers: number
  /** Threads inside each run of a worker. */
  readonly threads: number
  /** `shared`: all workers map one copy. `own`: each holds one. Undefined while loading. */
  readonly weights: 'shared' | 'own' | undefined
  /** Times any thread began to load the model: equal to the threads ever started. */
  readonly loads: number
  /** Batches waiting for a worker. */
  readonly waiting: number
  /** What it was charged, in bytes. */
  readonly memory: MemoryEstimate | undefined
  /** From the first call to ready, conversion included, in milliseconds. */
  readonly loadMs: number
  readonly texts: number
  readonly tokens: number
  readonly batches: number
}

/** A whole pool. */
export interface PoolStats {
  readonly closed: boolean
  /**
   * Bytes. `budget` and `granted` are what this pool may take and has charged. `resident` is the resident set of the whole
   * process as the system counts it, which is more than the process takes: a page that several workers map counts once
   * for each of them, so shared weights count as often as there are workers, and pages that other processes share count
   * in full. What the process takes is its Pss, in `/proc/self/smaps_rollup` on Linux. It is not read here: the kernel
   * walks all pages for it, 8 ms for each GB, during which the event loop would stand still.
   */
  readonly memory: { readonly budget: number; readonly granted: number; readonly resident: number }
  readonly models: readonly ModelStats[]
}
