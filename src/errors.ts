/**
 * The one error type of the package: a stable code to match on, JSON details, and its RFC 9457 form.
 * Knows nothing of models, files or threads.
 */

/** HTTP status and short title of every code, as `toProblemDetails` reports them. */
const PROBLEMS = {
  MODEL_UNKNOWN: { status: 404, title: 'Unknown model' },
  MODEL_DUPLICATE: { status: 409, title: 'Model already registered' },
  MODEL_NOT_LOADED: { status: 409, title: 'Model not loaded' },
  MODEL_NOT_DOWNLOADED: { status: 409, title: 'Model not downloaded' },
  MODEL_LOAD_FAILED: { status: 500, title: 'Model failed to load' },
  CHECKPOINT_INVALID: { status: 422, title: 'Invalid checkpoint' },
  ARTEFACT_INVALID: { status: 422, title: 'Invalid artefact' },
  STORAGE_FAILED: { status: 507, title: 'Cannot write to disk' },
  FIDELITY_TOO_LOW: { status: 422, title: 'Fidelity below threshold' },
  DOWNLOAD_FAILED: { status: 502, title: 'Download failed' },
  INPUT_INVALID: { status: 400, title: 'Invalid input' },
  INPUT_TOO_LONG: { status: 413, title: 'Input too long' },
  TASK_UNKNOWN: { status: 400, title: 'Unknown task' },
  DIMENSIONS_UNSUPPORTED: { status: 400, title: 'Unsupported dimensions' },
  OPTION_INVALID: { status: 400, title: 'Invalid option' },
  MEMORY_EXHAUSTED: { status: 507, title: 'Memory budget exhausted' },
  OVERLOADED: { status: 503, title: 'Overloaded' },
  TIMEOUT: { status: 504, title: 'Deadline exceeded' },
  ABORTED: { status: 499, title: 'Aborted by the caller' },
  BREAKER_OPEN: { status: 503, title: 'Circuit breaker open' },
  WORKER_LOST: { status: 500, title: 'Worker thread lost' },
  POOL_CLOSED: { status: 503, title: 'Pool closed' },
  INTERNAL: { status: 500, title: 'Internal error' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>

/**
 * Stable identifier of a failure. Match on this, never on the message.
 *
 * @useDeclaredType
 */
export type StellaErrorCode = keyof typeof PROBLEMS

/** A value that survives `JSON.stringify` unchanged. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined }

/** Facts about a failure, in JSON. */
export type ErrorDetails = Readonly<Record<string, JsonValue | undefined>>

/** RFC 9457 problem details, extended with `code` and `details`. */
export interface ProblemDetails {
  /** URN of the code, such as `urn:stella-pool:error:overloaded`. */
  readonly type: string
  /** Short, and the same for each error of a code. */
  readonly title: string
  /** HTTP status that fits the code. */
  readonly status: number
  /** The message: what was given, what is accepted, what to do. */
  readonly detail: string
  /** URI of this occurrence; absent where none was given. */
  readonly instance?: string
  /** What to match on. */
  readonly code: StellaErrorCode
  /** Facts about this failure. */
  readonly details: ErrorDetails
}

/** Every failure this package reports on purpose. */
export class StellaError extends Error {
  /** Tells it from other errors, also those of another copy of the package. */
  override readonly name = 'StellaError'
  /** What to match on. */
  readonly code: StellaErrorCode
  /** Facts about this failure. Which there are depends on the code. */
  readonly details: ErrorDetails

  /**
   * For adapters and tests: the package makes its own.
   *
   * @param code - What to match on.
   * @param message - What was given, what is accepted, what to do.
   * @param options - `details`: facts, in JSON. `cause`: what was behind it.
   */
  constructor(
    code: StellaErrorCode,
    message: string,
    options: { readonly details?: ErrorDetails; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }

  /**
   * The error as RFC 9457 problem details.
   *
   * @param instance - URI of this occurrence, such as the request path; left out when absent.
   */
  toProblemDetails(instance?: string): ProblemDetails {
    const { status, title } = PROBLEMS[this.code]
    return {
      type: `urn:stella-pool:error:${this.code.toLowerCase().replaceAll('_', '-')}`,
      title,
      status,
      detail: this.message,
      ...(instance === undefined ? {} : { instance }),
      code: this.code,
      details: this.details,
    }
  }
}

/**
 * Whether `value` is a {@link StellaError}, also one of another copy of this package, or of another realm, as test
 * runners make them: there `instanceof` is false for both.
 */
export function isStellaError(value: unknown): value is StellaError {
  if (Object.prototype.toString.call(value) !== '[object Error]') return false
  const { name, code, toProblemDetails } = value as Partial<StellaError>
  return name === 'StellaError' && isStellaErrorCode(code) && typeof toProblemDetails === 'function'
}

/** Whether `value` is one of the stable codes. */
export function isStellaErrorCode(value: unknown): value is StellaErrorCode {
  return typeof value === 'string' && Object.hasOwn(PROBLEMS, value)
}

/** The message of anything thrown. Throws nothing itself, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  try {
    return Object.prototype.toString.call(thrown) === '[object Error]' ? (thrown as Error).message : String(thrown)
  } catch {
    // An object without a prototype, or whose toString throws.
    return 'something without a message was thrown'
  }
}
