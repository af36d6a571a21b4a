/** A pool with the fake engine is the pool: its results are stable, and every failure it has can be brought about. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { ModelRegistry, STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import { cosineSimilarity } from '../../../src/vectors/similarity.js'
import type { FakePool, FakePoolOptions } from '../../../src/fake/index.js'
import { createFakePool } from '../../../src/fake/index.js'
import { failureOf } from '../../support/failure.js'

const NANO = STELLA_NANO.key

/** Longer than any test may take. */
const FOREVER_MS = 600_000

async function open(options: FakePoolOptions = {}): Promise<FakePool> {
  const pool = await createFakePool({ workers: 1, ...options })
  onTestFinished(() => pool.close())
  return pool
}

describe('a fake pool', () => {
  it('says that it is one, and tells of models as they are', async () => {
    const pool = await open()
    expect(pool.isFake).toBe(true)
    await pool.preload(NANO)
    expect(pool.stats().models).toEqual([expect.objectContaining({ model: NANO, state: 'loaded', workers: 1 })])
  })

  it('gives a text the same vector in every pool, alone and among others', async () => {
    const [one, other] = [await open(), await open({ workers: 2 })]
    const { embedding, usage, truncated } = await one.embed(NANO, 'the quick fox')
    expect(embedding).toHaveLength(STELLA_NANO.defaultDimensions)
    expect(truncated).toBe(false)
    const texts = [...Array.from({ length: 300 }, (_, index) => `text number ${index}`), 'the quick fox']
    const batch = await other.batchEmbed(NANO, texts)
    expect(batch.embeddings.at(-1)).toEqual(embedding)
    expect(batch.tokens.at(-1)).toBe(usage.tokens)
    expect(new Set(batch.embeddings.map((vector) => vector.join())).size).toBe(301)
  })

  it('has sizes, tasks, prompts and limits as the real one', async () => {
    const pool = await open()
    const [document, query] = await Promise.all([
      pool.embed(NANO, 'cats sleep', { dimensions: 512 }),
      pool.embed(NANO, 'cats sleep', { dimensions: 512, task: 's2p_query' }),
    ])
    expect(document.embedding).toHaveLength(512)
    expect(query.usage.tokens).toBeGreaterThan(document.usage.tokens)
    expect(cosineSimilarity(document.embedding, query.embedding)).toBeLessThan(0.9)
    const cut = await pool.embed(NANO, 'one two three four five six', { maxLength: 6 })
    expect(cut).toMatchObject({ truncated: true, usage: { tokens: 6 } })
    const unknown = await failureOf(() => pool.embed(NANO, 'x', { dimensions: 300 }))
    expect(unknown.code).toBe('DIMENSIONS_UNSUPPORTED')
  })

  it('serves any descriptor', async () => {
    const registry = new ModelRegistry()
    registry.register({ ...STELLA_NANO, key: 'mine', aliases: [], source: { kind: 'folder', path: '/no/such/folder' } })
    const pool = await open({ registry })
    expect((await pool.embed('mine', 'hello')).embedding).toHaveLength(256)
  })

  it('reads and writes nothing: its home is never made', async () => {
    const home = join('/no', 'such', 'home')
    const pool = await open({ home, download: true })
    await pool.embed(STELLA_EN_400M_V5.key, 'hello')
    expect(existsSync(home)).toBe(false)
  })

  it('serves several models, and evicts them', async () => {
    const pool = await open({ memory: 16e9 })
    await pool.batchEmbed(NANO, ['a', 'b'])
    await pool.embed(STELLA_EN_400M_V5.key, 'a')
    expect(pool.stats().memory.granted).toBeGreaterThan(4e8)
    await pool.evict(NANO)
    await pool.evict(STELLA_EN_400M_V5.key)
    expect(pool.stats().memory.granted).toBe(0)
    await pool.embed(NANO, 'again')
  })

  it('obeys a test runner’s clock', async () => {
    const pool = await open({ fake: { latencyMs: 60_000 } })
    await pool.preload(NANO)
    vi.useFakeTimers()
    onTestFinished(() => {
      vi.useRealTimers()
    })
    let answered = false
    const call = pool.embed(NANO, 'hello').then(() => (answered = true))
    await vi.advanceTimersByTimeAsync(59_000)
    expect(answered).toBe(false)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(answered).toBe(true)
    await call
  })

  it('refuses options that are none', async () => {
    for (const options of [{ fake: { latency: 5 } }, { fake: 5 }, { fakes: {} }, { workers: -1 }]) {
      expect((await failureOf(() => createFakePool(options as FakePoolOptions))).code).toBe('OPTION_INVALID')
    }
  })
})

describe('every failure can be brought about', () => {
  it('MEMORY_EXHAUSTED, by a budget', async () => {
    const pool = await open({ memory: '500MB' })
    const error = await failureOf(() => pool.embed(STELLA_EN_1_5B_V5.key, 'hello'))
    expect(error).toMatchObject({ code: 'MEMORY_EXHAUSTED', details: { model: STELLA_EN_1_5B_V5.key, budget: 500e6 } })
    await pool.embed(NANO, 'hello')
  })

  it('TIMEOUT, by a slow engine and a deadline', async () => {
    let latencyMs = 0
    const pool = await open({ fake: { latencyMs: () => latencyMs } })
    await pool.preload(NANO)
    latencyMs = 200
    expect((await failureOf(() => pool.embed(NANO, 'hello', { deadlineMs: 10 }))).code).toBe('TIMEOUT')
  })

  it('ABORTED, by a signal', async () => {
    const pool = await open({ fake: { latencyMs: 50 } })
    const controller = new AbortController()
    const call = failureOf(() => pool.embed(NANO, 'hello', { signal: controller.signal }))
    pool.once('workerReady', () => {
      controller.abort()
    })
    expect((await call).code).toBe('ABORTED')
  })

  it('OVERLOADED, by a short queue', async () => {
    const pool = await open({ queue: { texts: 2 }, fake: { latencyMs: 20 } })
    const calls = [pool.embed(NANO, 'one'), pool.embed(NANO, 'two')]
    expect((await failureOf(() => pool.embed(NANO, 'three'))).code).toBe('OVERLOADED')
    await Promise.all(calls)
  })

  it('INTERNAL, by a text, which fails alone', async () => {
    const pool = await open()
    pool.fake.failText('poison')
    const texts = ['a', 'b', 'sweet poison', 'c', 'd']
    const outcomes = await Promise.allSettled(texts.map((text) => pool.embed(NANO, text)))
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    const error = await failureOf(() => pool.batchEmbed(NANO, texts))
    expect(error).toMatchObject({ code: 'INTERNAL', details: { index: 2 } })
    pool.fake.reset()
    expect((await pool.batchEmbed(NANO, texts)).embeddings).toHaveLength(5)
  })

  it('WORKER_LOST, by a text that ends every worker', async () => {
    const pool = await open()
    await pool.preload(NANO)
    pool.fake.failText('poison', 'WORKER_LOST')
    expect((await failureOf(() => pool.embed(NANO, 'poison'))).code).toBe('WORKER_LOST')
    await pool.embed(NANO, 'cure')
  })

  it('a lost worker, which no call notices', async () => {
    let runs = 0
    const pool = await open({
      fake: {
        latencyMs: () => {
          runs++
          if (runs > 1) return 0
          setImmediate(() => {
            pool.fake.loseWorker(NANO)
          })
          return FOREVER_MS
        },
      },
    })
    const lost: number[] = []
    pool.on('workerLost', ({ worker }) => {
      lost.push(worker)
    })
    await expect(pool.embed(NANO, 'hello')).resolves.toMatchObject({ dimensions: 256 })
    expect(lost).toHaveLength(1)
    expect(runs).toBe(2)
  })

  it('MODEL_NOT_DOWNLOADED and MODEL_LOAD_FAILED, by a load; the next call loads again', async () => {
    const pool = await open()
    for (const code of ['MODEL_NOT_DOWNLOADED', 'MODEL_LOAD_FAILED'] as const) {
      pool.fake.failLoads(code)
      expect((await failureOf(() => pool.embed(NANO, 'hello'))).code).toBe(code)
    }
    await pool.embed(NANO, 'hello')
  })

  it('BREAKER_OPEN, by failure after failure', async () => {
    const pool = await open()
    pool.fake.failRuns('INTERNAL', { count: Number.POSITIVE_INFINITY })
    const codes: string[] = []
    for (let call = 0; call < 8; call++) codes.push((await failureOf(() => pool.embed(NANO, `text ${call}`))).code)
    expect(codes[0]).toBe('INTERNAL')
    expect(codes.at(-1)).toBe('BREAKER_OPEN')
  })

  it('POOL_CLOSED, by closing, which serves what it has taken', async () => {
    const pool = await open({ fake: { latencyMs: 5 } })
    const call = pool.embed(NANO, 'hello')
    await pool.close()
    await call
    expect((await failureOf(() => pool.embed(NANO, 'hello'))).code).toBe('POOL_CLOSED')
    expect(pool.stats().memory.granted).toBe(0)
  })

  it('MODEL_NOT_LOADED, by losing a worker that is not there', async () => {
    const pool = await open()
    const lose = (): void => {
      pool.fake.loseWorker(NANO)
    }
    expect((await failureOf(lose)).code).toBe('MODEL_NOT_LOADED')
  })
})

it('a process that has used one has loaded no native library, and ends by itself', async () => {
  const program = `
    const { createFakePool } = await import('./src/fake/index.ts')
    const pool = await createFakePool({ fake: { latencyMs: 1 } })
    const { dimensions } = await pool.embed('stella-nano', 'hello')
    await pool.close()
    const addons = process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node'))
    console.log(JSON.stringify({ dimensions, addons }))`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program],
    { cwd: new URL('../../../', import.meta.url) },
  )
  expect(JSON.parse(stdout)).toEqual({ dimensions: 256, addons: [] })
})
