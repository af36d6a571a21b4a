import { mkdirSync, writeFileSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'
import { dirname, join } from 'node:path'

import { afterAll, describe, expect, it, vi } from 'vitest'

import { readMachineMemory } from '../../../src/pool/machine-memory.js'
import type { MachineMemory } from '../../../src/pool/pressure.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const mem = vi.hoisted(() => vi.fn<() => Promise<{ available: number; total: number }>>())
vi.mock('systeminformation', () => ({ default: { mem } }))

const MB = 1024 ** 2

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

let roots = 0

/** What a Linux with these files has left. */
function linux(files: Readonly<Record<string, string>>): Promise<MachineMemory> {
  const root = join(temporary.path, String(roots++))
  mkdirSync(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return readMachineMemory({ root, platform: 'linux' })
}

/** Files of a group of version 2, in MB. */
function group(folder: string, max: number | 'max', current: number, statistics = ''): Record<string, string> {
  const at = `sys/fs/cgroup/${folder}`
  return {
    [`${at}memory.max`]: `${max === 'max' ? max : max * MB}\n`,
    [`${at}memory.current`]: `${current * MB}\n`,
    [`${at}memory.stat`]: `anon 1\n${statistics}\nsock 0\n`,
  }
}

/** The machine's own, which changes while it is read. */
function expectMachine({ available, usable }: MachineMemory): void {
  expect(usable).toBe(totalmem())
  expect(Math.abs(available - freemem())).toBeLessThan(totalmem() / 4)
}

describe('what is left of a machine', () => {
  it('is what the system says is available', async () => {
    expectMachine(await readMachineMemory())
    expectMachine(await linux({}))
    expectMachine(await readMachineMemory({ platform: 'win32' }))
  })

  it('is computed from several counts on macOS, where next to nothing is free', async () => {
    mem.mockResolvedValueOnce({ available: 5e9, total: 16e9 })
    expect(await readMachineMemory({ platform: 'darwin' })).toEqual({ available: 5e9, usable: 16e9 })
    mem.mockResolvedValueOnce({ available: Number.NaN, total: 16e9 })
    expectMachine(await readMachineMemory({ platform: 'darwin' }))
  })
})

describe('what is left of a container', () => {
  const inOwn = { 'proc/self/cgroup': '0::/pod/worker\n' }

  it('is its limit less its usage', async () => {
    expect(await linux({ ...inOwn, ...group('pod/worker/', 512, 500) })).toEqual({
      usable: 512 * MB,
      available: 12 * MB,
    })
  })

  it('has also what the file cache holds and nobody has mapped: that is given up as soon as it is needed', async () => {
    const statistics = `file ${300 * MB}\nfile_mapped ${100 * MB}\nshmem ${50 * MB}`
    expect(await linux({ ...inOwn, ...group('pod/worker/', 512, 500, statistics) })).toEqual({
      usable: 512 * MB,
      available: 162 * MB,
    })
  })

  it('is never negative, and never more than the limit', async () => {
    expect(await linux({ ...inOwn, ...group('pod/worker/', 512, 600) })).toMatchObject({ available: 0 })
    const statistics = `file ${900 * MB}`
    expect(await linux({ ...inOwn, ...group('pod/worker/', 16, 15, statistics) })).toEqual({
      ...{ usable: 16 * MB, available: 16 * MB },
    })
  })

  it('is that of the group that is closest to its end, of all around the process', async () => {
    const files = { ...inOwn, ...group('pod/worker/', 512, 100), ...group('pod/', 1024, 1000), ...group('', 'max', 1) }
    expect(await linux(files)).toEqual({ usable: 1024 * MB, available: 24 * MB })
  })

  it('counts from where the system slows the group down', async () => {
    const files = { ...inOwn, ...group('pod/worker/', 512, 100), 'sys/fs/cgroup/pod/worker/memory.high': `${128 * MB}` }
    expect(await linux(files)).toEqual({ usable: 128 * MB, available: 28 * MB })
  })

  it('is read of version 1, too', async () => {
    const at = 'sys/fs/cgroup/memory/docker/x'
    expect(
      await linux({
        'proc/self/cgroup': '9:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n',
        [`${at}/memory.limit_in_bytes`]: `${256 * MB}`,
        [`${at}/memory.usage_in_bytes`]: `${250 * MB}`,
        [`${at}/memory.stat`]: `cache 1\ntotal_cache ${40 * MB}\ntotal_mapped_file ${10 * MB}\ntotal_shmem 0\n`,
      }),
    ).toEqual({ usable: 256 * MB, available: 36 * MB })
  })

  it.each([
    ['has no limit', group('pod/worker/', 'max', 100)],
    ['has a limit beyond the machine', group('pod/worker/', totalmem() / MB, 100)],
    ['has a limit of nothing', group('pod/worker/', 0, 0)],
    ['is not where it should be', {}],
    ['says something else', { 'sys/fs/cgroup/pod/worker/memory.max': 'plenty', 'proc/self/cgroup': '0::/pod/worker' }],
    ['does not say what it uses', { 'sys/fs/cgroup/pod/worker/memory.max': `${512 * MB}` }],
    ['lies outside of what is mounted', { 'proc/self/cgroup': '0::/../../elsewhere\n' }],
  ] as const)('is that of the machine where the group %s', async (_, files) => {
    expectMachine(await linux({ ...inOwn, ...files }))
  })
})
