/** How much memory is left to this process: of the machine, and of every container around it. Knows no budget. */
import { readFile } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { join } from 'node:path'

import systeminformation from 'systeminformation'

import { OWN_GROUPS, controlGroups } from '../runtime/cgroups.js'
import type { MachineMemory } from './pressure.js'
import { machineFloor } from './pressure.js'

/** What tests replace. */
export interface MachineMemoryOptions {
  /** Folder that holds `proc` and `sys`. @default '/' */
  readonly root?: string
  /** @default that of this process */
  readonly platform?: NodeJS.Platform
}

/**
 * Reads what is left, where that is closest to nothing.
 *
 * - The machine: what the system says is available. macOS keeps next to nothing free, and what is available is to be
 *   computed from several counts, which systeminformation does; it starts small processes for it.
 * - Containers, on Linux: limit less usage of the own control group and those above it. `process.availableMemory()` says
 *   nearly that, but takes pages of the file cache that nobody has mapped for used. After reading a checkpoint or
 *   packing weights it would see a full container, when the system gives those pages up as soon as they are needed.
 *
 * Never rejects: where nothing can be read, the system's count of free memory it is.
 */
export async function readMachineMemory(options: MachineMemoryOptions = {}): Promise<MachineMemory> {
  const { root = '/', platform = process.platform } = options
  if (platform === 'darwin') return darwinMemory()
  const machine = { available: freemem(), usable: totalmem() }
  if (platform !== 'linux') return machine
  const groups = await groupMemory(root)
  const floors = ({ available, usable }: MachineMemory): number => available / machineFloor(usable)
  return groups.reduce((least, group) => (floors(group) < floors(least) ? group : least), machine)
}

async function darwinMemory(): Promise<MachineMemory> {
  const { available, total } = await systeminformation.mem()
  return Number.isFinite(available) && total > 0
    ? { available, usable: total }
    : { available: freemem(), usable: totalmem() }
}

/** The control groups that have a limit. */
async function groupMemory(root: string): Promise<readonly MachineMemory[]> {
  const { unified, legacy } = controlGroups((await read(join(root, OWN_GROUPS))) ?? '', 'memory')
  const found = await Promise.all([
    ...unified.map((folder) => memoryOf(join(root, folder), UNIFIED)),
    ...legacy.map((folder) => memoryOf(join(root, folder), LEGACY)),
  ])
  return found.filter((group) => group !== undefined)
}

/** What a version calls its files, and the lines of `memory.stat`. */
interface Names {
  readonly limits: readonly string[]
  readonly usage: string
  /** Pages of files: all, those in use by a mapping, those of files in memory, which have nowhere to go. */
  readonly cache: string
  readonly mapped: string
  readonly inMemory: string
}

/** https://docs.kernel.org/admin-guide/cgroup-v2.html; from `memory.high` on the system slows the group down. */
const UNIFIED: Names = {
  limits: ['memory.max', 'memory.high'],
  usage: 'memory.current',
  ...{ cache: 'file', mapped: 'file_mapped', inMemory: 'shmem' },
}

/** https://docs.kernel.org/admin-guide/cgroup-v1/memory.html */
const LEGACY: Names = {
  limits: ['memory.limit_in_bytes'],
  usage: 'memory.usage_in_bytes',
  ...{ cache: 'total_cache', mapped: 'total_mapped_file', inMemory: 'total_shmem' },
}

/** Undefined where the group has no limit, or one beyond the machine, or cannot be read. */
async function memoryOf(folder: string, names: Names): Promise<MachineMemory | undefined> {
  const limits = await Promise.all(names.limits.map(async (name) => amount(await read(join(folder, name)))))
  const usable = Math.min(...limits)
  if (!(usable > 0 && usable < totalmem())) return undefined
  const [used, statistics = ''] = await Promise.all([
    read(join(folder, names.usage)),
    read(join(folder, 'memory.stat')),
  ])
  const usage = amount(used)
  if (usage === Number.POSITIVE_INFINITY) return undefined
  const line = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(statistics)?.[1] ?? 0)
  const unmapped = Math.max(0, line(names.cache) - line(names.mapped) - line(names.inMemory))
  return { usable, available: Math.min(usable, Math.max(0, usable - usage + unmapped)) }
}

/** `max` says that there is no limit; so does whatever else is no number. */
function amount(text: string | undefined): number {
  const trimmed = text?.trim() ?? ''
  return /^\d+$/.test(trimmed) ? Number(trimmed) : Number.POSITIVE_INFINITY
}

/** Undefined where there is no such file, or it may not be read. */
async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}
