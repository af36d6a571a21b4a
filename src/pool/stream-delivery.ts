/** What becomes of a text's outcome in a stream: it is yielded, or it ends the stream. Knows no order and no chunk. */
import type { StellaErrorCode } from '../errors.js'
import { StellaError } from '../errors.js'
import type { StreamErrorPolicy } from './stream-options.js'
import type { TextEmbedded, TextOutcome } from './text-outcome.js'

/** What the consumer gets for a text. */
export type Delivery =
  | { readonly kind: 'embedded'; readonly outcome: TextEmbedded }
  /** It failed, and the stream goes on. */
  | { readonly kind: 'failed'; readonly error: StellaError }
  /** The stream ends with this. */
  | { readonly kind: 'fatal'; readonly error: unknown }

/** Whether a failure of this code says nothing of the next text. A code that is missing here does not compile. */
const OF_ONE_TEXT = {
  INPUT_INVALID: true,
  INPUT_TOO_LONG: true,
  TIMEOUT: true,
  WORKER_LOST: true,
  INTERNAL: true,
  // Of the model, the pool, the machine or the call: the next text would fail of it, too.
  MODEL_UNKNOWN: false,
  MODEL_DUPLICATE: false,
  MODEL_NOT_LOADED: false,
  MODEL_NOT_DOWNLOADED: false,
  MODEL_LOAD_FAILED: false,
  CHECKPOINT_INVALID: false,
  ARTEFACT_INVALID: false,
  STORAGE_FAILED: false,
  FIDELITY_TOO_LOW: false,
  DOWNLOAD_FAILED: false,
  TASK_UNKNOWN: false,
  DIMENSIONS_UNSUPPORTED: false,
  OPTION_INVALID: false,
  MEMORY_EXHAUSTED: false,
  OVERLOADED: false,
  ABORTED: false,
  BREAKER_OPEN: false,
  POOL_CLOSED: false,
} as const satisfies Record<StellaErrorCode, boolean>

/** Whether a failure of this code is its text's own, so that the next one may fare better. */
export function isOfOneText(code: StellaErrorCode): boolean {
  return OF_ONE_TEXT[code]
}

/** What to do about `outcome` of the source's text `index`. */
export function deliveryOf(index: number, outcome: TextOutcome, onError: StreamErrorPolicy): Delivery {
  if (outcome.ok) return { kind: 'embedded', outcome }
  const alone = isOfOneText(outcome.error.code)
  // Where it names a text, it counts from the start of a chunk.
  const error = alone || 'index' in outcome.error.details ? located(outcome.error, index) : outcome.error
  return { kind: alone && onError === 'yield' ? 'failed' : 'fatal', error }
}

/** An error about a text of a chunk, as one about text `index` of the source. */
function located(error: StellaError, index: number): StellaError {
  const named = /^Text \d+\b/
  const message = named.test(error.message)
    ? error.message.replace(named, `Text ${index}`)
    : `Text ${index}: ${error.message}`
  return new StellaError(error.code, message, { cause: error, details: { ...error.details, index } })
}
