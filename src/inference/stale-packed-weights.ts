/** Removes packed forms that nobody will open again, and what interrupted packing left. */
import { readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'

import { messageOf } from '../errors.js'
import { PARTIAL_SUFFIX } from '../files/atomic.js'
import type { Logger } from './logger.js'
import { RECORD_FILE, hostOf } from './packed-weights-record.js'

/** A packed form of another machine is removed after this time without a load. */
const UNUSED_MS = 30 * 24 * 3600 * 1000

/** What folders of packed forms are called: engine version, hash. */
const PACKED_NAME = /^[0-9A-Za-z.+-]+-[0-9a-f]{16}$/

/**
 * Removes from `root` every packed form besides `current`: this machine now has another engine, processor or artefact.
 * Here, a form that a process has mapped lives on until that process lets go of it. On a disk shared between machines
 * it would not, and take the process with it: the forms of others stay while they are in use. The caller holds the lock.
 */
export async function removeStalePacked(root: string, current: string, logger: Logger): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name)
    const unfinished = name.endsWith(PARTIAL_SUFFIX)
    const other = PACKED_NAME.test(name) && name !== basename(current)
    if (!unfinished && !(other && (await isOurs(path)))) continue
    // Windows removes no file that is mapped; the next packing tries again.
    await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
      logger.debug({ path, reason: messageOf(error) }, 'stale packed weights stay')
    })
  }
}

async function isOurs(path: string): Promise<boolean> {
  if ((await hostOf(path)) === hostname()) return true
  const used = await stat(join(path, RECORD_FILE)).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
  return Date.now() - used > UNUSED_MS
}
