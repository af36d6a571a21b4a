/** What this process holds: threads, open files, mapped files, timers, listeners, children. Linux tells all of it. */
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Numbers by what is held. */
export type Holdings = ReadonlyMap<string, number>

/** Longest wait for threads to end and files to be closed, in milliseconds. */
const MAX_WAIT_MS = 10_000

/** What comes and goes by itself: stamps of the harness, and what reading /proc opens. */
const IGNORED = /^(file: \/proc\/|resource: (Immediate|TTYWrap|PipeWrap|FSReqPromise|FSReqCallback))/

/** Reads what is held now. @param home - Files below it are told by name. */
export function readHoldings(home: string): Holdings {
  const counts = new Map<string, number>()
  const count = (what: string): void => {
    if (!IGNORED.test(what)) counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  for (const resource of process.getActiveResourcesInfo()) count(`resource: ${resource}`)
  for (const event of ['exit', 'warning', 'uncaughtException', 'unhandledRejection', 'SIGTERM', 'SIGINT']) {
    for (let at = process.listenerCount(event); at > 0; at--) count(`listener: ${event}`)
  }
  if (!existsSync('/proc/self/task')) return counts
  for (const task of readdirSync('/proc/self/task')) {
    count('thread')
    for (const child of wordsOf(`/proc/self/task/${task}/children`)) count(`child: ${nameOf(child)}`)
  }
  for (const fd of readdirSync('/proc/self/fd')) count(`file: ${targetOf(fd)}`)
  for (const path of mappedFiles(home)) count(`mapped: ${path}`)
  return counts
}

/**
 * Waits until no more is held than before.
 *
 * @returns what is still held, in words.
 */
export async function leftBeyond(before: Holdings, home: string): Promise<readonly string[]> {
  const deadline = performance.now() + MAX_WAIT_MS
  for (;;) {
    const now = readHoldings(home)
    const more = [...now].filter(([what, count]) => count > (before.get(what) ?? 0))
    if (more.length === 0) return []
    if (performance.now() > deadline) {
      return more.map(([what, count]) => `${count} × ${what}, where there were ${before.get(what) ?? 0}`)
    }
    await pause(100)
  }
}

/** Locks and half-written things below `home`: nobody is there to own them. */
export function unfinished(home: string): readonly string[] {
  if (!existsSync(home)) return []
  return readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((path) => /\.(lock|partial|chaos)$/.test(path))
}

function targetOf(fd: string): string {
  try {
    // Sockets and pipes have a number each.
    return readlinkSync(join('/proc/self/fd', fd)).replace(/\[\d+\]$/, '')
  } catch {
    // That of the folder itself.
    return '/proc/closed'
  }
}

function mappedFiles(home: string): readonly string[] {
  const paths = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .map((line) => line.slice(line.indexOf('/')).trim())
    .filter((path) => path.startsWith(home))
  return paths.map((path) => path.slice(home.length))
}

function wordsOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split(' ').filter(Boolean)
  } catch {
    return []
  }
}

function nameOf(pid: string): string {
  return wordsOf(`/proc/${pid}/comm`)[0]?.trim() ?? 'gone'
}
