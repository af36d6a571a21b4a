/** What stands in the way of shared weights costs memory, never a load, and is told. */
import type * as Fs from 'node:fs/promises'
import { chmod, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import type * as Packing from '../../../src/inference/packing-process.js'
import { PackingEnded, packInProcess } from '../../../src/inference/packing-process.js'
import type { Sharing } from '../../support/sharing.js'
import { makeSharing } from '../../support/sharing.js'
import { temporaryFolder } from '../../support/temp-folder.js'

vi.mock('../../../src/inference/packing-process.js', async (original) => {
  const real = await original<typeof Packing>()
  return { ...real, packInProcess: vi.fn(real.packInProcess) }
})

const disk = vi.hoisted(() => ({ free: Number.POSITIVE_INFINITY }))
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof Fs>()
  return { ...fs, statfs: () => Promise.resolve({ bavail: disk.free, bsize: 1 }) }
})

/** More disk than any test needs. */
const ENOUGH_BYTES = 2e9

const temporary = temporaryFolder()
let tiny: Sharing

beforeAll(async () => {
  tiny = await makeSharing(temporary.path)
})
afterEach(() => {
  disk.free = Number.POSITIVE_INFINITY
  vi.mocked(packInProcess).mockClear()
})
afterAll(() => temporary.remove())

/** Packings so far in this test. */
const packings = () => vi.mocked(packInProcess).mock.calls.length

describe('weights of their own, and one warning that says why, has a load', () => {
  async function ownAfter(folder: string, reason: RegExp) {
    const found = await tiny.share(folder)
    expect(found.weights).toBe('own')
    expect(found.graph).toBe(join(folder, 'backbone.onnx'))
    expect(found.logger.warn).toHaveBeenCalledExactlyOnceWith(
      { model: 'tiny', artefact: folder, reason: expect.stringMatching(reason) as string },
      expect.stringContaining('weights are not shared'),
    )
    return found
  }

  it('where a file is in the place of the folder', async () => {
    const folder = await tiny.fresh()
    await writeFile(join(folder, 'packed'), '')
    await ownAfter(folder, /EEXIST|ENOTDIR/)
  })

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')('where nothing may be written', async () => {
    const folder = await tiny.fresh()
    await chmod(folder, 0o555)
    try {
      await ownAfter(folder, /EACCES/)
    } finally {
      await chmod(folder, 0o755)
    }
  })

  it('where the disk has too little room, and nothing is left there', async () => {
    const folder = await tiny.fresh()
    disk.free = ENOUGH_BYTES / 4
    await ownAfter(folder, /500000000 bytes free; packing takes 1\d{9}(\.\d+)?, 1000000000 of them in reserve/)
    expect(await readdir(join(folder, 'packed'))).toEqual([])
    disk.free = ENOUGH_BYTES
    expect((await tiny.share(folder)).weights).toBe('shared')
  })

  it('where packing fails, and the next load tries again', async () => {
    const folder = await tiny.fresh()
    vi.mocked(packInProcess).mockRejectedValueOnce(new PackingEnded({ signal: 'SIGKILL', code: null, printed: '' }))
    await ownAfter(folder, /ended by SIGKILL/)
    expect(await readdir(join(folder, 'packed'))).toEqual([])
    expect((await tiny.share(folder)).weights).toBe('shared')
  })

  it.each([
    ['gives other vectors', 0.25, /52 vectors .* a difference of 0\.25; at most 0\.000001/],
    ['gives numbers that are none', null, /not finite/],
  ])('where the packed form %s, and no load packs it again', async (_, difference, reason) => {
    const folder = await tiny.fresh()
    vi.mocked(packInProcess).mockImplementationOnce(async ({ out }) => {
      await writeFile(join(out, 'packed.data'), 'large')
      return { difference, vectors: 52 }
    })
    await ownAfter(folder, reason)
    await ownAfter(folder, reason)
    expect(packings()).toBe(1)
    const [name = ''] = await readdir(join(folder, 'packed'))
    expect(await readdir(join(folder, 'packed', name))).toEqual(['packed.json'])
  })

  it('where the packed form crashes the process that runs it, and no load packs it again', async () => {
    const folder = await tiny.fresh()
    vi.mocked(packInProcess).mockRejectedValueOnce(new PackingEnded({ signal: 'SIGSEGV', code: null, printed: '' }))
    await ownAfter(folder, /ended by SIGSEGV/)
    await ownAfter(folder, /ended by SIGSEGV/)
    expect(packings()).toBe(1)
  })
})
