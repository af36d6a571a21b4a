/**
 * How many cores this process may keep busy: those it may run on, and no more than a container's CPU quota pays for.
 * Node 20 does not look at quotas, and a thread too many is not slow but stopped, for most of every period. Knows no
 * engine and no model.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

import { OWN_GROUPS, controlGroups } from './cgroups.js'

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
  const { unified, legacy } = controlGroups(read(join(root, OWN_GROUPS)) ?? '', 'cpu')
  return Math.min(
    Number.POSITIVE_INFINITY,
    ...unified.map((folder) => unifiedQuota(join(root, folder))),
    ...legacy.map((folder) => legacyQuota(join(root, folder))),
  )
}

/** Of version 2. */
function unifiedQuota(folder: string): number {
  const [quota, period] = (read(join(folder, 'cpu.max')) ?? '').trim().split(/\s+/)
  return quotaOf(quota, period)
}

/** Of version 1. */
function legacyQuota(folder: string): number {
  return quotaOf(read(join(folder, 'cpu.cfs_quota_us')), read(join(folder, 'cpu.cfs_period_us')))
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
