/** How a pool's health is asked for: documented, and checked once. */
import { invalid, rejectUnknownKeys } from '../inference/options.js'
import { MAX_DEADLINE_MS } from './call-options.js'
import { SUCCESS_AGE_LIMIT_MS } from './health.js'

/** How to ask for a pool's health. */
export interface HealthRequest {
  /** Have models that have not run of late run one word. @default true */
  readonly probe?: boolean | undefined
  /** How old a run may be to count, in milliseconds. @default 60_000 */
  readonly maxAgeMs?: number | undefined
  /** Gives up on probes after so many milliseconds: what has not answered is not ready. @default 5_000 */
  readonly timeoutMs?: number | undefined
}

/** Checked, with defaults filled in. */
export interface ResolvedHealthRequest {
  readonly probe: boolean
  readonly maxAgeMs: number
  readonly timeoutMs: number
}

/** Time that a health check gives a probe, in milliseconds. */
const PROBE_TIMEOUT_MS = 5_000

/** @throws {StellaError} OPTION_INVALID naming the option and what is accepted. */
export function resolveHealthRequest(request: HealthRequest): ResolvedHealthRequest {
  rejectUnknownKeys(request, ['probe', 'maxAgeMs', 'timeoutMs'])
  const { probe = true, maxAgeMs = SUCCESS_AGE_LIMIT_MS, timeoutMs = PROBE_TIMEOUT_MS } = request
  if (typeof probe !== 'boolean') throw invalid('probe', 'true or false', probe)
  if (!(typeof maxAgeMs === 'number' && maxAgeMs >= 0)) throw invalid('maxAgeMs', 'milliseconds from 0', maxAgeMs)
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_DEADLINE_MS)) {
    throw invalid('timeoutMs', `milliseconds above 0, at most ${MAX_DEADLINE_MS}`, timeoutMs)
  }
  return { probe, maxAgeMs, timeoutMs }
}
