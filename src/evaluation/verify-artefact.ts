/** Checks an artefact's files against the hashes in its manifest. Runs nothing. */
import { join } from 'node:path'

import { messageOf } from '../errors.js'
import { sha256File } from '../files/hash.js'
import type { Manifest } from '../files/manifest.js'
import type { CheckResult } from './verify-model.js'

/** How to check. */
export interface VerifyArtefactOptions {
  readonly signal?: AbortSignal | undefined
  /** Called with the bytes read so far, over all files. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined
}

/**
 * Hashes every file that the manifest lists.
 *
 * @throws {StellaError} ABORTED
 */
export async function verifyArtefact(
  folder: string,
  manifest: Manifest,
  { signal, onProgress }: VerifyArtefactOptions = {},
): Promise<readonly CheckResult[]> {
  const files = Object.entries(manifest.files)
  const total = files.reduce((sum, [, { bytes }]) => sum + bytes, 0)
  const results: CheckResult[] = []
  let done = 0
  for (const [file, { sha256, bytes }] of files) {
    const name = `hash of ${file}`
    if (!isInside(file)) {
      results.push({ name, status: 'failed', detail: 'the manifest names a file outside the artefact' })
      continue
    }
    try {
      const onBytes = (read: number): void => onProgress?.(done + read, total)
      const found = await sha256File(join(folder, file), { signal, onBytes })
      const right = found.sha256 === sha256 && found.bytes === bytes
      const detail = right
        ? `${bytes} bytes`
        : `SHA-256 ${found.sha256}, ${found.bytes} bytes; expected ${sha256}, ${bytes} bytes`
      results.push({ name, status: right ? 'passed' : 'failed', detail })
    } catch (error) {
      if (signal?.aborted === true) throw error
      results.push({ name, status: 'failed', detail: messageOf(error) })
    }
    done += bytes
  }
  return results
}

/** A manifest is read from disk: its paths are somebody's word. */
function isInside(file: string): boolean {
  return file !== '' && !/^[/\\]|^[A-Za-z]:/.test(file) && !file.split(/[/\\]/).includes('..')
}
