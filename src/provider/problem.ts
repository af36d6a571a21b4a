/** Anything thrown, as this package's error and as RFC 9457 problem details. Knows no provider. */
import type { ProblemDetails } from '../errors.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import { clip } from '../show.js'

/** What is said of something without a message, or with one that is no text. */
const NAMELESS = 'something without a message was thrown'

/**
 * `thrown`, if it is a {@link StellaError}; else one of the code INTERNAL with `thrown` as its cause. Throws nothing
 * itself, whatever was thrown.
 */
export function toStellaError(thrown: unknown): StellaError {
  try {
    if (isStellaError(thrown)) return thrown
  } catch {
    // A revoked proxy, or a getter that throws: nothing of ours.
  }
  const message: unknown = messageOf(thrown)
  const text = typeof message === 'string' && message !== '' ? clip(message) : NAMELESS
  return new StellaError('INTERNAL', text, { cause: thrown })
}

/**
 * Problem details of anything thrown: those of a {@link StellaError}, and of anything else INTERNAL, status 500, with the
 * first 120 characters of its message. That message may be meant for nobody but you: think before you answer with it.
 *
 * @param instance - URI of this occurrence, such as the request path; left out when absent.
 */
export function toProblem(thrown: unknown, instance?: string): ProblemDetails {
  return toStellaError(thrown).toProblemDetails(instance)
}
