/** What a pool tells: each event with its facts, in an order that makes sense, and no harm from whoever listens. */
import { afterEach, describe, expect, it, vi } from 'vitest'

import { failureOf } from '../../support/failure.js'
import { lost, settled } from '../../support/manual-engine.js'
import { MODEL, OTHER, openManual } from '../../support/manual-pool.js'
import { uncaughtDuring } from '../../support/uncaught.js'

const model = MODEL.key
const number = expect.any(Number) as number

afterEach(() => {
  vi.useRealTimers()
})

describe('events', () => {
  it('tell of a model from its first call to its eviction', async () => {
    const { pool, told } = await openManual()
    await pool.batchEmbed(MODEL, ['one', 'two'])
    await pool.evict(MODEL)
    expect(told.filter(([event]) => event !== 'memoryPressure')).toEqual([
      ['requestQueued', { model, texts: 2, lane: 'bulk' }],
      ['workerSpawning', { model }],
      ['workerReady', { model, worker: 1, loadMs: 1 }],
      [
        'modelLoaded',
        {
          ...{ model, workers: 1, threads: 1, precision: 'fp32', weights: 'shared', loadMs: number },
          ...{ device: 'cpu', dimensions: 256 },
        },
      ],
      ['batchCompleted', { model, lane: 'bulk', texts: 2, tokens: 6, queueMs: number, runMs: 1 }],
      ['modelEvicted', { model, reason: 'asked' }],
    ])
  })

  it('tell of a worker that was lost, of the one that came for it, and of one that was let go', async () => {
    const { pool, told, worker } = await openManual({ most: 2, idleTimeoutMs: 1000 })
    await pool.preload(MODEL)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    told.length = 0
    worker(0).lose(lost())
    await settled()
    worker(1).lose(lost())
    await settled()
    await vi.advanceTimersByTimeAsync(999)
    expect(told.slice(0, 4)).toEqual([
      ['workerLost', { model, worker: 1, message: 'The thread ended with exit code 1' }],
      ['workerLost', { model, worker: 2, message: 'The thread ended with exit code 1' }],
      ['workerSpawning', { model }],
      ['workerReady', { model, worker: 3, loadMs: 1 }],
    ])
    await pool.preload(MODEL)
    told.length = 0
    await vi.advanceTimersByTimeAsync(1000)
    await settled()
    expect(told).toEqual([['workerEvicted', { model, worker: number }]])
  })

  it('tell of the budget as it fills and empties, with shares that are reached (origin 2, origin 3)', async () => {
    const { pool } = await openManual({ memory: 115 })
    const change = (): Promise<object> => new Promise((resolve) => pool.once('memoryPressure', resolve))
    // The machine is looked at first.
    const [filled] = await Promise.all([change(), pool.embed(MODEL, 'x')])
    const [emptied] = await Promise.all([change(), pool.evict(MODEL)])
    expect(filled).toMatchObject({ level: 'critical', before: 'low', ledger: 110 / 115 })
    expect(emptied).toMatchObject({ level: 'low', before: 'critical', ledger: 0 })
  })

  it('tell of each batch once, and of no batch that failed', async () => {
    const { pool, engine, tellings } = await openManual()
    engine.failRun = ({ words }) => (words.length > 1 ? lost() : undefined)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const call = pool.batchEmbed(MODEL, ['a', 'b', 'c'])
    await settled()
    await vi.advanceTimersByTimeAsync(30_000)
    await call
    expect(tellings('batchCompleted').map(({ texts }) => texts)).toEqual([1, 1, 1])
  })
})

describe('whoever listens', () => {
  it('and throws surfaces as an uncaught exception, and fails no call, load, eviction or close', async () => {
    const { pool, tellings } = await openManual()
    const events = ['requestQueued', 'workerSpawning', 'workerReady', 'modelLoaded', 'batchCompleted', 'modelEvicted']
    for (const event of events) {
      pool.on(event as 'modelLoaded', () => {
        throw new Error(`listener of ${event}`)
      })
    }
    const uncaught = await uncaughtDuring(async () => {
      await pool.embed(MODEL, 'x')
      await pool.evict(MODEL)
      await pool.close()
    })
    expect(uncaught.map((error) => (error as Error).message)).toEqual(events.map((event) => `listener of ${event}`))
    expect(tellings('modelEvicted')).toHaveLength(1)
  })

  it('with a logger that throws fails nothing either, a health probe’s failure included', async () => {
    const broken = (): never => {
      throw new Error('the log is full')
    }
    const { pool, engine } = await openManual({ logger: { debug: broken, info: broken, warn: broken, error: broken } })
    const uncaught = await uncaughtDuring(async () => {
      await pool.embed(MODEL, 'x')
      engine.automatic.run = false
      await pool.health({ maxAgeMs: 0, timeoutMs: 1 })
      engine.release()
      await pool.close()
    })
    expect(new Set(uncaught.map((error) => (error as Error).message))).toEqual(new Set(['the log is full']))
  })

  it('may call the pool from a listener, and even close it', async () => {
    const { pool, engine } = await openManual()
    let closing: Promise<void> | undefined
    let other: Promise<unknown> | undefined
    pool.once('workerReady', () => {
      other = pool.embed(OTHER, 'from a listener')
    })
    pool.on('batchCompleted', () => {
      closing ??= pool.close()
    })
    await pool.embed(MODEL, 'x')
    await Promise.allSettled([other, closing])
    expect(engine.alive).toEqual([])
  })
})

it('a log tells what happened, each at its level, and no text', async () => {
  const lines: [string, object, string][] = []
  const at =
    (level: string) =>
    (facts: object, message: string): void =>
      void lines.push([level, facts, message])
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const { pool, worker } = await openManual({ logger, queue: { texts: 1 } })
  await pool.embed(MODEL, 'secret')
  await failureOf(() => pool.batchEmbed(MODEL, ['secret', 'secret']))
  worker(0).lose(lost())
  await settled()
  await pool.evict(MODEL)
  expect(lines.map(([level, , message]) => `${level}: ${message}`)).toEqual(
    expect.arrayContaining([
      ...['debug: worker starting', 'debug: worker ready', 'info: model loaded', 'debug: call refused'],
      ...['warn: worker lost', 'info: model evicted'],
    ]),
  )
  expect(JSON.stringify(lines)).not.toContain('secret')
})
