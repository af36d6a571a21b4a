/** The pool as callers meet it: what is refused at once, what is waited for, and what is left when it is closed. */
import { getEventListeners } from 'node:events'

import { afterEach, describe, expect, it, vi } from 'vitest'

import { ModelRegistry } from '../../../registry/index.js'
import { StellaError } from '../../../src/errors.js'
import { EmbeddingPool } from '../../../src/pool/embedding-pool.js'
import type { PoolOptions } from '../../../src/pool/pool-options.js'
import { failureOf } from '../../support/failure.js'
import { SHARED_BYTES, WORKER_BYTES, settled, until, vectorOf } from '../../support/manual-engine.js'
import { MODEL, OTHER, openManual } from '../../support/manual-pool.js'

afterEach(() => {
  vi.useRealTimers()
})

/** Timers of this process, by what Node counts. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

describe('a call', () => {
  it('takes a key, an alias or a descriptor, and gives vectors in the order of the texts', async () => {
    const { pool } = await openManual()
    const texts = ['one', 'two', 'three', 'one']
    const { embeddings, tokens, usage, truncated, dimensions } = await pool.batchEmbed(MODEL.key, texts)
    expect(embeddings).toEqual(texts.map((text) => vectorOf(text)))
    expect({ tokens, usage, truncated, dimensions }).toEqual({
      tokens: [3, 3, 5, 3],
      usage: { tokens: 14, tokensTotal: 14 },
      truncated: [false, false, false, false],
      dimensions: 256,
    })
    const alias = MODEL.aliases[0] ?? ''
    expect((await pool.embed(alias, 'one', { dimensions: 512 })).embedding).toEqual(vectorOf('one', 512))
    expect((await pool.embed(MODEL, 'one', { normalize: false })).embedding).toEqual(vectorOf('one', 256, false))
  })

  it('with a mistake is refused before anything is loaded', async () => {
    const { pool, engine } = await openManual()
    const codes = [
      failureOf(() => pool.embed('no-such-model', 'x')),
      failureOf(() => pool.embed({ ...MODEL, key: '' }, 'x')),
      failureOf(() => pool.embed(undefined as never, 'x')),
      failureOf(() => pool.embed(MODEL, 5 as never)),
      failureOf(() => pool.batchEmbed(MODEL, 'x' as never)),
      failureOf(() => pool.embed(MODEL, 'x', { deadlineMs: 0 })),
      failureOf(() => pool.embed(MODEL, 'x', { lane: 'slow' as never })),
      failureOf(() => pool.preload(MODEL, { pin: 1 as never })),
      failureOf(() => pool.preload(MODEL, { task: 'document' } as never)),
    ]
    expect((await Promise.all(codes)).map(({ code }) => code)).toEqual([
      ...['MODEL_UNKNOWN', 'OPTION_INVALID', 'OPTION_INVALID', 'INPUT_INVALID', 'INPUT_INVALID'],
      ...['OPTION_INVALID', 'OPTION_INVALID', 'OPTION_INVALID', 'OPTION_INVALID'],
    ])
    expect(engine.prepares).toBe(0)
  })

  it('for no text gives none, and loads nothing', async () => {
    const { pool, engine } = await openManual()
    expect(await pool.batchEmbed(MODEL, [])).toMatchObject({ embeddings: [], usage: { tokens: 0 } })
    expect(engine.prepares).toBe(0)
  })

  it('for a key that means another model than the one that is served is refused, by whatever name', async () => {
    const registry = new ModelRegistry()
    registry.register({ ...MODEL, key: 'mine', aliases: [] })
    const { pool } = await openManual({ registry })
    const other = { ...MODEL, key: 'mine', aliases: [], defaultDimensions: 512 }
    await pool.embed(other, 'x')
    expect((await failureOf(() => pool.embed('mine', 'x'))).code).toBe('MODEL_DUPLICATE')
    await pool.embed(structuredClone(other), 'x')
    await pool.close()
    const second = await openManual({ registry })
    await second.pool.embed('mine', 'x')
    expect((await failureOf(() => second.pool.embed(other, 'x'))).code).toBe('MODEL_DUPLICATE')
  })

  it('that fails harms no other model', async () => {
    const { pool, engine } = await openManual()
    engine.failRun = ({ words }) => (words.includes('bad') ? new StellaError('INTERNAL', 'no') : undefined)
    const [bad, good] = await Promise.allSettled([pool.embed(MODEL, 'bad'), pool.embed(OTHER, 'good')])
    expect([bad.status, good.status]).toEqual(['rejected', 'fulfilled'])
  })
})

describe('a full queue', () => {
  it('refuses by texts and by bytes, at once, and says when to come again', async () => {
    const { pool, engine, running, stats, tellings } = await openManual({
      queue: { texts: 3, bytes: 100 },
      automatic: { run: false },
    })
    const call = pool.batchEmbed(MODEL, ['a', 'b'])
    const run = await running()
    const refused = await failureOf(() => pool.batchEmbed(MODEL, ['c', 'd']))
    expect(refused).toMatchObject({ code: 'OVERLOADED', details: { limit: 'texts', asked: 2, held: 2, max: 3 } })
    expect(refused.details['retryAfterMs']).toBeGreaterThan(0)
    const wide = await failureOf(() => pool.embed(MODEL, 'w'.repeat(49)))
    expect(wide).toMatchObject({ code: 'OVERLOADED', details: { limit: 'bytes', asked: 98 } })
    expect(engine.read).toBe(2)
    expect(tellings('requestRejected')).toEqual(
      [refused, wide].map(({ code, details }, index) => ({
        ...{ model: MODEL.key, texts: index === 0 ? 2 : 1, code, retryAfterMs: details['retryAfterMs'] },
      })),
    )
    expect(stats().queue).toEqual({ texts: 2, tokens: 2, bytes: 4 })
    run.answer()
    await call
    expect(stats().queue).toEqual({ texts: 0, tokens: 0, bytes: 0 })
  })

  it('refuses by tokens once they are known, and tells of it', async () => {
    const { pool, stats, tellings, engine } = await openManual({ queue: { tokens: 5 } })
    expect(await failureOf(() => pool.embed(MODEL, 'sixsix'))).toMatchObject({
      code: 'OVERLOADED',
      details: { limit: 'tokens' },
    })
    expect(tellings('requestRejected')).toMatchObject([{ code: 'OVERLOADED', texts: 1 }])
    expect(engine.ran).toEqual([])
    expect(stats().queue).toEqual({ texts: 0, tokens: 0, bytes: 0 })
    await pool.embed(MODEL, 'five5')
  })

  it('has room again when a call was given up, at whatever point', async () => {
    const { pool, engine, stats } = await openManual({ automatic: { prepare: false, run: false } })
    const caller = new AbortController()
    const { signal } = caller
    const calls = [failureOf(() => pool.batchEmbed(MODEL, ['a', 'b'], { signal }))]
    expect(stats().queue.texts).toBe(2)
    caller.abort()
    await Promise.all(calls)
    expect(stats().queue).toEqual({ texts: 0, tokens: 0, bytes: 0 })
    engine.automatic.prepare = true
    const late = failureOf(() => pool.embed(MODEL, 'c', { deadlineMs: 5 }))
    expect((await late).code).toBe('TIMEOUT')
    expect(stats().queue).toEqual({ texts: 0, tokens: 0, bytes: 0 })
  })

  it('holds a stream back, and loses none of its texts', async () => {
    const { pool } = await openManual({ queue: { texts: 4 } })
    const texts = Array.from({ length: 50 }, (_, index) => `text ${index}`)
    let count = 0
    for await (const { index, embedding } of pool.embedStream(MODEL, texts, { chunkTexts: 2, concurrency: 4 })) {
      expect(embedding).toEqual(vectorOf(`text ${index}`))
      count++
    }
    expect(count).toBe(50)
  })
})

describe('a deadline', () => {
  it('passes while the model loads, while a text waits, and while it runs; the worker lives on (origin 21)', async () => {
    const { pool, engine, running, worker, stats } = await openManual({ automatic: { prepare: false, run: false } })
    expect((await failureOf(() => pool.embed(MODEL, 'loading', { deadlineMs: 5 }))).code).toBe('TIMEOUT')
    engine.automatic.prepare = true
    const ran = failureOf(() => pool.embed(MODEL, 'running', { deadlineMs: 100 }))
    const run = await running()
    expect((await failureOf(() => pool.embed(MODEL, 'waiting', { deadlineMs: 5 }))).code).toBe('TIMEOUT')
    expect(stats().waiting.texts).toBe(0)
    expect((await ran).code).toBe('TIMEOUT')
    // It is still busy, and counted as such.
    expect(stats()).toMatchObject({ running: { texts: 1, batches: 1 }, workerStates: { processing: 1 } })
    const next = pool.embed(MODEL, 'next')
    await settled()
    expect(engine.running).toHaveLength(1)
    engine.automatic.run = true
    run.answer()
    expect((await next).embedding).toEqual(vectorOf('next'))
    expect(stats()).toMatchObject({ loads: 1, workers: 1, workerStates: { ready: 1 } })
    expect(worker(0).state).toBe('ready')
  })

  it('leaves no timer and no listener, whether it passes or not', async () => {
    const { pool, engine } = await openManual()
    await pool.preload(MODEL)
    const before = timers()
    const { signal } = new AbortController()
    for (let call = 0; call < 20; call++) await pool.embed(MODEL, `text ${call}`, { deadlineMs: 60_000, signal })
    engine.failRun = () => new StellaError('INTERNAL', 'no')
    await failureOf(() => pool.embed(MODEL, 'x', { deadlineMs: 60_000, signal }))
    engine.failRun = () => undefined
    engine.automatic.run = false
    await failureOf(() => pool.embed(MODEL, 'x', { deadlineMs: 1, signal }))
    expect(timers()).toBe(before)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

it('calls that share a signal put one listener on it between them, preloads too, and none is left', async () => {
  const { pool, engine } = await openManual({ automatic: { load: false } })
  const { signal } = new AbortController()
  const calls = Array.from({ length: 20 }, (_, index) => [
    pool.embed(MODEL, `text ${index}`, { signal }),
    pool.preload(MODEL, { signal }),
  ]).flat()
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  await until(() => engine.workers.length === 1)
  engine.workers[0]?.ready()
  await Promise.all(calls)
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

describe('lanes', () => {
  it('are by default: of one text somebody waits for it, of many they take what is left', async () => {
    const { pool, tellings } = await openManual()
    await pool.embed(MODEL, 'x')
    await pool.batchEmbed(MODEL, ['x', 'y'])
    for await (const item of pool.embedStream(MODEL, ['x'])) expect(item.index).toBe(0)
    await pool.embed(MODEL, 'x', { lane: 'bulk' })
    await pool.batchEmbed(MODEL, ['x'], { lane: 'interactive' })
    const lanes = ['interactive', 'bulk', 'bulk', 'bulk', 'interactive']
    expect(tellings('requestQueued').map(({ lane }) => lane)).toEqual(lanes)
    expect(tellings('batchCompleted').map(({ lane }) => lane)).toEqual(lanes)
  })

  it('let a single text overtake a batch that is under way', async () => {
    const { pool, running, engine } = await openManual({ automatic: { run: false } })
    const texts = Array.from({ length: 20 }, (_, index) => `${'x'.repeat(100)} ${index}`)
    const batch = pool.batchEmbed(MODEL, texts)
    const first = await running()
    const urgent = pool.embed(MODEL, 'urgent')
    await settled()
    first.answer(100)
    await settled()
    expect((await running()).words).toEqual(['urgent'])
    engine.release()
    expect((await urgent).embedding).toEqual(vectorOf('urgent'))
    expect((await batch).embeddings).toEqual(texts.map((text) => vectorOf(text)))
  })
})

describe('closing', () => {
  it('serves the calls under way, then stops workers, and refuses what comes later (origin 22)', async () => {
    const { pool, engine, running } = await openManual({ automatic: { run: false } })
    const call = pool.embed(MODEL, 'x')
    const run = await running()
    let closed = false
    const closing = pool.close().then(() => (closed = true))
    for (const late of [
      () => pool.embed(MODEL, 'late'),
      () => pool.batchEmbed(MODEL, []),
      () => pool.preload(MODEL),
      () => pool.evict(MODEL),
      () => {
        pool.pin(MODEL)
      },
      () => {
        pool.embedStream(MODEL, ['late'])
      },
    ]) {
      expect((await failureOf(late)).code).toBe('POOL_CLOSED')
    }
    expect(await pool.health()).toMatchObject({ live: true, ready: false })
    await settled()
    expect(closed).toBe(false)
    run.answer()
    expect((await call).embedding).toEqual(vectorOf('x'))
    await closing
    expect(engine.alive).toEqual([])
    expect(await pool.health()).toMatchObject({ live: false, ready: false })
    expect((await failureOf(() => pool.embed(MODEL, 'late'))).code).toBe('POOL_CLOSED')
  })

  it('during a load serves those who wait for it; one that fails changes nothing', async () => {
    for (const fails of [false, true]) {
      const { pool, engine, worker } = await openManual({ automatic: { load: false } })
      const call = Promise.allSettled([pool.embed(MODEL, 'x')])
      await until(() => engine.workers.length === 1)
      const closing = pool.close()
      if (fails) worker(0).failLoad()
      else worker(0).ready()
      await closing
      expect((await call)[0].status).toBe(fails ? 'rejected' : 'fulfilled')
      expect(pool.stats().memory.granted).toBe(0)
    }
  })

  it('twice is once, also beside an eviction and a load that nobody waits for any more', async () => {
    const { pool, engine, worker } = await openManual({ automatic: { load: false } })
    const other = pool.embed(OTHER, 'x')
    await until(() => engine.workers.length === 1)
    worker(0).ready()
    await other
    const caller = new AbortController()
    const gone = failureOf(() => pool.embed(MODEL, 'x', { signal: caller.signal }))
    await until(() => engine.workers.length === 2)
    caller.abort()
    await gone
    const evicting = pool.evict(OTHER)
    const [first, second] = [pool.close(), pool.close()]
    expect(first).toBe(second)
    await settled()
    worker(1).ready()
    await Promise.all([evicting, first])
    expect(engine.alive).toEqual([])
  })

  it('ends a stream that goes on, after what it has under way', async () => {
    const { pool } = await openManual()
    const seen: number[] = []
    const error = await failureOf(async () => {
      for await (const { index } of pool.embedStream(MODEL, endless(), { maxInFlight: 8, chunkTexts: 2 })) {
        seen.push(index)
        if (index === 10) void pool.close()
      }
    })
    expect(error.code).toBe('POOL_CLOSED')
    expect(seen).toEqual([...seen.keys()])
    expect(seen.length).toBeGreaterThan(10)
  })

  it('happens by `await using`', async () => {
    const { engine } = await openManual()
    {
      await using pool = await EmbeddingPool.open({ memory: 1000 }, () => engine)
      await pool.embed(MODEL, 'x')
      expect(engine.alive).toHaveLength(1)
    }
    expect(engine.alive).toEqual([])
  })
})

it('memory is in the stats as it is granted, model by model, and never twice (origin 1, origin 7)', async () => {
  const { pool, stats } = await openManual({ most: 3 })
  await pool.preload(MODEL)
  await pool.embed(OTHER, 'x')
  expect(stats().memory).toBe(SHARED_BYTES + 3 * WORKER_BYTES)
  expect(stats(OTHER).memory).toBe(SHARED_BYTES + WORKER_BYTES)
  expect(pool.stats().memory).toMatchObject({ budget: 1000, granted: stats().memory + stats(OTHER).memory })
  expect(pool.stats().memory.granted).toBe(240)
})

/** Texts without end, with a breath between them. */
async function* endless(): AsyncGenerator<string> {
  for (let index = 0; ; index++) {
    await new Promise((resolve) => setImmediate(resolve))
    yield `text ${index}`
  }
}

it.each([{}, 'stella-nano', null])('is not opened with %j for a registry', async (registry) => {
  const options = { registry } as unknown as PoolOptions
  await expect(EmbeddingPool.open(options)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    details: { option: 'registry' },
  })
})
