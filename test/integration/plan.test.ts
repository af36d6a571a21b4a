/** What a pool makes of its machine: workers as many as memory allows, and none of them busy without work. */
import { setTimeout as after } from 'node:timers/promises'

import { afterAll, describe, expect, it } from 'vitest'

import { STELLA_NANO } from '../../registry/index.js'
import { estimateMemory } from '../../registry/memory.js'
import type { PoolOptions } from '../../src/index.js'
import { EmbeddingPool } from '../../src/index.js'
import { RUN_TOKENS } from '../../src/packed/packing.js'
import { availableCores } from '../../src/runtime/cores.js'
import { temporaryFolder } from '../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

function open(options: PoolOptions): Promise<EmbeddingPool> {
  return EmbeddingPool.open({ home: temporary.path, maxLength: RUN_TOKENS, memory: '4GB', ...options })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** At least what the embedded model takes with so many workers, with room for a fifth of one. */
function room(workers: number): number {
  const dimensions = STELLA_NANO.heads.map((head) => head.dimensions)
  const { total, weights, scratch, base } = estimateMemory(STELLA_NANO, { workers, runTokens: RUN_TOKENS, dimensions })
  return Math.ceil(total + (weights + scratch + base) / 5)
}

describe('where nobody says how many workers', () => {
  it('there is one for each core, at most 4, and no more threads than cores', async () => {
    await using pool = await open({})
    await pool.preload('stella-nano')
    const [stats] = pool.stats().models
    const { workers = 0, threads = 0 } = stats ?? {}
    expect(workers).toBeGreaterThanOrEqual(Math.min(2, availableCores()))
    expect(workers).toBeLessThanOrEqual(4)
    expect(workers * threads).toBeLessThanOrEqual(availableCores())
  })

  it('there are as many as memory has room for, with all cores between them', async () => {
    await using pool = await open({ memory: room(1) })
    await pool.preload('stella-nano')
    const { memory, models } = pool.stats()
    expect(models[0]).toMatchObject({ workers: 1, threads: availableCores() })
    expect(memory.granted).toBeLessThanOrEqual(memory.budget)
  })

  it('a model is refused only where not even one fits', async () => {
    await using pool = await open({ memory: room(0) })
    const details = { workers: 1, precision: 'fp32' }
    await expect(pool.preload('stella-nano')).rejects.toMatchObject({ code: 'MEMORY_EXHAUSTED', details })
  })
})

it('workers that were asked for are had, or refused', async () => {
  await using pool = await open({ workers: 2, memory: room(1) })
  const refusal = { code: 'MEMORY_EXHAUSTED', details: { workers: 2 } }
  await expect(pool.preload('stella-nano')).rejects.toMatchObject(refusal)
  expect(pool.stats()).toMatchObject({ memory: { granted: 0 }, models: [{ state: 'unloaded' }] })
})

it('the memory charged is that of the precision the artefact has', async () => {
  const granted = []
  for (const precision of ['fp32', 'int8'] as const) {
    await using pool = await open({ precision, workers: 1 })
    await pool.preload('stella-nano')
    granted.push(pool.stats().models[0]?.plan?.memory.weights ?? Number.NaN)
  }
  expect(granted[1]).toBeLessThan(granted[0] ?? 0)
})

describe('a pool without work', () => {
  /** Threads that spin give up after tens of milliseconds: this is the time right after a call. */
  const WINDOW_MS = 20
  const ROUNDS = 7

  /** Cores. Waiting threads took 0.02, spinning ones 1.5 to 2. */
  const MAX_CORES = 0.5

  it.each(['fp32', 'int8'] as const)('leaves the processor at once, its threads as well, in %s', async (precision) => {
    await using pool = await open({ precision, workers: 2, threads: 2 })
    const texts = Array.from({ length: 40 }, (_, text) => `text ${text} `.repeat(50))
    const cores: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      await pool.batchEmbed('stella-nano', texts)
      const [before, started] = [process.cpuUsage(), performance.now()]
      await after(WINDOW_MS)
      const { user, system } = process.cpuUsage(before)
      cores.push((user + system) / 1000 / (performance.now() - started))
    }
    // Whatever else is in this process may fall into some of the rounds.
    expect(median(cores)).toBeLessThan(MAX_CORES)
  })
})
