/** Tells a disk that cannot be written from a fault of this program. Knows no model. */
import { StellaError, messageOf } from '../errors.js'
import { systemCode } from '../realm.js'

/** What the system says of a place that cannot be written: no room, no right, no such place. */
const STORAGE_CODES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'ENOENT', 'EIO', 'EMFILE'])

/**
 * The error of a failed write as `STORAGE_FAILED`; what is no failure of storage comes back as it is.
 *
 * @param place - File or folder that was to be written.
 * @param advice - What to do about it.
 */
export function asStorageFailure(error: unknown, place: string, advice: string): unknown {
  const code = systemCode(error) ?? ''
  if (error instanceof StellaError || !STORAGE_CODES.has(code)) return error
  return new StellaError('STORAGE_FAILED', `Cannot write to ${place}: ${messageOf(error)}. ${advice}`, {
    cause: error,
    details: { place, systemCode: code },
  })
}

/** Runs `work`, which writes under `place`; see {@link asStorageFailure}. */
export async function writingTo<T>(place: string, advice: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asStorageFailure(error, place, advice)
  }
}
