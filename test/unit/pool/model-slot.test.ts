/** One model's place in a pool: loaded when it is wanted, once, and let go when it is not, with no call harmed. */
import { afterEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { failureOf } from '../../support/failure.js'
import { SHARED_BYTES, WORKER_BYTES, loadFailure, settled, until, vectorOf } from '../../support/manual-engine.js'
import { MODEL, OTHER, openManual } from '../../support/manual-pool.js'

/** A model with one worker, and two of them, in bytes. */
const ONE = SHARED_BYTES + WORKER_BYTES
const TWO = 2 * ONE

const THIRD = { ...MODEL, key: 'third', aliases: [] }

afterEach(() => {
  vi.useRealTimers()
})

function fakeClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
}

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  await settled()
}

describe('loading', () => {
  it('happens once, however many calls come first', async () => {
    const { pool, engine, stats } = await openManual({ automatic: { load: false } })
    const calls = Array.from({ length: 20 }, (_, index) => pool.embed(MODEL, `text ${index}`))
    await until(() => engine.workers.length === 1)
    expect(stats()).toMatchObject({ state: 'loading', workers: 0, memory: 0 })
    engine.workers[0]?.ready()
    await Promise.all(calls)
    expect(engine).toMatchObject({ prepares: 1, workers: { length: 1 } })
    expect(stats()).toMatchObject({ state: 'loaded', workers: 1, memory: ONE, loads: 1 })
  })

  it('that fails fails all who wait for it at once, the first caller too (origin 12), and the next call tries again', async () => {
    const { pool, engine, stats } = await openManual({ automatic: { load: false } })
    const calls = Array.from({ length: 5 }, () => failureOf(() => pool.embed(MODEL, 'x')))
    await until(() => engine.workers.length === 1)
    engine.workers[0]?.failLoad()
    const errors = await Promise.all(calls)
    expect(errors.map(({ code }) => code)).toEqual(Array(5).fill('MODEL_LOAD_FAILED'))
    expect(stats()).toMatchObject({ state: 'unloaded', memory: 0 })
    engine.automatic.load = true
    expect((await pool.embed(MODEL, 'x')).embedding).toEqual(vectorOf('x'))
    expect(engine.prepares).toBe(2)
  })

  it('starts the tokenizer and the workers side by side, and is done when both are', async () => {
    const { pool, engine, stats } = await openManual({ automatic: { load: false } })
    let serve: () => void = () => undefined
    engine.tokenizerReady = () => new Promise((resolve) => (serve = resolve))
    const call = pool.embed(MODEL, 'x')
    await until(() => engine.workers.length === 1)
    engine.workers[0]?.ready()
    await settled()
    expect(stats().state).toBe('loading')
    serve()
    expect((await call).embedding).toEqual(vectorOf('x'))
  })

  it('whose tokenizer cannot be had fails with its reason, and leaves no worker and no memory', async () => {
    const { pool, engine, stats } = await openManual()
    engine.tokenizerReady = () => Promise.reject(new StellaError('ARTEFACT_INVALID', 'no tokenizer'))
    expect((await failureOf(() => pool.embed(MODEL, 'x'))).code).toBe('ARTEFACT_INVALID')
    expect(engine.alive).toEqual([])
    expect(engine.closed).toBe(1)
    expect(stats()).toMatchObject({ state: 'unloaded', memory: 0 })
  })

  it('is ready for calls while its worker is busy, and says so (origin 13)', async () => {
    const { pool, engine, running } = await openManual({ automatic: { run: false } })
    const first = pool.embed(MODEL, 'first')
    const run = await running()
    const second = pool.embed(MODEL, 'second')
    await pool.preload(MODEL)
    engine.automatic.run = true
    run.answer()
    expect((await first).embedding).toEqual(vectorOf('first'))
    expect((await second).embedding).toEqual(vectorOf('second'))
    expect(engine.prepares).toBe(1)
  })

  it('given up by one who waits goes on for the others', async () => {
    const { pool, engine } = await openManual({ automatic: { prepare: false } })
    const caller = new AbortController()
    const gone = failureOf(() => pool.embed(MODEL, 'x', { signal: caller.signal }))
    const kept = pool.embed(MODEL, 'x')
    await until(() => engine.preparing.length === 1)
    caller.abort()
    expect((await gone).code).toBe('ABORTED')
    engine.preparing[0]?.open()
    expect((await kept).embedding).toEqual(vectorOf('x'))
  })

  it('given up by all who wait ends, by abort and by deadline; the next call loads anew', async () => {
    const { pool, engine, stats } = await openManual({ automatic: { prepare: false } })
    const caller = new AbortController()
    const calls = [
      failureOf(() => pool.embed(MODEL, 'x', { deadlineMs: 5 })),
      failureOf(() => pool.preload(MODEL, { signal: caller.signal })),
    ]
    await until(() => engine.preparing.length === 1)
    expect((await calls[0])?.code).toBe('TIMEOUT')
    expect(engine.preparing).toHaveLength(1)
    caller.abort()
    expect((await calls[1])?.code).toBe('ABORTED')
    await until(() => engine.preparing.length === 0)
    await settled()
    expect(stats()).toMatchObject({ state: 'unloaded', memory: 0 })
    expect((await pool.health()).models[0]).toMatchObject({ state: 'unloaded' })
    engine.automatic.prepare = true
    await pool.embed(MODEL, 'x')
    expect(engine.prepares).toBe(2)
  })

  it('is not begun for a call that was given up before it came', async () => {
    const { pool, engine } = await openManual()
    expect((await failureOf(() => pool.embed(MODEL, 'x', { signal: AbortSignal.abort() }))).code).toBe('ABORTED')
    expect((await failureOf(() => pool.preload(MODEL, { signal: AbortSignal.abort() }))).code).toBe('ABORTED')
    expect(engine.prepares).toBe(0)
  })

  it('that cannot be stopped once all have given up is kept, and serves the next call', async () => {
    const { pool, engine, stats, tellings } = await openManual({ automatic: { load: false } })
    const caller = new AbortController()
    const call = failureOf(() => pool.embed(MODEL, 'x', { signal: caller.signal }))
    await until(() => engine.workers.length === 1)
    caller.abort()
    await call
    expect(stats().state).toBe('loading')
    const next = pool.embed(MODEL, 'next')
    await settled()
    engine.workers[0]?.ready()
    expect((await next).embedding).toEqual(vectorOf('next'))
    expect(engine.workers).toHaveLength(1)
    expect(tellings('modelEvicted')).toEqual([])
    expect(engine.prepares).toBe(1)
  })
})

describe('evicting', () => {
  it('serves the calls it has, those that wait for a worker included (origin 20)', async () => {
    const { pool, engine, running, stats, tellings } = await openManual({ automatic: { run: false } })
    const calls = [pool.embed(MODEL, 'running')]
    const run = await running()
    calls.push(pool.embed(MODEL, 'waiting'))
    await settled()
    const evicting = pool.evict(MODEL)
    expect(stats().state).toBe('evicting')
    engine.automatic.run = true
    run.answer()
    expect((await Promise.all(calls)).map(({ embedding }) => embedding)).toEqual([
      vectorOf('running'),
      vectorOf('waiting'),
    ])
    await evicting
    expect(pool.stats().memory.granted).toBe(0)
    expect(tellings('modelEvicted')).toEqual([{ model: MODEL.key, reason: 'asked' }])
  })

  it('makes a later call wait until the memory is back, and serves it (origin 20)', async () => {
    const { pool, engine, worker } = await openManual({ memory: ONE, automatic: { stop: false } })
    await pool.embed(MODEL, 'first')
    const evicting = pool.evict(MODEL)
    const call = pool.embed(MODEL, 'second')
    await settled()
    expect(engine.prepares).toBe(1)
    worker(0).leave()
    await evicting
    expect((await call).embedding).toEqual(vectorOf('second'))
    expect(engine.prepares).toBe(2)
  })

  it('while it loads serves those who wait for the load, which is not done twice', async () => {
    const { pool, engine, worker } = await openManual({ automatic: { load: false } })
    const calls = [pool.embed(MODEL, 'one'), pool.embed(MODEL, 'two'), pool.preload(MODEL)]
    await until(() => engine.workers.length === 1)
    const evicting = pool.evict(MODEL)
    worker(0).ready()
    await Promise.all(calls)
    await evicting
    expect(engine).toMatchObject({ prepares: 1, workers: { length: 1 }, alive: [] })
    expect(pool.stats().memory.granted).toBe(0)
  })

  it('while it loads, and the load fails, ends well', async () => {
    const { pool, engine, worker, tellings } = await openManual({ automatic: { load: false } })
    const call = failureOf(() => pool.embed(MODEL, 'one'))
    await until(() => engine.workers.length === 1)
    const evicting = pool.evict(MODEL)
    worker(0).failLoad()
    expect((await call).code).toBe('MODEL_LOAD_FAILED')
    await evicting
    expect(tellings('modelEvicted')).toEqual([])
  })

  it('waits for a preload that adds workers, and leaves none of them behind', async () => {
    const { pool, engine, worker } = await openManual({ most: 3, automatic: { load: false } })
    const preload = pool.preload(MODEL)
    await until(() => engine.workers.length === 1)
    worker(0).ready()
    await until(() => engine.workers.length === 3)
    const evicting = pool.evict(MODEL)
    worker(1).ready()
    worker(2).ready()
    await preload
    await evicting
    expect(engine.alive).toEqual([])
    expect(pool.stats().memory.granted).toBe(0)
  })

  it('twice at once is once, and both wait for it; of what is not loaded it is nothing', async () => {
    const { pool, worker, tellings } = await openManual({ automatic: { stop: false } })
    await pool.evict(MODEL)
    await pool.embed(MODEL, 'x')
    let evicted = 0
    const evictions = [pool.evict(MODEL), pool.evict(MODEL)].map((eviction) => eviction.then(() => evicted++))
    await settled()
    expect(evicted).toBe(0)
    worker(0).leave()
    await Promise.all(evictions)
    await pool.evict(MODEL)
    expect(tellings('modelEvicted')).toHaveLength(1)
  })

  it('a load behind an eviction, twice over, keeps their order', async () => {
    const { pool, engine, worker } = await openManual({ memory: ONE, automatic: { stop: false } })
    await pool.embed(MODEL, 'a')
    const evictions = [pool.evict(MODEL)]
    const calls = [pool.embed(MODEL, 'b')]
    await settled()
    evictions.push(pool.evict(MODEL))
    calls.push(pool.embed(MODEL, 'c'))
    for (let place = 0; place < 2; place++) {
      await until(() => engine.workers.length > place && worker(place).state === 'evicting')
      expect(engine.alive).toHaveLength(1)
      worker(place).leave()
    }
    expect((await Promise.all(calls)).map(({ embedding }) => embedding)).toEqual([vectorOf('b'), vectorOf('c')])
    await Promise.all(evictions)
    expect(engine.prepares).toBe(3)
  })
})

describe('a model that nobody calls', () => {
  it('is evicted after a while, and loaded by the next call', async () => {
    const { pool, engine, stats, tellings } = await openManual({ keepAliveMs: 1000 })
    fakeClock()
    await pool.embed(MODEL, 'x')
    await pass(999)
    expect(stats().state).toBe('loaded')
    await pass(1)
    expect(stats().state).toBe('unloaded')
    expect(tellings('modelEvicted')).toEqual([{ model: MODEL.key, reason: 'idle' }])
    await pool.embed(MODEL, 'x')
    expect(engine.prepares).toBe(2)
  })

  it('has its time counted from the end of the last call, not from its start (origin 19)', async () => {
    const { pool, running, stats } = await openManual({ keepAliveMs: 1000, automatic: { run: false } })
    fakeClock()
    const call = pool.embed(MODEL, 'x')
    const run = await running()
    await pass(60_000)
    expect(stats().state).toBe('loaded')
    run.answer()
    await call
    await pass(999)
    expect(stats().state).toBe('loaded')
    await pass(1)
    expect(stats().state).toBe('unloaded')
  })

  it('stays while it is pinned; unpinned, its time begins', async () => {
    const { pool, stats } = await openManual({ keepAliveMs: 1000 })
    fakeClock()
    await pool.preload(MODEL, { pin: true })
    await pass(1e6)
    expect(stats()).toMatchObject({ state: 'loaded', pinned: true })
    pool.unpin(MODEL)
    await pass(1000)
    expect(stats()).toMatchObject({ state: 'unloaded', pinned: false })
  })

  it('that was pinned and is evicted by name is no longer waited for', async () => {
    const { pool, stats } = await openManual()
    await pool.preload(MODEL, { pin: true })
    await pool.evict(MODEL)
    expect(stats()).toMatchObject({ state: 'unloaded', pinned: false })
    expect((await pool.health()).ready).toBe(true)
  })

  it('leaves no timer behind when it is evicted or the pool is closed (origin 23: one figure, of the options)', async () => {
    const { pool } = await openManual({ keepAliveMs: 1000, idleTimeoutMs: 500, most: 2 })
    fakeClock()
    await pool.preload(MODEL)
    await pool.preload(OTHER)
    expect(vi.getTimerCount()).toBeGreaterThan(0)
    await pool.evict(MODEL)
    await pool.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('memory for another model', () => {
  it('is had from one that nobody uses, the least recently used, and is not charged twice (origin 1, origin 4)', async () => {
    const { pool, engine, stats, tellings } = await openManual({ memory: TWO })
    await pool.embed(MODEL, 'x')
    await pool.embed(OTHER, 'x')
    await pool.embed(MODEL, 'x')
    for (let turn = 0; turn < 3; turn++) {
      await pool.embed(THIRD, 'x')
      expect(tellings('modelEvicted').at(-1)).toEqual({ model: OTHER.key, reason: 'pressure' })
      expect(pool.stats().memory.granted).toBe(TWO)
      await pool.evict(THIRD)
      await pool.embed(OTHER, 'x')
      await pool.embed(MODEL, 'x')
    }
    expect(stats()).toMatchObject({ state: 'loaded' })
    expect(engine.alive).toHaveLength(2)
  })

  it('is not had from one that is called, or pinned: the refusal says why', async () => {
    const { pool, running } = await openManual({ memory: ONE, automatic: { run: false } })
    const call = pool.embed(MODEL, 'x')
    const run = await running()
    const refused = await failureOf(() => pool.embed(OTHER, 'x'))
    expect(refused).toMatchObject({
      code: 'MEMORY_EXHAUSTED',
      details: { model: OTHER.key, holders: [{ model: MODEL.key, bytes: ONE, kept: 'busy' }] },
    })
    run.answer()
    await call
    pool.pin(MODEL)
    const { details } = await failureOf(() => pool.embed(OTHER, 'x'))
    expect(details).toMatchObject({ holders: [{ kept: 'pinned' }] })
  })

  it('is had from one that is on its way out anyhow, which may come back meanwhile and is not evicted for it', async () => {
    const { pool, engine, worker, tellings } = await openManual({ memory: TWO, automatic: { stop: false } })
    await pool.embed(MODEL, 'x')
    await pool.embed(THIRD, 'x')
    const evicting = pool.evict(MODEL)
    const again = pool.embed(MODEL, 'again')
    const other = pool.embed(OTHER, 'other')
    await settled()
    engine.automatic.stop = true
    worker(0).leave()
    await evicting
    expect((await other).embedding).toEqual(vectorOf('other'))
    expect((await again).embedding).toEqual(vectorOf('again'))
    expect(tellings('modelEvicted').map(({ model, reason }) => [model, reason])).toEqual([
      [MODEL.key, 'asked'],
      [THIRD.key, 'pressure'],
    ])
  })

  it('is had first from idle workers that are not the last of their model', async () => {
    const { pool, stats, tellings } = await openManual({ memory: TWO + 2 * WORKER_BYTES, most: 3 })
    await pool.preload(MODEL)
    expect(stats().workers).toBe(3)
    await pool.embed(OTHER, 'x')
    await pool.preload(OTHER)
    expect(tellings('modelEvicted')).toEqual([])
    expect(stats().state).toBe('loaded')
    expect(pool.stats().memory.granted).toBeLessThanOrEqual(TWO + 2 * WORKER_BYTES)
  })
})

describe('a model that has lost its workers for good', () => {
  it('gives its memory back at once, and the next call loads it anew', async () => {
    const { pool, engine, worker, stats, tellings } = await openManual()
    await pool.embed(MODEL, 'x')
    fakeClock()
    engine.loadFailures.push(loadFailure())
    worker(0).lose()
    await settled()
    await pass(30_000)
    expect(stats()).toMatchObject({ state: 'unloaded', memory: 0 })
    expect(tellings('modelEvicted')).toEqual([{ model: MODEL.key, reason: 'failed' }])
    expect((await pool.health()).models[0]).toMatchObject({ ready: false, state: 'failed' })
    expect((await pool.embed(MODEL, 'x')).embedding).toEqual(vectorOf('x'))
    expect(engine.prepares).toBe(2)
  })

  it('fails what waited with MODEL_LOAD_FAILED, and is respawned before it comes to that (origin 15)', async () => {
    const { pool, engine, worker, running } = await openManual({ automatic: { run: false } })
    const served = pool.embed(MODEL, 'served')
    await running()
    fakeClock()
    engine.automatic.run = true
    worker(0).lose()
    await settled()
    await pass(30_000)
    expect((await served).embedding).toEqual(vectorOf('served'))
    engine.automatic.run = false
    const failed = failureOf(() => pool.embed(MODEL, 'failed'))
    await running()
    engine.loadFailures.push(new StellaError('MODEL_LOAD_FAILED', 'the file is gone'))
    worker(1).lose()
    await settled()
    await pass(30_000)
    expect(await failed).toMatchObject({ code: 'MODEL_LOAD_FAILED', details: { index: 0 } })
  })
})
