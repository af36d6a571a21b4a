/** How much a folder holds, as far as it is worth counting. */
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Most files that are counted: an artefact has some tens. */
const MAX_FILES = 1000

/** Bytes of a file, or of all files in a folder; links count as nothing. What goes away meanwhile is not there. */
export async function sizeOfTree(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return 0
  if (!found.isDirectory()) return found.isFile() ? found.size : 0
  const names = await readdir(path, { recursive: true }).catch(() => [])
  let bytes = 0
  for (const name of names.slice(0, MAX_FILES)) {
    const inside = await lstat(join(path, name)).catch(() => undefined)
    if (inside?.isFile() === true) bytes += inside.size
  }
  return bytes
}
