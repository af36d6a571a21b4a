/** The failures of workers, as a crew tells of them. */
import { StellaError, isStellaError, messageOf } from '../errors.js'

/** Whether a thread was lost. */
export function isLoss(error: unknown): error is StellaError {
  return isStellaError(error) && error.code === 'WORKER_LOST'
}

/** The loss of a thread, as the failure of a batch that it had not begun. */
export function notBegun(error: StellaError): StellaError {
  const { code, message, details } = error
  return new StellaError(code, message, { cause: error, details: { ...details, begun: false } })
}

/** What a worker could not do, as a failure to load. `loads` equals `workers`, or something loaded twice. */
export function asLoadFailure(error: unknown, facts: { workers: number; loads: number }): StellaError {
  const own = error instanceof StellaError ? { ...error.details, reason: error.details.reason ?? error.code } : {}
  return new StellaError('MODEL_LOAD_FAILED', messageOf(error), { cause: error, details: { ...own, ...facts } })
}
