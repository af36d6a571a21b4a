/** Converts into a folder of the caller's choice, in a precision that may be `auto`. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { Manifest } from '../files/manifest.js'
import { RefusedByAuto, acceptForAuto, isWorthQuantising } from './auto-precision.js'
import type { ConvertOptions } from './convert.js'
import { convertCheckpoint } from './convert.js'
import type { PrecisionRequest } from './recipe.js'

/**
 * As `convertCheckpoint`. `auto` makes int8 where that is worth it, and fp32 in its place if it is not faithful enough.
 *
 * @throws {StellaError} as `convertCheckpoint`
 */
export async function convertAs(
  request: PrecisionRequest,
  folder: string,
  info: StellaModelInfo,
  options: Omit<ConvertOptions, 'precision' | 'rejected' | 'accept'>,
): Promise<Manifest> {
  if (request !== 'auto') return convertCheckpoint(folder, info, { ...options, precision: request })
  if (!isWorthQuantising(info)) return convertCheckpoint(folder, info, { ...options, precision: 'fp32' })
  try {
    return await convertCheckpoint(folder, info, { ...options, precision: 'int8', accept: acceptForAuto })
  } catch (error) {
    if (!(error instanceof RefusedByAuto)) throw error
    return convertCheckpoint(folder, info, { ...options, precision: 'fp32', rejected: error.rejected })
  }
}
