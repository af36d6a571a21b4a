/**
 * What a pool asks of whoever does the work: make a model ready, start workers of it, run batches. The real one is
 * ONNX Runtime in Piscina threads; `createFakePool` brings another. Knows no queue and no schedule.
 */
import type { StellaModelInfo } from '../../registry/types.js'
import type { StellaError } from '../errors.js'
import type { Precision } from '../convert/recipe.js'
import type { PackedTexts } from '../packed/packing.js'
import type { Variant } from '../scheduler/scheduler.js'
import type { EachTokenizer } from '../text/tokenized-text.js'
import type { Plan } from './plan.js'
import type { WorkerState } from './worker-state.js'

export type { Variant }

/** What a worker says of itself once it is ready. */
export interface WorkerFacts {
  /** Id of its thread, unique in the process. */
  readonly worker: number
  readonly loadMs: number
  /** Whether it maps the weights that all share, or holds a copy. */
  readonly weights: 'shared' | 'own'
}

/** One run's result. */
export interface RunResult {
  /** float32 `[batch, dimensions]`, row after row */
  readonly slab: Float32Array
  /** Time inside the worker, in milliseconds. */
  readonly runMs: number
}

/** One thread with one loaded model. */
export interface PoolWorker {
  readonly state: WorkerState
  /**
   * Starts the thread and loads the model. To be called once.
   *
   * @throws {StellaError} MODEL_LOAD_FAILED with the worker's reason; the thread is gone by then.
   */
  start(): Promise<WorkerFacts>
  /**
   * Runs a batch; one more may be handed over while it runs, and runs after it. The batch's buffers are transferred.
   *
   * @throws {StellaError} what the worker threw; WORKER_LOST when its thread ended.
   */
  run(batch: PackedTexts, variant: Variant): Promise<RunResult>
  /** Waits for a load or runs under way, then ends the thread. Idempotent; never rejects. */
  stop(): Promise<void>
}

/** Hears of what nobody asked a worker for. */
export interface WorkerObserver {
  /** Its thread ended uninvited after it was ready. Called once; runs under way have been rejected. */
  readonly onLost: (error: StellaError) => void
}

/** A model that workers can be started of. Whoever holds it charges its memory: nothing here touches a ledger. */
export interface PreparedModel {
  readonly info: StellaModelInfo
  readonly precision: Precision
  readonly tokenizer: EachTokenizer
  /** How workers hold the weights. */
  readonly weights: 'shared' | 'own'
  /**
   * Workers at most, threads in each, and what they cost, now that it is known what came of the checkpoint.
   *
   * @param available - Bytes that the model may take.
   */
  plan(available: number): Plan
  /**
   * Resolves once its tokenizer serves. Workers may be started meanwhile: each thread takes as long to begin as the other.
   *
   * @throws {StellaError} what is wrong with the tokenizer; the model is to be closed then.
   */
  ready(): Promise<void>
  /** A worker that has not been started, with so many threads inside each run. */
  createWorker(threads: number, observer: WorkerObserver): PoolWorker
  /**
   * Makes sure of a head, converting it where the artefact lacks it.
   *
   * @throws {StellaError} ARTEFACT_INVALID when the checkpoint is no longer the one that was loaded; ABORTED.
   */
  requireHead(dimensions: number, signal: AbortSignal | undefined): Promise<void>
  /** Ends what serves it beside its workers. To be called once these have stopped. Idempotent; never rejects. */
  close(): Promise<void>
}

/** What to prepare a model for. */
export interface PrepareRequest {
  /** Heads that the first calls want. Undefined: the default head. */
  readonly dimensions: readonly number[] | undefined
  /** Ends a download or a conversion under way. */
  readonly signal: AbortSignal
}

/** An engine. */
export interface Backend {
  /** The least that the model can take, before anything is read: what cannot fit is refused at once. */
  estimate(info: StellaModelInfo, available: number): Plan
  /**
   * Downloads, converts, checks and packs as far as that is needed.
   *
   * @throws {StellaError} MODEL_NOT_DOWNLOADED, CHECKPOINT_INVALID, ARTEFACT_INVALID, STORAGE_FAILED …; ABORTED.
   */
  prepare(info: StellaModelInfo, request: PrepareRequest): Promise<PreparedModel>
}
