/** What a pool tells: event names and the facts each carries. */
import type { StellaErrorCode } from './errors.js'

/** Why a model's workers were stopped. */
export type EvictionReason =
  /** `evict()`. */
  | 'asked'
  /** No call for `keepAliveMs`. */
  | 'idle'
  /** Its memory was wanted for another model, or the machine had none left. */
  | 'pressure'
  /** No worker was left, and none could be started. */
  | 'failed'
  /** The pool was closed. */
  | 'closed'

/** How much of what may be used is used. */
export type PressureLevel = 'low' | 'normal' | 'high' | 'critical'

/** Listener signatures by event, for EventEmitter3. */
export interface PoolEvents {
  /** A worker thread is being started. */
  workerSpawning: (event: { readonly model: string }) => void
  /** A worker thread has loaded its model. */
  workerReady: (event: { readonly model: string; readonly worker: number; readonly loadMs: number }) => void
  /** A worker thread ended that nobody told to. Its texts go again. */
  workerLost: (event: { readonly model: string; readonly worker: number; readonly message: string }) => void
  /** A worker had nothing to do for `idleTimeoutMs`, or its memory was wanted elsewhere. */
  workerEvicted: (event: { readonly model: string; readonly worker: number }) => void
  /** A model takes calls. */
  modelLoaded: (event: {
    readonly model: string
    /** Those that it starts with. */
    readonly workers: number
    /** Threads inside each run of a worker. */
    readonly threads: number
    readonly precision: 'fp32' | 'int8' | 'int4'
    readonly weights: 'shared' | 'own'
    readonly device: 'cpu' | 'webgpu' | 'cuda' | 'coreml' | 'dml'
    /** Of the head that calls get where they name none. */
    readonly dimensions: number
    /** From the first call, conversion included, in milliseconds. */
    readonly loadMs: number
  }) => void
  /** The workers of a model were stopped and their memory given back. */
  modelEvicted: (event: { readonly model: string; readonly reason: EvictionReason }) => void
  /** The level has changed. */
  memoryPressure: (event: {
    readonly level: PressureLevel
    readonly before: PressureLevel
    /** Charged share of the budget. */
    readonly ledger: number
    /** Bytes that the machine, or the container, has left. Undefined where that could not be read. */
    readonly available: number | undefined
  }) => void
  /** A call was taken in. */
  requestQueued: (event: {
    readonly model: string
    readonly texts: number
    readonly lane: 'interactive' | 'bulk'
  }) => void
  /**
   * A call was refused: BREAKER_OPEN or OVERLOADED, before any of it ran; or OVERLOADED once its tokens were known, by
   * when some of it may have run.
   */
  requestRejected: (event: {
    readonly model: string
    readonly texts: number
    readonly code: StellaErrorCode
    readonly retryAfterMs: number | undefined
  }) => void
  /** A packed batch was run. */
  batchCompleted: (event: {
    readonly model: string
    readonly lane: 'interactive' | 'bulk'
    readonly texts: number
    readonly tokens: number
    /** From the oldest text's arrival to the start, in milliseconds. */
    readonly queueMs: number
    /** Time inside the worker, in milliseconds. */
    readonly runMs: number
  }) => void
  /** So many failures in a row: calls are refused until the model has had time to recover. */
  breakerOpened: (event: { readonly model: string; readonly failures: number; readonly code: StellaErrorCode }) => void
  /** The model answers again. */
  breakerClosed: (event: { readonly model: string }) => void
}
