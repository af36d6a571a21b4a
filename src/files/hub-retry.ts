/**
 * How often and when a failed request is made again. Knows no request: it runs a function.
 */
import { pause } from './cancellation.js'
import { HubFailure } from './hub-failure.js'

/** Requests made again after the first, unless told otherwise. */
export const DEFAULT_RETRIES = 5

/** Most retries one may ask for. */
export const MAX_RETRIES = 100

/** Wait before the first retry; doubles with each further one. */
const BACKOFF_BASE_MS = 500

/** Longest wait of our own choosing. */
const BACKOFF_CAP_MS = 20_000

/** Longest `Retry-After` that is waited out; a server that asks for more is taken as out of order. */
export const RETRY_AFTER_CAP_MS = 120_000

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** How to retry. */
export interface RetryPolicy {
  readonly retries: number
  readonly sleep: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/** The policy that `pullFiles` uses unless told otherwise. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = Object.freeze({
  retries: DEFAULT_RETRIES,
  sleep: (milliseconds, signal) => pause(milliseconds, signal, 'waiting to try the download again'),
  random: Math.random,
} satisfies RetryPolicy)

/**
 * Runs `attempt` until it succeeds, fails for good, or has failed `retries + 1` times in a row.
 *
 * @param advanced - Whether the last attempt got further than any before it. Then the count starts again: a large file
 *   over a connection that breaks now and then arrives, while one that makes no headway ends.
 * @throws {HubFailure} the last one, with the number of attempts; anything else `attempt` throws, unchanged
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
  advanced: () => boolean = () => false,
): Promise<T> {
  let failures = 0
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof HubFailure)) throw error
      failures = advanced() ? 1 : failures + 1
      error.attempts = failures
      const { retryable, retryAfterMs = 0 } = error.facts
      if (!retryable || failures > policy.retries || retryAfterMs > RETRY_AFTER_CAP_MS) throw error
      await policy.sleep(Math.max(backoff(failures, policy.random), retryAfterMs), signal)
    }
  }
}

/** Between half and all of the doubled base, so that many clients of one failed server do not return together. */
function backoff(failures: number, random: () => number): number {
  const full = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (failures - 1))
  return full * (0.5 + random() / 2)
}

/**
 * `Retry-After` in milliseconds: seconds, or an HTTP date (RFC 9110, section 10.2.3).
 *
 * @param now - Milliseconds since the epoch.
 * @returns undefined where the header is absent or neither
 */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  if (/^\s*\d+\s*$/.test(header)) return Math.min(Number(header) * 1000, Number.MAX_SAFE_INTEGER)
  // Date.parse alone takes nearly anything, such as `-5`, for a date.
  const date = HTTP_DATE.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
