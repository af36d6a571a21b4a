/** What the Rust design got wrong and no other test is named after; `docs/origin-bugs.md` has the whole list. */
import { readFileSync } from 'node:fs'

import { afterEach, describe, expect, it, vi } from 'vitest'

import { getDefaultRegistry } from '../../../registry/index.js'
import { createFakePool } from '../../../src/fake/index.js'
import { failureOf } from '../../support/failure.js'
import { SHARED_BYTES, WORKER_BYTES, settled, until } from '../../support/manual-engine.js'
import { MODEL, OTHER, openManual } from '../../support/manual-pool.js'

afterEach(() => {
  vi.useRealTimers()
})

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  await settled()
}

describe('memory', () => {
  it('is charged for every model there is: its weights, and what it works with beside them (origin 6)', async () => {
    for (const info of getDefaultRegistry().list()) {
      await using pool = await createFakePool({ memory: 64e9, workers: 1 })
      await pool.preload(info)
      const [stats] = pool.stats().models
      // Half a byte for a parameter is the least that any precision comes to.
      const weights = (info.parameters.embedding + info.parameters.layers) / 2
      expect(stats?.memory).toBeGreaterThan(weights)
      expect(stats?.plan?.memory.scratch).toBeGreaterThan(0)
      expect(pool.stats().memory.granted).toBe(stats?.memory)
    }
  })

  it('of all models of a pool comes out of one budget, and one count says what is left of it (origin 7)', async () => {
    const one = SHARED_BYTES + WORKER_BYTES
    const { pool } = await openManual({ memory: 2 * one - 1 })
    await pool.preload(MODEL, { pin: true })
    expect(await failureOf(() => pool.embed(OTHER, 'x'))).toMatchObject({
      code: 'MEMORY_EXHAUSTED',
      details: { needed: one, available: one - 1, budget: 2 * one - 1 },
    })
    expect(pool.stats().memory.granted).toBe(one)
  })
})

describe('a call that runs for long', () => {
  it('holds up no load, no growth, no eviction and no call of any model (origin 11)', async () => {
    const { pool, engine, running, stats } = await openManual({ most: 2, automatic: { run: false } })
    const long = pool.embed(MODEL, 'slow')
    const run = await running()
    const other = pool.embed(OTHER, 'other')
    ;(await running(1)).answer()
    await other
    await pool.preload(MODEL)
    expect(stats().workers).toBe(2)
    const second = pool.embed(MODEL, 'second')
    ;(await running(1)).answer()
    await second
    await pool.evict(OTHER)
    expect(stats(OTHER).state).toBe('unloaded')
    expect(engine.running).toEqual([run])
    run.answer()
    await long
  })
})

describe('figures', () => {
  it('count what was done, and no more: texts, tokens, batches, loads, refusals, the shortest run and the longest (origin 17)', async () => {
    const { pool, engine, running, stats } = await openManual({
      most: 2,
      automatic: { run: false },
      queue: { texts: 2 },
    })
    for (const [text, runMs] of [
      ['one', 30],
      ['three', 10],
      ['five', 20],
    ] as const) {
      const call = pool.embed(MODEL, text)
      ;(await running()).answer(runMs)
      await call
    }
    await failureOf(() => pool.batchEmbed(MODEL, ['too', 'many', 'texts']))
    const { texts, tokens, batches, loads, latency, tokensPerSecond, loadMs } = stats()
    expect({ texts, tokens, batches, loads }).toEqual({ texts: 3, tokens: 12, batches: 3, loads: 1 })
    // Of a histogram, so a few percent off.
    expect(latency.run?.count).toBe(3)
    expect(latency.run?.min).toBeCloseTo(10, 0)
    expect(latency.run?.max).toBeCloseTo(30, 0)
    expect(latency.queue?.min).toBeGreaterThanOrEqual(0)
    expect(tokensPerSecond).toBeGreaterThan(0)
    expect(loadMs).toBeGreaterThan(0)
    engine.automatic.run = true
    await pool.evict(MODEL)
    await pool.embed(MODEL, 'one')
    expect(stats()).toMatchObject({ texts: 4, tokens: 15, batches: 4, loads: 1 })
  })

  it('say when a worker and a model leave: a minute and five, each in one place (origin 23)', async () => {
    const { pool, stats } = await openManual({ most: 2, idleTimeoutMs: undefined, keepAliveMs: undefined })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    await pool.preload(MODEL)
    await pass(59_999)
    expect(stats().workers).toBe(2)
    await pass(1)
    expect(stats().workers).toBe(1)
    await pass(239_999)
    expect(stats().state).toBe('loaded')
    await pass(1)
    expect(stats().state).toBe('unloaded')
  })
})

describe('looking after idle models', () => {
  it('is done for many at once, while others are loaded, called and evicted (origin 10)', async () => {
    const { pool, engine } = await openManual({ memory: 5000, keepAliveMs: 1000 })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const models = Array.from({ length: 10 }, (_, index) => ({ ...MODEL, key: `model-${index}`, aliases: [] }))
    for (const [index, model] of models.entries()) {
      await pool.embed(model, 'x')
      if (index % 3 === 0) void pool.evict(model)
      await pass(150)
    }
    await pool.embed(MODEL, 'x')
    await pass(1000)
    await until(() => engine.alive.length === 0)
    expect(pool.stats().memory.granted).toBe(0)
  })
})

describe('docs/origin-bugs.md', () => {
  const page = readFileSync(new URL('../../../docs/origin-bugs.md', import.meta.url), 'utf8')
  const cited = Array.from(
    page.matchAll(/`([\w-]+)` › "([^"]+)"/g),
    ([, file = '', name = '']) => [file, name] as const,
  )

  it('goes through all of them, in order', () => {
    const rows = Array.from(page.matchAll(/^\| +(\d+) \|/gm), ([, number]) => Number(number))
    expect(rows).toEqual(Array.from({ length: 23 }, (_, index) => index + 1))
  })

  it.each(cited)('names a test that there is: %s › %s', (file, name) => {
    const source = readFileSync(new URL(`./${file}.test.ts`, import.meta.url), 'utf8')
    expect(source.includes(`'${name}'`)).toBe(true)
  })
})
