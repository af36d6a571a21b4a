import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { SILENT } from '../../../src/inference/logger.js'
import { MemoryLedger } from '../../../src/pool/memory-ledger.js'
import type { ResidentReading } from '../../../src/pool/resident-memory.js'
import { MEASURED_TOLERANCE, ResidentMemory, readResident } from '../../../src/pool/resident-memory.js'
import { ANY_PARTS } from '../../support/reclaimable-model.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

/** What is told of a process with these readings, the first at the start, and a ledger that tests grant from. */
function memoryWith(...readings: readonly (number | ResidentReading)[]) {
  const left = [...readings]
  const warned: object[] = []
  let reads = 0
  const ledger = new MemoryLedger(64e9)
  const memory = new ResidentMemory({
    ledger,
    logger: { ...SILENT, warn: (facts) => warned.push(facts) },
    read: () => {
      reads++
      const next = left.shift()
      if (next === undefined) return Promise.reject(new Error('no more readings'))
      return Promise.resolve(typeof next === 'number' ? { bytes: next, kind: 'pss' } : next)
    },
  })
  const hold = (owner: string, bytes: number) => ledger.grant(owner, bytes, ANY_PARTS)
  return { memory, hold, warned, reads: () => reads }
}

describe('a reading', () => {
  it('is the proportional set size, in bytes', async () => {
    const path = join(temporary.path, 'smaps_rollup')
    writeFileSync(path, '55d0-7ffe ---p 0 00:00 0 [rollup]\nRss:  9000 kB\nPss:  2048 kB\nPss_Dirty: 7 kB\n')
    expect(await readResident(path)).toEqual({ bytes: 2048 * 1024, kind: 'pss' })
  })

  it.each(['', 'Pss: many kB\n'])('is the resident set where the system tells %j', async (text) => {
    const path = join(temporary.path, 'other')
    writeFileSync(path, text)
    expect((await readResident(path)).kind).toBe('rss')
    const { bytes, kind } = await readResident(join(temporary.path, 'missing'))
    expect(kind).toBe('rss')
    expect(bytes).toBeGreaterThan(10e6)
  })

  it.runIf(process.platform === 'linux')('of this process grows by what it takes', async () => {
    const before = await readResident()
    const taken = Buffer.alloc(200e6, 1)
    const after = await readResident()
    expect(before.kind).toBe('pss')
    expect((after.bytes - before.bytes) / taken.length).toBeGreaterThan(0.9)
    expect((after.bytes - before.bytes) / taken.length).toBeLessThan(1.2)
  })
})

describe('a report', () => {
  it('has what is held beyond the baseline, and what was granted', async () => {
    const { memory, hold } = memoryWith(1e9, 3e9)
    hold('m', 2.5e9)
    expect(await memory.measure()).toEqual({ measured: 2e9, granted: 2.5e9, ratio: 1.25, kind: 'pss' })
    expect(memory.last).toEqual({ measured: 2e9, granted: 2.5e9, ratio: 1.25, kind: 'pss' })
  })

  it('says nothing of a ratio where nothing is held, or less than before', async () => {
    const { memory } = memoryWith(1e9, 0.5e9)
    expect(await memory.measure()).toEqual({ measured: 0, granted: 0, ratio: undefined, kind: 'pss' })
  })

  it('is not made of two kinds of reading', async () => {
    const { memory } = memoryWith(1e9, { bytes: 3e9, kind: 'rss' })
    expect([await memory.measure(), memory.last]).toEqual([undefined, undefined])
  })

  it('is shared by all who ask at the same time', async () => {
    const { memory, reads } = memoryWith(1e9, 2e9, 3e9)
    const [one, two] = await Promise.all([memory.measure(), memory.measure()])
    expect([one === two, reads()]).toEqual([true, 2])
    await memory.measure()
    expect([memory.last?.measured, reads()]).toEqual([2e9, 3])
  })

  it('that fails is whoever asked’s to hear of; the next one is made anew', async () => {
    const { memory } = memoryWith(1e9)
    await expect(memory.measure()).rejects.toThrow('no more readings')
    await expect(memory.measure()).rejects.toThrow('no more readings')
  })
})

describe('more held than was granted', () => {
  const limit = 1e9 * (1 + MEASURED_TOLERANCE.share) + MEASURED_TOLERANCE.bytes

  it('is told once for each set of models', async () => {
    const { memory, hold, warned } = memoryWith(0, limit + 1, limit + 1, 9e9, 9e9, 9e9)
    hold('a', 0.4e9)
    hold('a', 0.6e9)
    await memory.measure()
    await memory.measure()
    const b = hold('b', 1e9)
    await memory.measure()
    b.release()
    await memory.measure()
    expect(warned).toEqual([
      { reason: 'measured', models: ['a'], measured: limit + 1, granted: 1e9 },
      { reason: 'measured', models: ['a', 'b'], measured: 9e9, granted: 2e9 },
    ])
  })

  it('is not told within the tolerance: the program’s own heap grows, too', async () => {
    const { memory, hold, warned } = memoryWith(0, limit - 1)
    hold('a', 1e9)
    await memory.measure()
    expect(warned).toEqual([])
  })

  it('is not told once everything was given back', async () => {
    const { memory, warned } = memoryWith(0, 9e9)
    await memory.measure()
    expect(warned).toEqual([])
  })

  it('is not told of a resident set, in which shared weights count for each worker', async () => {
    const rss = (bytes: number): ResidentReading => ({ bytes, kind: 'rss' })
    const { memory, hold, warned } = memoryWith(rss(0), rss(9e9))
    hold('a', 1e9)
    expect(await memory.measure()).toMatchObject({ measured: 9e9, kind: 'rss' })
    expect(warned).toEqual([])
  })
})
