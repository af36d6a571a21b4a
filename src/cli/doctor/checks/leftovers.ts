/** What interrupted work has left: locks of the dead, and folders that nobody finished. */
import { lstat } from 'node:fs/promises'

import { LOCK_STALE_MS } from '../../../files/file-lock.js'
import { errnoOf, repoFolders } from '../../../files/hub-cache.js'
import { formatBytes } from '../../../pool/memory-ledger.js'
import { readArtefactTree } from '../artefact-tree.js'
import type { CheckContext } from '../check.js'
import type { Finding } from '../finding.js'
import { notOk, ok } from '../finding.js'
import { sizeOfTree } from '../folder-size.js'

const ID = 'home.leftover'

/** See above. */
export async function* checkLeftovers({ home, cacheDir, models, doing }: CheckContext): AsyncGenerator<Finding, void> {
  let left = 0
  for await (const finding of leftovers(home, cacheDir, models, doing)) {
    left += finding.status === 'ok' ? 0 : 1
    yield finding
  }
  if (left === 0) yield ok(ID, 'interrupted work has left nothing')
}

async function* leftovers(
  home: string | undefined,
  cacheDir: string | undefined,
  models: CheckContext['models'],
  doing: CheckContext['doing'],
): AsyncGenerator<Finding, void> {
  if (home !== undefined) {
    for await (const { kind, path, lock } of readArtefactTree(home)) {
      doing(path)
      if (kind === 'lock') yield* lockFinding(path)
      else if (kind === 'partial') yield* partialFinding(path, lock)
    }
  }
  if (cacheDir === undefined) return
  for (const { source } of models) {
    if (source.kind === 'hub') yield* lockFinding(`${repoFolders(cacheDir, source.repo).lock}.lock`)
  }
}

async function* lockFinding(path: string): AsyncGenerator<Finding, void> {
  const ageMs = await ageOf(path)
  if (ageMs === undefined) return
  const facts = { kind: 'lock', path, ageMs }
  if (isAlive(ageMs)) {
    yield ok(ID, `${path} is held by a process that is at work`, { subject: path, facts })
    return
  }
  const summary = `${path} was left by a process that is gone: it was last renewed ${age(ageMs)} ago`
  const advice = `Nothing: whoever needs it next takes it over. To be rid of it: remove that folder`
  yield notOk('note', ID, summary, advice, { subject: path, facts })
}

async function* partialFinding(path: string, lock: string | undefined): AsyncGenerator<Finding, void> {
  const lockAgeMs = lock === undefined ? undefined : await ageOf(lock)
  const ageMs = await ageOf(path)
  if (ageMs === undefined) return
  const bytes = await sizeOfTree(path)
  const facts = { kind: 'partial', path, ageMs, bytes }
  if (lockAgeMs !== undefined && isAlive(lockAgeMs)) {
    yield ok(ID, `${path} is being written`, { subject: path, facts })
    return
  }
  const summary = `${path} was never finished, and holds ${formatBytes(bytes)}`
  const advice = 'Remove it. The next conversion of that model in that precision does so, too'
  yield notOk('warning', ID, summary, advice, { subject: path, facts })
}

/** As proper-lockfile decides it: by the time of the last renewal. A time to come is the other clock's matter. */
function isAlive(ageMs: number): boolean {
  return ageMs < LOCK_STALE_MS
}

/** Milliseconds since something was last written; undefined where it is not there. */
async function ageOf(path: string): Promise<number | undefined> {
  try {
    return Date.now() - (await lstat(path)).mtimeMs
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

function age(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`
}
