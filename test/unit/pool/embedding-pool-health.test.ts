/** A pool's health: seen by a run, asked for beside the calls, and never at their cost. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { HealthRequest } from '../../../src/pool/health-request.js'
import { failureOf } from '../../support/failure.js'
import { loadFailure, settled, until, vectorOf } from '../../support/manual-engine.js'
import { MODEL, openManual } from '../../support/manual-pool.js'

/** Old enough to be looked at again. */
const OLD_MS = 60_001

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  await settled()
}

describe('health', () => {
  it('of a pool that has loaded nothing is well, and it loads nothing to find out', async () => {
    const { pool, engine } = await openManual()
    expect(await pool.health()).toEqual({ live: true, ready: true, models: [] })
    pool.unpin(MODEL)
    expect((await pool.health()).models).toMatchObject([{ state: 'unloaded', ready: false }])
    expect(engine.prepares).toBe(0)
  })

  it('runs a word on a model that was only loaded, or has not run of late, and nothing on others', async () => {
    const { pool, engine } = await openManual()
    await pool.preload(MODEL)
    expect((await pool.health({ probe: false })).models).toMatchObject([{ ready: false, reason: 'no-recent-success' }])
    expect(await pool.health()).toMatchObject({ ready: true, models: [{ ready: true, lastSuccessMs: 0 }] })
    expect(engine.ran).toHaveLength(1)
    await pass(1000)
    await pool.health()
    expect(engine.ran).toHaveLength(1)
    await pass(OLD_MS)
    await pool.health()
    expect(engine.ran).toHaveLength(2)
  })

  it('is no use of a model: its idle time runs on (origin 18)', async () => {
    const { pool, stats } = await openManual({ keepAliveMs: 10_000 })
    await pool.embed(MODEL, 'x')
    for (let second = 0; second < 9; second++) {
      await pass(1000)
      await pool.health({ maxAgeMs: 0 })
    }
    expect(stats().state).toBe('loaded')
    await pass(1000)
    expect(stats().state).toBe('unloaded')
  })

  it('keeps no worker that would leave (origin 18)', async () => {
    const { pool, stats } = await openManual({ most: 3, idleTimeoutMs: 10_000 })
    await pool.preload(MODEL)
    for (let second = 0; second < 9; second++) {
      await pass(1000)
      await pool.health({ maxAgeMs: 0 })
    }
    expect(stats().workers).toBe(3)
    await pass(1000)
    expect(stats().workers).toBe(1)
  })

  it('is no use of a model that another wants the memory of, either (origin 18)', async () => {
    const { pool, tellings } = await openManual({ memory: 220 })
    const [other, third] = ['other', 'third'].map((key) => ({ ...MODEL, key, aliases: [] }))
    if (other === undefined || third === undefined) throw new Error('two models were made')
    await pool.embed(MODEL, 'x')
    await pass(1000)
    await pool.embed(other, 'x')
    await pass(1000)
    await pool.health({ maxAgeMs: 1500 })
    await pool.embed(third, 'x')
    expect(tellings('modelEvicted')).toEqual([{ model: MODEL.key, reason: 'pressure' }])
  })

  it('is bad while the breaker is open, and runs nothing then', async () => {
    const { pool, engine } = await openManual()
    engine.failRun = () => new StellaError('INTERNAL', 'no')
    for (let call = 0; call < 5; call++) await failureOf(() => pool.embed(MODEL, 'x'))
    const ran = engine.ran.length
    expect(await pool.health()).toMatchObject({ ready: false, models: [{ reason: 'breaker-open', breaker: 'open' }] })
    expect(engine.ran).toHaveLength(ran)
  })

  it('gives up on a probe in time, and never rejects for it; the worker lives on', async () => {
    const { pool, engine, running } = await openManual({ automatic: { run: false } })
    await pool.preload(MODEL)
    const asked = pool.health({ timeoutMs: 2000 })
    const run = await running()
    await pass(2000)
    expect(await asked).toMatchObject({ live: true, ready: false, models: [{ reason: 'no-recent-success' }] })
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1)
    engine.automatic.run = true
    run.answer()
    expect((await pool.embed(MODEL, 'x')).embedding).toEqual(vectorOf('x'))
    expect(engine.workers).toHaveLength(1)
  })

  it('is told also where a probe fails, or the queue is full', async () => {
    const { pool, engine, running } = await openManual({ queue: { texts: 1, tokens: 1 }, automatic: { run: false } })
    await pool.preload(MODEL)
    const call = pool.embed(MODEL, 'x')
    const run = await running()
    const asked = pool.health()
    await settled()
    engine.automatic.run = true
    run.answer()
    expect(await asked).toMatchObject({ ready: true })
    await call
    engine.failRun = () => new StellaError('INTERNAL', 'no')
    await pass(OLD_MS)
    expect(await pool.health()).toMatchObject({ ready: false, models: [{ reason: 'no-recent-success' }] })
    expect(pool.stats().models[0]?.breaker.failures).toBe(0)
  })

  it('says that there is no worker, that a load failed, and that a pinned model is not there', async () => {
    const { pool, engine, worker } = await openManual()
    await pool.embed(MODEL, 'x')
    worker(0).lose()
    await settled()
    expect(await pool.health()).toMatchObject({ ready: false, models: [{ reason: 'no-worker', workers: 0 }] })
    await pass(30_000)
    expect(await pool.health()).toMatchObject({ ready: true, models: [{ workers: 1 }] })
    await pool.evict(MODEL)
    engine.loadFailures.push(loadFailure())
    await failureOf(() => pool.embed(MODEL, 'x'))
    expect(await pool.health()).toMatchObject({ ready: true, models: [{ ready: false, state: 'failed' }] })
    pool.pin(MODEL)
    expect(await pool.health()).toMatchObject({ ready: false })
  })

  it('of a model that leaves while it is asked for does not hold the eviction up for long', async () => {
    const { pool, engine } = await openManual({ automatic: { run: false } })
    await pool.preload(MODEL)
    const asked = pool.health({ timeoutMs: 1000 })
    await until(() => engine.running.length === 1)
    const evicting = pool.evict(MODEL)
    await pass(1000)
    engine.running[0]?.answer()
    await evicting
    expect((await asked).models).toMatchObject([{ ready: false }])
  })

  it.each([{ probe: 1 }, { maxAgeMs: -1 }, { maxAgeMs: NaN }, { timeoutMs: 0 }, { timeoutMs: 1e12 }, { deep: true }])(
    'refuses %o',
    async (request) => {
      const { pool } = await openManual()
      expect((await failureOf(() => pool.health(request as HealthRequest))).code).toBe('OPTION_INVALID')
    },
  )
})
