/**
 * Part of the server examples: what a caller is told of a failure, as problem details (RFC 9457). Knows no framework.
 */
import { isStellaError } from 'stella-pool'
import type { StellaErrorCode } from 'stella-pool'

/** An answer to a request that failed. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** To be sent as JSON. */
  readonly body: object
  /** Whether it is the server that failed, so that somebody should look at the error. */
  readonly isOurs: boolean
}

/** What the caller can do something about is told whole. The details of the rest may name folders of this machine. */
const TOLD: readonly StellaErrorCode[] = [
  ...(['INPUT_INVALID', 'INPUT_TOO_LONG', 'TASK_UNKNOWN', 'DIMENSIONS_UNSUPPORTED', 'OPTION_INVALID'] as const),
  ...(['OVERLOADED', 'BREAKER_OPEN', 'TIMEOUT', 'ABORTED', 'POOL_CLOSED'] as const),
]

/** @param instance - The path of the request. */
export function refusalOf(error: unknown, instance: string): Refusal {
  const headers = { 'Content-Type': 'application/problem+json' }
  if (isStellaError(error)) {
    const { detail, details, ...problem } = error.toProblemDetails(instance)
    const { status } = problem
    if (!TOLD.includes(error.code)) return { status, headers, body: problem, isOurs: true }
    const { retryAfterMs: wait } = details
    // In seconds. A call that is larger than the whole queue has none: waiting would not help it.
    const retry: Readonly<Record<string, string>> =
      typeof wait === 'number' ? { 'Retry-After': String(Math.ceil(wait / 1000)) } : {}
    return { status, headers: { ...headers, ...retry }, body: { ...problem, detail, details }, isOurs: false }
  }
  // The framework's own: a body that is too large, no JSON, or of another shape.
  const { statusCode, message } = (error ?? {}) as { readonly statusCode?: unknown; readonly message?: unknown }
  const status = typeof statusCode === 'number' ? statusCode : 500
  if (status >= 500) return { status, headers, body: { type: 'about:blank', status, instance }, isOurs: true }
  return { status, headers, body: { type: 'about:blank', status, detail: message, instance }, isOurs: false }
}
