import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ConversionThreads } from '../../../src/convert/conversion-threads.js'
import type { TensorJob } from '../../../src/convert/tensor-job.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { f32, rawFile, tensor } from '../files/safetensors/raw-file.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const fixture = (name: string): URL => new URL(`../../fixtures/${name}`, import.meta.url)

describe('a thread that ends', () => {
  it.each([
    ['while it converts', 'leaving-conversion.cjs', 'worker exited with code: 3'],
    ['because it cannot load', 'broken-conversion.cjs', 'this module is broken'],
  ])('%s fails every run with WORKER_LOST, and no run waits', async (_, entry, reason) => {
    await using threads = new ConversionThreads(2, fixture(entry))
    const runs = Array.from({ length: 4 }, () => failureOf(() => threads.run([], temporary.path)))
    for (const error of await Promise.all(runs)) {
      expect(error).toMatchObject({ code: 'WORKER_LOST', message: `A thread ended while converting: ${reason}` })
    }
  })

  it('is not started where the package was not built', () => {
    expect(() => new ConversionThreads(1, fixture('nothing.js'))).toThrow('build the package first')
  })
})

describe('a thread of a conversion', () => {
  let job: TensorJob
  beforeAll(async () => {
    const folder = await mkdtemp(join(temporary.path, 'checkpoint-'))
    await writeFile(join(folder, 'm.safetensors'), rawFile({ w: tensor('F32', [2, 2], 0, 16) }, f32(1, 2, 3, 4)))
    job = {
      folder,
      file: 'm.safetensors',
      tensor: 'w',
      rows: { start: 0, end: 2 },
      columns: 2,
      scales: {},
      transform: { kind: 'float32' },
      slots: [{ offset: 0, bytes: 16, rowBytes: 8 }],
    }
  })

  it.each([
    ['that does not exist', 'ENOENT', (): string => join(temporary.path, 'nothing')],
    ['that is a folder', 'EISDIR', (): string => temporary.path],
  ])('fails with the code of the system for a file %s, and works on', async (_, code, target) => {
    await using threads = new ConversionThreads(1)
    await expect(threads.run([job], target())).rejects.toMatchObject({ code })
    const path = join(await mkdtemp(join(temporary.path, 'out-')), 'x')
    await writeFile(path, '')
    await threads.run([job], path)
  })

  it.runIf(process.platform === 'linux')('says ENOSPC where the disk is full', async () => {
    await using threads = new ConversionThreads(1)
    await expect(threads.run([job], '/dev/full')).rejects.toMatchObject({ code: 'ENOSPC' })
  })

  it('keeps the code and the details of an error of this package, and where it came from', async () => {
    await using threads = new ConversionThreads(1)
    const path = join(await mkdtemp(join(temporary.path, 'out-')), 'x')
    await writeFile(path, '')
    const error = await failureOf(() => threads.run([{ ...job, tensor: 'v' }], path))
    expect(error).toMatchObject({ code: 'CHECKPOINT_INVALID', details: { tensor: 'v' } })
    expect(error.cause).toMatchObject({ message: expect.stringContaining('in a worker thread') as string })
  })

  it('never writes beyond the place that was reserved', async () => {
    await using threads = new ConversionThreads(1)
    const path = join(await mkdtemp(join(temporary.path, 'out-')), 'x')
    await writeFile(path, '')
    const short = { ...job, slots: [{ offset: 0, bytes: 15, rowBytes: 8 }] }
    const error = await failureOf(() => threads.run([short], path))
    expect(error).toMatchObject({ code: 'INTERNAL', message: 'w: output 0 does not fit its place in the weights file' })
  })
})
