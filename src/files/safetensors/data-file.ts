/**
 * Opens the files of a checkpoint and reads exact byte ranges of them: a short read is an error, never zeros.
 * Knows no format.
 */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { isStellaError, messageOf } from '../../errors.js'
import { clip, quote } from '../../show.js'
import { isPlainFileName } from '../plain-name.js'
import { checkpointInvalid } from './invalid.js'
import { systemCode } from '../../realm.js'

/** An open regular file. `size` is its size in bytes when it was opened. */
export interface DataFile {
  /** Path relative to the checkpoint folder. */
  readonly name: string
  readonly size: number
  readonly handle: FileHandle
}

/**
 * Opens `folder/name`, or gives undefined where no such file exists.
 *
 * Only the name is held to the folder, not what it resolves to: the snapshots of the Hugging Face cache are symbolic
 * links to `../../blobs/…`, so links are followed. `name` is one or more plain names joined by `/`.
 *
 * @throws {StellaError} CHECKPOINT_INVALID for a name that may leave the folder, or a file that cannot be read.
 */
export async function openDataFile(folder: string, name: string): Promise<DataFile | undefined> {
  if (!name.split('/').every(isPlainFileName)) {
    throw checkpointInvalid(
      `File name ${quote(name)} is refused: expected a path inside ${folder}, of plain names joined by "/"`,
      { file: clip(name), folder },
    )
  }
  let handle: FileHandle | undefined
  try {
    handle = await open(join(folder, ...name.split('/')), openFlags())
    const stats = await handle.stat()
    if (!stats.isFile()) throw checkpointInvalid(`${name} in ${folder} is not a regular file`, { file: name, folder })
    return { name, size: stats.size, handle }
  } catch (error) {
    await handle?.close()
    if (handle === undefined && isMissing(error)) return undefined
    throw unreadable(error, { file: name, folder })
  }
}

/**
 * Fills `target` from byte `position` on.
 *
 * @param tensor - the tensor being read, for the message.
 * @throws {StellaError} CHECKPOINT_INVALID when the file ends first (it was cut since it was opened) or cannot be read.
 */
export async function readExactly(
  file: DataFile,
  target: Uint8Array,
  position: number,
  tensor?: string,
): Promise<void> {
  const subject = tensor === undefined ? {} : { tensor }
  for (let at = 0; at < target.byteLength;) {
    const bytesRead = await file.handle.read(target, at, target.byteLength - at, position + at).then(
      (result) => result.bytesRead,
      (error: unknown) => {
        throw unreadable(error, { file: file.name, ...subject })
      },
    )
    if (bytesRead === 0) {
      const reading = tensor === undefined ? '' : ` while reading tensor ${quote(tensor)}`
      throw checkpointInvalid(
        `${file.name} ended at byte ${position + at}${reading}, but had ${file.size} bytes when it was opened; ` +
          'something else changed the file',
        { file: file.name, ...subject, position: position + at, size: file.size },
      )
    }
    at += bytesRead
  }
}

/** Without blocking: opening a named pipe that nobody writes to would wait for ever. Windows has neither. */
function openFlags(): number {
  return process.platform === 'win32' ? constants.O_RDONLY : constants.O_RDONLY | constants.O_NONBLOCK
}

function isMissing(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function unreadable(error: unknown, details: { readonly file: string; readonly [key: string]: string }): unknown {
  if (isStellaError(error)) return error
  return checkpointInvalid(`${details.file} cannot be read: ${messageOf(error)}`, details, error)
}
