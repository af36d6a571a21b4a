/** What a pool tells: event names and the facts each carries. */
import type { StellaErrorCode } from './errors.js'

/** Listener signatures by event, for EventEmitter3. */
export interface PoolEvents {
  /** A worker thread was started and is loading its model. */
  workerSpawning: (event: { readonly model: string; readonly worker: number }) => void
  /** A worker thread has loaded its model. */
  workerReady: (event: { readonly model: string; readonly worker: number; readonly loadMs: number }) => void
  /** All workers of a model are ready. */
  modelLoaded: (event: { readonly model: string; readonly workers: number; readonly loadMs: number }) => void
  /** The workers of a model were stopped and their memory given back. */
  modelEvicted: (event: { readonly model: string }) => void
  /** A packed batch was run. */
  batchCompleted: (event: {
    readonly model: string
    readonly texts: number
    readonly tokens: number
    /** Time inside the worker, in milliseconds. */
    readonly runMs: number
  }) => void
  /** A call was refused before it reached a worker. */
  requestRejected: (event: { readonly model: string; readonly code: StellaErrorCode }) => void
}
