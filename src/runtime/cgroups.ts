/**
 * Where Linux keeps the limits of this process's control groups. Knows paths only: whoever asks reads the files and
 * knows what they mean. See https://docs.kernel.org/admin-guide/cgroup-v2.html and, for version 1,
 * https://docs.kernel.org/admin-guide/cgroup-v1/cgroups.html.
 */
import { join } from 'node:path'

/** Says which groups the process is in. Relative to the root, as {@link controlGroups} gives folders. */
export const OWN_GROUPS = 'proc/self/cgroup'

/** Where the hierarchies are mounted. */
const MOUNTS = 'sys/fs/cgroup'

/** Levels that are looked at, each of which costs a few reads. Below so many, the mount's own limit alone counts. */
const MAX_LEVELS = 64

/** Folders, of which any may not be there, that hold the files of a controller: of the own group and those above it. */
export interface ControlGroups {
  /** Of version 2. */
  readonly unified: readonly string[]
  /** Of version 1. */
  readonly legacy: readonly string[]
}

/**
 * @param groups - Text of {@link OWN_GROUPS}; empty on a system that has none.
 * @param controller - `cpu`, `memory`.
 */
export function controlGroups(groups: string, controller: string): ControlGroups {
  const unified: string[] = []
  const legacy: string[] = []
  for (const line of groups.split('\n')) {
    // hierarchy:controllers:path, and a path may hold colons.
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) continue
    // Version 2 lies in a folder of its own where version 1 has the controllers.
    if (controllers === '') unified.push(...folders(['', 'unified'], path))
    // A folder of version 1 has the controllers' names, and often a link for each of them.
    else if (controllers.split(',').includes(controller)) legacy.push(...folders([controllers, controller], path))
  }
  return { unified, legacy }
}

function folders(mounts: readonly string[], path: string): readonly string[] {
  return levels(path).flatMap((level) => [...new Set(mounts)].map((mount) => join(MOUNTS, mount, level)))
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
