/** What a pool tells: event names and the facts each carries. */
/** Listener signatures by event, for EventEmitter3. */
export interface PoolEvents {
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
}
