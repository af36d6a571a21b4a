/** Which errors say that a model is broken. Knows the codes alone. */
import type { StellaErrorCode } from '../errors.js'

/** Whether an error of this code says that the model is broken, rather than the call, the caller or the machine. */
export function countsAgainstModel(code: StellaErrorCode): boolean {
  return AGAINST_MODEL[code]
}

/** A code that is missing here does not compile: the origin forgot the one that mattered. */
const AGAINST_MODEL = {
  MODEL_LOAD_FAILED: true,
  ARTEFACT_INVALID: true,
  WORKER_LOST: true,
  INTERNAL: true,
  // The call is wrong, or was given up. A deadline is the caller's, and must not close the model to others.
  INPUT_INVALID: false,
  INPUT_TOO_LONG: false,
  TASK_UNKNOWN: false,
  DIMENSIONS_UNSUPPORTED: false,
  OPTION_INVALID: false,
  ABORTED: false,
  TIMEOUT: false,
  // Known without running the model, and more helpful than a refusal that hides them.
  MODEL_UNKNOWN: false,
  MODEL_DUPLICATE: false,
  MODEL_NOT_LOADED: false,
  MODEL_NOT_DOWNLOADED: false,
  CHECKPOINT_INVALID: false,
  FIDELITY_TOO_LOW: false,
  // The machine's, the network's or the pool's.
  STORAGE_FAILED: false,
  DOWNLOAD_FAILED: false,
  MEMORY_EXHAUSTED: false,
  OVERLOADED: false,
  BREAKER_OPEN: false,
  POOL_CLOSED: false,
} as const satisfies Record<StellaErrorCode, boolean>
