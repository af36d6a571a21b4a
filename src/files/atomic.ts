/** Writes that are either done or did not happen: a temporary sibling, then a rename. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { systemCode } from '../realm.js'

/** Ending of everything half-written. Nothing reads a path that carries it. */
export const PARTIAL_SUFFIX = '.partial'

/** What {@link partialPath} adds to a name, after the dot. */
const PARTIAL_ENDING = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.partial$/

/** A fresh name beside `path`, for its unfinished form. */
export function partialPath(path: string): string {
  return `${path}.${randomUUID()}${PARTIAL_SUFFIX}`
}

/** Replaces the file at `path` with `text`, durably. */
export async function writeFileAtomic(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const partial = partialPath(path)
  try {
    await writeFileDurably(partial, text)
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

/** Writes a file that must not exist, and waits until the disk has it. */
export async function writeFileDurably(path: string, data: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(data)
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Makes the folder at `path` by filling a temporary one. An older folder of that name goes away only once the new one
 * is complete. The caller holds the lock on `path`.
 */
export async function replaceFolder<T>(path: string, fill: (partial: string) => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true })
  await removePartials(path)
  const partial = partialPath(path)
  await mkdir(partial)
  try {
    const result = await fill(partial)
    const old = partialPath(path)
    const replaced = await rename(path, old).then(
      () => true,
      (error: unknown) => {
        if (systemCode(error) === 'ENOENT') return false
        throw error
      },
    )
    try {
      await rename(partial, path)
    } catch (error) {
      // What was there goes back to its place: under its other name it would count as left over.
      if (replaced) await rename(old, path)
      throw error
    }
    if (replaced) await rm(old, { recursive: true, force: true })
    return result
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw error
  }
}

/** Removes what interrupted writers of `path` left behind, and nothing that merely looks like it. */
async function removePartials(path: string): Promise<void> {
  const folder = dirname(path)
  const prefix = `${basename(path)}.`
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix) || !PARTIAL_ENDING.test(name.slice(prefix.length))) continue
    await rm(join(folder, name), { recursive: true, force: true })
  }
}
