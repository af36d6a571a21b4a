import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { controlGroups } from '../../../src/runtime/cgroups.js'

describe('the folders of a controller', () => {
  it('of version 2 are those of the own group and all above it, under both mounts', () => {
    expect(controlGroups('0::/a/b\n', 'memory')).toEqual({
      unified: ['', '/a', '/a/b'].flatMap((level) => [`sys/fs/cgroup${level}`, `sys/fs/cgroup/unified${level}`]),
      legacy: [],
    })
  })

  it('of version 1 go by all of the hierarchy’s controllers, and by its own name', () => {
    expect(controlGroups('4:cpu,cpuacct:/a\n9:memory:/b:c\n', 'cpu').legacy).toEqual([
      'sys/fs/cgroup/cpu,cpuacct',
      'sys/fs/cgroup/cpu',
      'sys/fs/cgroup/cpu,cpuacct/a',
      'sys/fs/cgroup/cpu/a',
    ])
    expect(controlGroups('4:cpu,cpuacct:/a\n9:memory:/b:c\n', 'memory').legacy).toEqual([
      'sys/fs/cgroup/memory',
      'sys/fs/cgroup/memory/b:c',
    ])
  })

  it('are none where nothing is told, or nothing of the controller', () => {
    for (const text of ['', 'nonsense', '4:cpu:/a', '1:name=systemd:/a', '0:memory']) {
      expect(controlGroups(text, 'memory')).toEqual({ unified: [], legacy: [] })
    }
  })

  it('never lie outside of the mount, and are bounded', () => {
    const anyPath = fc.array(fc.constantFrom('a', '..', '.', '', 'x y'), { maxLength: 200 })
    fc.assert(
      fc.property(anyPath, fc.constantFrom('', 'memory'), (parts, controllers) => {
        const { unified, legacy } = controlGroups(`3:${controllers}:/${parts.join('/')}`, 'memory')
        const all = [...unified, ...legacy]
        expect(all.every((folder) => folder === 'sys/fs/cgroup' || folder.startsWith('sys/fs/cgroup/'))).toBe(true)
        expect(all.length).toBeLessThanOrEqual(2 * 65)
      }),
    )
  })
})
