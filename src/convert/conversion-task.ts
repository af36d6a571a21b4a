/** What the main thread and a conversion thread say to each other. Plain data: everything here crosses threads. */
import type { TensorJob } from './tensor-job.js'
import type { EncodedError } from '../../workers/protocol.js'

/** Jobs to run, one after another. */
export interface ConversionTask {
  readonly jobs: readonly TensorJob[]
  /** Path of the weights file, which exists. */
  readonly target: string
}

/** A thread's answer. A handler never rejects: an error that crosses as itself would lose its code. */
export type ConversionOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly error: EncodedError
      /** What the file system said, such as `ENOSPC`, where that is the reason. */
      readonly systemCode: string | undefined
    }
