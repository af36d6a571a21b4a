/**
 * How the checkpoint reader words a refusal: one error code, the file and tensor named, hostile text cut short.
 * Knows nothing of the format.
 */
import { StellaError, type ErrorDetails } from '../../errors.js'

/** Characters of a name or string from a checkpoint that a message repeats. */
const QUOTED_LENGTH = 120

/**
 * A `CHECKPOINT_INVALID` error.
 *
 * @param details - always names the file, relative to the checkpoint folder.
 */
export function checkpointInvalid(
  message: string,
  details: ErrorDetails & { readonly file: string },
  cause?: unknown,
): StellaError {
  return new StellaError('CHECKPOINT_INVALID', message, { details, cause })
}

/** `text` in quotes with control characters escaped, cut to a length fit for a message. */
export function quote(text: string): string {
  return JSON.stringify(clip(text))
}

/** `text` cut to a length fit for a message. */
export function clip(text: string): string {
  return text.length <= QUOTED_LENGTH ? text : `${text.slice(0, QUOTED_LENGTH)}…`
}

/**
 * What a parsed JSON value is, for a message. Never walks into it: hostile JSON may nest a million levels, and
 * `JSON.stringify` recurses.
 */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  return 'an object'
}
