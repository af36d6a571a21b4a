/** Writes a file that was not there, or instead of one that was; complete, or not at all. Knows no format. */
import { link, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { messageOf } from '../errors.js'
import { partialPath, writeFileDurably } from '../files/atomic.js'
import { systemCode } from '../realm.js'
import { UsageError } from './usage-error.js'

/** What file systems without hard links say. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'])

/**
 * @param replace - Whether a file that is there is replaced; else it is left alone.
 * @throws {UsageError} where there is something already, or the place cannot be written.
 */
export async function writeNewFile(path: string, text: string, replace: boolean): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found !== undefined && !found.isFile()) throw new UsageError(`${path} is there, and is no file`)
  if (found !== undefined && !replace) throw isThere(path)
  // Through a link to what it leads to, as an editor would.
  const target = found === undefined ? path : await realpath(path)
  const partial = partialPath(target)
  try {
    await writeFileDurably(partial, text)
    if (replace) await rename(partial, target)
    else await linkNew(partial, target, text)
  } catch (error) {
    if (error instanceof UsageError) throw error
    if (systemCode(error) === 'EEXIST') throw isThere(path)
    const hint = systemCode(error) === 'ENOENT' ? `There is no folder ${dirname(path)}` : undefined
    throw new UsageError(`Cannot write ${path}: ${messageOf(error)}`, hint)
  } finally {
    await rm(partial, { force: true })
  }
}

/** A rename would replace what somebody has put there in the meantime; a link does not. */
async function linkNew(partial: string, target: string, text: string): Promise<void> {
  try {
    await link(partial, target)
  } catch (error) {
    if (!NO_LINKS.has(systemCode(error) ?? '')) throw error
    await writeFileDurably(target, text)
  }
}

function isThere(path: string): UsageError {
  return new UsageError(`${path} is there already and was left alone`, 'Give another path, or --force to replace it')
}
