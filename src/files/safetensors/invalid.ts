/**
 * How the checkpoint reader words a refusal: one error code, the file and tensor named.
 * Knows nothing of the format.
 */
import { StellaError, type ErrorDetails } from '../../errors.js'

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
