/** What is wrong with one text of a call, or with the run it was in. Knows no queue and no worker. */
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'

/** Anything thrown, as one of ours. */
export function asStellaError(error: unknown): StellaError {
  return isStellaError(error) ? error : new StellaError('INTERNAL', messageOf(error), { cause: error })
}

/** A run's failure, as the failure of the text at `place`. */
export function ofText(error: StellaError, place: number): StellaError {
  const { code, message, details } = error
  return new StellaError(code, `Text ${place}: ${message}`, { cause: error, details: { ...details, index: place } })
}

/** A text that has cost two threads. */
export function quarantined({ key }: StellaModelInfo, place: number): StellaError {
  return new StellaError(
    'WORKER_LOST',
    `Text ${place} is not run again: two worker threads of ${key} ended while they ran it. Evict the model to try once more`,
    { details: { model: key, index: place, quarantined: true } },
  )
}

/** A text of which the tokenizer leaves nothing. */
export function withoutTokens(place: number): StellaError {
  return new StellaError('INPUT_INVALID', `Text ${place} has no tokens; leave it out`, { details: { index: place } })
}

/** A result that does not fit its texts. */
export function wrongSize({ key }: StellaModelInfo, expected: number, found: number): StellaError {
  return new StellaError('INTERNAL', `A run of ${key} gave ${found} numbers; expected ${expected}`, {
    details: { model: key, found, expected },
  })
}
