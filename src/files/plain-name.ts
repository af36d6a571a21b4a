/** File names that others wrote: which of them stay in the folder they are joined to. */

/** Longest file name accepted, in UTF-16 code units; the limit of the common file systems is 255 bytes. */
export const MAX_FILE_NAME_LENGTH = 255

/** Control characters, the separators of both path families, and the colon of drive letters and alternate streams. */
const FORBIDDEN_IN_NAME = /[\p{Cc}/\\:]/u

/** Whether `name` is one plain file name, which joined to a folder stays in that folder. */
export function isPlainFileName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.length > MAX_FILE_NAME_LENGTH) return false
  return !FORBIDDEN_IN_NAME.test(name)
}
