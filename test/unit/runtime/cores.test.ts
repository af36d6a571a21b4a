import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'

import { availableCores } from '../../../src/runtime/cores.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

let roots = 0

/** A root folder with these files. */
function rootWith(files: Readonly<Record<string, string>>): string {
  const root = join(temporary.path, String(roots++))
  mkdirSync(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function coresWith(files: Readonly<Record<string, string>>, available = 16): number {
  return availableCores({ root: rootWith(files), available })
}

/** Files of a group of version 1. */
function legacy(folder: string, quota: string, period = '100000'): Record<string, string> {
  return { [`${folder}/cpu.cfs_quota_us`]: `${quota}\n`, [`${folder}/cpu.cfs_period_us`]: `${period}\n` }
}

describe('the cores of this process', () => {
  it('are from 1 to what the system tells', () => {
    expect(availableCores()).toBeGreaterThanOrEqual(1)
    expect(availableCores()).toBeLessThanOrEqual(availableParallelism())
  })

  it('are those it may run on where nothing is known of control groups', () => {
    expect(coresWith({})).toBe(16)
    expect(availableCores({ root: join(temporary.path, 'nowhere'), available: 3 })).toBe(3)
  })

  it('are whole, and at least 1, whatever the quota', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000_000 }), fc.integer({ min: 1, max: 64 }), (quota, available) => {
        const cores = coresWith({ 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': `${quota} 100000` }, available)
        expect(cores).toBe(Math.max(1, Math.min(available, Math.floor(quota / 100_000))))
      }),
      { numRuns: 30 },
    )
  })
})

describe('a quota of control groups version 2', () => {
  const own = { 'proc/self/cgroup': '0::/kubepods/pod1/worker\n' }
  const at = (folder: string, text: string) => ({ [`sys/fs/cgroup/${folder}cpu.max`]: text })

  it('limits the cores', () => {
    expect(coresWith({ 'proc/self/cgroup': '0::/\n', ...at('', '250000 100000\n') })).toBe(2)
    expect(coresWith({ ...own, ...at('kubepods/pod1/worker/', '400000 100000\n') })).toBe(4)
  })

  it('counts for every group below: the least of them holds', () => {
    const files = { ...own, ...at('', 'max 100000\n'), ...at('kubepods/', '300000 100000\n') }
    expect(coresWith({ ...files, ...at('kubepods/pod1/worker/', '800000 100000\n') })).toBe(3)
    expect(coresWith({ ...files, ...at('kubepods/pod1/worker/', '150000 100000\n') })).toBe(1)
  })

  it('is the mount’s own where the path is the host’s', () => {
    expect(coresWith({ 'proc/self/cgroup': '0::/host/only\n', ...at('', '200000 100000\n') })).toBe(2)
    expect(coresWith({ 'proc/self/cgroup': '0::/../other\n', ...at('', '200000 100000\n') })).toBe(2)
  })

  it('of another group is none of ours', () => {
    expect(coresWith({ ...own, ...at('kubepods/pod2/', '100000 100000\n') })).toBe(16)
  })

  it('is none where it says max, or nothing that can be read', () => {
    for (const text of ['max 100000\n', 'max', '', '\n', '-1 100000', '0 100000', '5 0', 'many few', '100000']) {
      expect(coresWith({ 'proc/self/cgroup': '0::/\n', ...at('', text) }), text).toBe(16)
    }
  })
})

describe('a quota of control groups version 1', () => {
  const own = { 'proc/self/cgroup': '5:memory:/x\n4:cpu,cpuacct:/docker/7f\n1:name=systemd:/y\n0::/y\n' }

  it('limits the cores, whichever name its folder has', () => {
    for (const folder of ['cpu,cpuacct', 'cpu']) {
      expect(coresWith({ ...own, ...legacy(`sys/fs/cgroup/${folder}/docker/7f`, '350000') })).toBe(3)
      // In a container the path is the host's, and the mount is the container's.
      expect(coresWith({ ...own, ...legacy(`sys/fs/cgroup/${folder}`, '50000', '25000') })).toBe(2)
    }
  })

  it('is none where it says -1, or has no period', () => {
    expect(coresWith({ ...own, ...legacy('sys/fs/cgroup/cpu', '-1') })).toBe(16)
    expect(coresWith({ ...own, 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000\n' })).toBe(16)
  })

  it('is not looked for with other controllers', () => {
    const memory = { 'proc/self/cgroup': '5:memory:/x\n', ...legacy('sys/fs/cgroup/memory/x', '100000') }
    expect(coresWith(memory)).toBe(16)
  })

  it('holds beside version 2, the lesser of them', () => {
    const files = { ...own, ...legacy('sys/fs/cgroup/cpu/docker/7f', '600000') }
    expect(coresWith({ ...files, 'sys/fs/cgroup/unified/y/cpu.max': '400000 100000\n' })).toBe(4)
    expect(coresWith({ ...files, 'sys/fs/cgroup/unified/y/cpu.max': '900000 100000\n' })).toBe(6)
  })
})
