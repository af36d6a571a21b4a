/** The failures of workers, as a crew tells of them. */
import { StellaError, isStellaError, messageOf } from '../errors.js'

/** What a worker could not do, as a failure to load. `loads` equals `workers`, or something loaded twice. */
export function asLoadFailure(error: unknown, facts: { workers: number; loads: number }): StellaError {
  const own = isStellaError(error) ? { ...error.details, reason: error.details['reason'] ?? error.code } : {}
  return new StellaError('MODEL_LOAD_FAILED', messageOf(error), { cause: error, details: { ...own, ...facts } })
}
