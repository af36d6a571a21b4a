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
  /** Bytes. `resident` is the whole process, as the system counts it. */
  readonly memory: { readonly budget: number; readonly granted: number; readonly resident: number }
  readonly models: readonly ModelStats[]
}
