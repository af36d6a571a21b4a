/** Whether the folder of converted models can be used, how much room there is, and on which file system it is. */
import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { access, constants, readdir, realpath, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { ARTEFACTS_FOLDER } from '../../../convert/artefact-folder.js'
import { PARTIAL_SUFFIX, writeFileDurably } from '../../../files/atomic.js'
import { errnoOf } from '../../../files/hub-cache.js'
import { formatBytes } from '../../../pool/memory-ledger.js'
import type { CheckContext } from '../check.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk, ok } from '../finding.js'
import type { Mount } from '../mounts.js'
import { mountOf } from '../mounts.js'

/**
 * Less room than this is told, in bytes. To make the 400M ready in int8 takes 0.5 GB, beside 1.7 GB in float32 while it is
 * converted; and packing takes 2.5 times the 0.5 GB in passing, if it leaves 1 GB free (`src/inference/packed-weights.ts`).
 */
const LITTLE_ROOM_BYTES = 3e9

/** Names of file systems that are gone with the machine, or with its container. */
const FLEETING = ['tmpfs', 'ramfs', 'overlay']

/** Names of file systems behind a network. Weights are mapped from there, and locks go by its clock. */
const REMOTE = /^(nfs\d?|cifs|smb\w*|9p|ceph|glusterfs|lustre|beegfs|afs|fuse\.(?!fuseblk).+)$/

const ELSEWHERE = 'Set STELLA_HOME to a folder that can be written'

/** See above. */
export async function* checkHome({ home, env, doing }: CheckContext): AsyncGenerator<Finding, void> {
  const id = 'home.folder'
  if (home === undefined) {
    yield notOk('problem', id, 'this user has no home folder, and STELLA_HOME is not set', ELSEWHERE)
    return
  }
  doing(home)
  yield await folderFinding(home, (env['STELLA_HOME'] ?? '') !== '')
  const there = await nearestFolder(home)
  if (there !== undefined) yield await spaceFinding(there)
}

async function folderFinding(home: string, named: boolean): Promise<Finding> {
  const id = 'home.folder'
  const facts = { folder: home, named }
  let found: Stats
  try {
    found = await stat(home)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return missingFinding(home, named)
    return notOk('problem', id, `${home} cannot be looked at: ${lineOf(error)}`, ELSEWHERE, { facts })
  }
  if (!found.isDirectory()) return notOk('problem', id, `${home} is no folder`, ELSEWHERE, { facts })
  let models: readonly string[] = []
  try {
    const names = await readdir(home)
    // A folder that can be read and not entered lists names, and gives nothing else.
    if (names.includes(ARTEFACTS_FOLDER)) models = await readdir(join(home, ARTEFACTS_FOLDER))
  } catch (error) {
    return notOk('problem', id, `${home} cannot be read: ${lineOf(error)}`, ELSEWHERE, { facts })
  }
  const refusal = await writeRefusal(home)
  if (refusal === undefined) return ok(id, `${home} can be read and written`, { facts: { ...facts, writable: true } })
  const summary = `${home} cannot be written: ${refusal}`
  const readOnly = { facts: { ...facts, writable: false } }
  if (models.length === 0) return notOk('problem', id, summary, ELSEWHERE, readOnly)
  const advice = `Nothing, if all models that are used were converted before and their weights packed. Else: ${ELSEWHERE}`
  return notOk('warning', id, summary, advice, readOnly)
}

/** Not there yet is how every machine begins. */
async function missingFinding(home: string, named: boolean): Promise<Finding> {
  const id = 'home.folder'
  const facts = { folder: home, named, exists: false }
  const parent = await nearestFolder(home)
  if (parent === undefined) return notOk('problem', id, `${home} cannot be made`, ELSEWHERE, { facts })
  const refusal = await access(parent, constants.W_OK | constants.X_OK).then(
    () => undefined,
    (error: unknown) => lineOf(error),
  )
  if (refusal !== undefined) {
    return notOk('problem', id, `${home} is not there and cannot be made: ${refusal}`, ELSEWHERE, { facts })
  }
  const summary = `${home} is not there yet; the first conversion makes it`
  if (!named) return ok(id, summary, { facts })
  return notOk('note', id, summary, 'Nothing, if STELLA_HOME is spelt as it was meant', { facts })
}

/** The folder itself, or the nearest above it that there is; undefined where that is none. */
async function nearestFolder(path: string): Promise<string | undefined> {
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch((error: unknown) => (errnoOf(error) === 'ENOENT' ? null : undefined))
    if (found === undefined) return undefined
    if (found !== null) return found.isDirectory() ? at : undefined
    if (dirname(at) === at) return undefined
  }
}

/** Why nothing can be written to `folder`. Rights alone do not tell: a disk is full, a quota used up, a server says no. */
async function writeRefusal(folder: string): Promise<string | undefined> {
  const path = join(folder, `stella-doctor.${randomUUID()}${PARTIAL_SUFFIX}`)
  try {
    await writeFileDurably(path, 'written by stella doctor, and removed at once\n')
    return undefined
  } catch (error) {
    return lineOf(error)
  } finally {
    await rm(path, { force: true }).catch(() => undefined)
  }
}

async function spaceFinding(folder: string): Promise<Finding> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return describeSpace(folder, bavail * bsize, blocks * bsize, await mountOf(await realpath(folder)))
}

/** @param free - Bytes that this user may still write. */
export function describeSpace(folder: string, free: number, size: number, mount: Mount | undefined): Finding {
  const id = 'home.space'
  const facts = { folder, free, size, fileSystem: mount?.type ?? null, mountedAt: mount?.point ?? null }
  const on = mount === undefined ? '' : ` on ${mount.type}, mounted at ${mount.point}`
  const summary = `${formatBytes(free)} free of ${formatBytes(size)}${on}`
  if (free < LITTLE_ROOM_BYTES) {
    const advice = 'Free space there, or set STELLA_HOME to a larger disk: to make the 400M ready takes 3 GB'
    return notOk('warning', id, `${summary}: little`, advice, { facts })
  }
  if (mount !== undefined && FLEETING.includes(mount.type)) {
    const advice =
      'Nothing, if that is meant. To convert once and for all, set STELLA_HOME to a disk or a volume that stays'
    return notOk('note', id, `${summary}, which is gone when the machine or container is`, advice, { facts })
  }
  if (mount !== undefined && REMOTE.test(mount.type)) {
    const advice = 'Prefer a disk of this machine: weights are mapped from there at every load'
    return notOk('note', id, `${summary}, behind a network`, advice, { facts })
  }
  return ok(id, summary, { facts })
}
