/** Hashes what a conversion starts from, and holds pinned files to their pins. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError, messageOf } from '../errors.js'
import { sha256File } from '../files/hash.js'
import type { ConvertProgress } from './convert-progress.js'
import { systemCode } from '../realm.js'

/** What the caller may follow and stop. */
interface HashOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined
}

/**
 * SHA-256 of each of `files`.
 *
 * @throws {StellaError} CHECKPOINT_INVALID for a file that is missing or is not the pinned one; ABORTED.
 */
export async function hashSources(
  folder: string,
  files: readonly string[],
  info: StellaModelInfo,
  { signal, onProgress }: HashOptions,
): Promise<Record<string, string>> {
  const sizes = await Promise.all(files.map((file) => sizeOf(folder, file)))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const sources: Record<string, string> = {}
  let done = 0
  for (const [index, file] of files.entries()) {
    const { sha256 } = await sha256File(join(folder, file), {
      signal,
      onBytes: (bytes) =>
        onProgress?.({ model: info.key, state: 'hashing', file, done: done + bytes, total, unit: 'bytes' }),
    })
    done += sizes[index] ?? 0
    sources[file] = sha256
    const pinned = info.files.find((known) => known.path === file)?.sha256
    if (pinned !== undefined && pinned !== sha256) {
      throw new StellaError('CHECKPOINT_INVALID', `${file} has SHA-256 ${sha256}; ${info.key} is pinned to ${pinned}`, {
        details: { folder, file, sha256, expected: pinned },
      })
    }
  }
  return sources
}

async function sizeOf(folder: string, file: string): Promise<number> {
  try {
    return (await stat(join(folder, file))).size
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT'
    const problem = missing ? `${folder} holds no ${file}` : `${file} cannot be read: ${messageOf(error)}`
    throw new StellaError('CHECKPOINT_INVALID', `${problem}; expected a folder in the Hugging Face layout`, {
      cause: error,
      details: { folder, file },
    })
  }
}
