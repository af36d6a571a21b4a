/**
 * How many cores this process may keep busy: those it may run on, and no more than a container's CPU quota pays for.
 * Node 20 does not look at quotas, and a thread too many is not slow but stopped, for most of every period. Knows no
 * engine and no model.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

/** Where Linux tells of control groups; both are files, however the hierarchies are mounted. */
const OWN_GROUPS = 'proc/self/cgroup'
const MOUNTS = 'sys/fs/cgroup'

/** Levels that are looked at, each of which costs a few reads. Below so many, the mount's own limit alone counts. */
const MAX_LEVELS = 64

/** What tests replace. */
export interface CoresOptions {
  /** Folder that holds `proc` and `sys`. @default '/' */
  readonly root?: string
  /** Cores the process may be scheduled on. @default os.availableParallelism() */
  readonly available?: number
}

/**
 * Cores that this process may keep busy: at least 1, and a quota of 2.5 counts as 2. Reads a few small files, and reads
 * them again at each call, because a quota can be changed while a process runs.
 */
export function availableCores({ root = '/', available = availableParallelism() }: CoresOptions = {}): number {
  return Math.max(1, Math.floor(Math.min(available, cpuQuota(root))))
}

/**
 * Cores' worth of time that control groups grant: the least of the process's own group and those above it, of version 2
 * (https://docs.kernel.org/admin-guide/cgroup-v2.html, `cpu.max`) and of version 1
 * (https://docs.kernel.org/scheduler/sched-bwc.html, `cpu.cfs_quota_us`). Infinity where none says anything.
 */
function cpuQuota(root: string): number {
  const groups = read(join(root, OWN_GROUPS)) ?? ''
  const quotas = groups.split('\n').flatMap((line) => {
    // hierarchy:controllers:path, and a path may hold colons.
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) return []
    if (controllers === '') return levels(path).flatMap((level) => unifiedQuotas(root, level))
    const names = controllers.split(',')
    return names.includes('cpu') ? levels(path).map((level) => legacyQuota(root, controllers, level)) : []
  })
  return Math.min(Number.POSITIVE_INFINITY, ...quotas)
}

/**
 * A group and all above it, as paths from the mount. The mount itself is always among them: in a container it is the
 * container's own group, whatever the path says, which may be the host's.
 */
function levels(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '')
  // A group outside of what is mounted here.
  if (parts.includes('..') || parts.length > MAX_LEVELS) return ['']
  return Array.from({ length: parts.length + 1 }, (_, count) => parts.slice(0, count).join('/'))
}

/** Of version 2, which lies in a folder of its own where version 1 has the controllers. */
function unifiedQuotas(root: string, level: string): readonly number[] {
  return ['', 'unified'].map((mount) => {
    const [quota, period] = (read(join(root, MOUNTS, mount, level, 'cpu.max')) ?? '').trim().split(/\s+/)
    return quotaOf(quota, period)
  })
}

/** Of version 1. Its folder has the controllers' names, and often a link for each of them. */
function legacyQuota(root: string, controllers: string, level: string): number {
  const quotas = [controllers, 'cpu'].map((mount) => {
    const folder = join(root, MOUNTS, mount, level)
    return quotaOf(read(join(folder, 'cpu.cfs_quota_us')), read(join(folder, 'cpu.cfs_period_us')))
  })
  return Math.min(...quotas)
}

/** `max` and -1 say that there is no limit; so does whatever else is no positive number. */
function quotaOf(quota: string | undefined, period: string | undefined): number {
  const cores = Number(quota?.trim()) / Number(period?.trim())
  return Number.isFinite(cores) && cores > 0 ? cores : Number.POSITIVE_INFINITY
}

/** Undefined where there is no such file, as on every system but Linux, or it may not be read. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
