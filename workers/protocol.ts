/** What the main thread and a worker thread say to each other. Plain data: everything here crosses threads. */
import type { StellaModelInfo } from '../registry/types.js'
import type { ErrorDetails, StellaErrorCode } from '../src/errors.js'
import { StellaError, isStellaError, messageOf } from '../src/errors.js'
import type { Device } from '../src/runtime/devices.js'
import type { SharedCounts } from './shared-counts.js'

/** Given to a worker when it starts. */
export interface WorkerSetup {
  readonly info: StellaModelInfo
  /** Folder of the artefact to load. */
  readonly artefact: string
  /** Its fingerprint: a worker that starts later must load the same. */
  readonly fingerprint: string
  /** Threads inside one run. */
  readonly threads: number
  readonly device: Device
  /** Whether the packed weights have been made, for the workers to map. */
  readonly sharedWeights: boolean
  /** See `shared-counts.ts`. */
  readonly shared: SharedCounts
}

/** One packed batch to embed. */
export interface EmbedTask {
  /** int32 `[tokens]`; transferred. */
  readonly ids: Int32Array
  /** int32 `[batch]`; transferred. */
  readonly lengths: Int32Array
  readonly dimensions: number
  readonly normalize: boolean
}

/** The answer to a batch. A handler never rejects: an error that crosses as itself would lose its code. */
export type TaskOutcome =
  /** float32 `[batch, dimensions]`, row after row; transferred. */
  | { readonly ok: true; readonly slab: Float32Array; readonly runMs: number }
  | { readonly ok: false; readonly error: EncodedError }

/** The answer to being told to load, which comes first and once. */
export type LoadOutcome =
  /** `worker` is the thread's id. */
  | { readonly type: 'ready'; readonly worker: number; readonly loadMs: number; readonly weights: 'shared' | 'own' }
  | { readonly type: 'failed'; readonly error: EncodedError }

/** What a worker does, by the names that its entry exports. */
export interface WorkerHandlers {
  readonly load: { readonly task: undefined; readonly outcome: LoadOutcome }
  readonly embed: { readonly task: EmbedTask; readonly outcome: TaskOutcome }
}

/** A {@link StellaError} as data. Structured clone would drop its code and details. */
export interface EncodedError {
  readonly code: StellaErrorCode
  readonly message: string
  readonly details: ErrorDetails
  readonly stack: string | undefined
}

/** Anything thrown, as data; what is no StellaError becomes `fallback`. */
export function encodeError(thrown: unknown, fallback: StellaErrorCode): EncodedError {
  const stack = thrown instanceof Error ? thrown.stack : undefined
  if (isStellaError(thrown)) return { code: thrown.code, message: thrown.message, details: thrown.details, stack }
  return { code: fallback, message: messageOf(thrown), details: {}, stack }
}

/** The error again; its cause holds the worker's stack. */
export function decodeError(encoded: EncodedError): StellaError {
  const cause = new Error(`in a worker thread: ${encoded.message}`)
  if (encoded.stack !== undefined) cause.stack = encoded.stack
  return new StellaError(encoded.code, encoded.message, { details: encoded.details, cause })
}
