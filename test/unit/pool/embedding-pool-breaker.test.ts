/** A pool's breaker: what counts against a model and what does not, refusals at once, and the way back. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { FAILURES_TO_OPEN, OPEN_MS, SUCCESSES_TO_CLOSE } from '../../../src/pool/breaker.js'
import { failureOf } from '../../support/failure.js'
import { loadFailure, lost, settled, until, vectorOf } from '../../support/manual-engine.js'
import type { ManualPool } from '../../support/manual-pool.js'
import { MODEL, OTHER, openManual } from '../../support/manual-pool.js'

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

/** Has runs fail until the breaker opens. */
async function openBreaker({ pool, engine }: ManualPool): Promise<void> {
  engine.failRun = () => new StellaError('INTERNAL', 'the engine is broken')
  for (let call = 0; call < FAILURES_TO_OPEN; call++) {
    expect((await failureOf(() => pool.embed(MODEL, 'x'))).code).toBe('INTERNAL')
  }
}

describe('the breaker', () => {
  it('opens after failures in a row, of loads and of runs alike (origin 16)', async () => {
    const manual = await openManual()
    const { pool, engine, stats, tellings } = manual
    for (let call = 0; call < 2; call++) {
      engine.loadFailures.push(loadFailure())
      await failureOf(() => pool.embed(MODEL, 'x'))
    }
    engine.failRun = () => new StellaError('INTERNAL', 'the engine is broken')
    for (let call = 0; call < FAILURES_TO_OPEN - 2; call++) await failureOf(() => pool.embed(MODEL, 'x'))
    expect(stats().breaker).toMatchObject({ state: 'open', failures: FAILURES_TO_OPEN, lastFailure: 'INTERNAL' })
    expect(tellings('breakerOpened')).toEqual([{ model: MODEL.key, failures: FAILURES_TO_OPEN, code: 'INTERNAL' }])
  })

  it('begins anew with every success (origin 16)', async () => {
    const { pool, engine, stats } = await openManual()
    for (let round = 0; round < 3; round++) {
      engine.failRun = () => new StellaError('INTERNAL', 'no')
      for (let call = 0; call < FAILURES_TO_OPEN - 1; call++) await failureOf(() => pool.embed(MODEL, 'x'))
      engine.failRun = () => undefined
      await pool.embed(MODEL, 'x')
    }
    expect(stats().breaker).toMatchObject({ state: 'closed', failures: 0, opened: 0 })
  })

  it('open, refuses at once and says for how long; other models go on', async () => {
    const manual = await openManual()
    const { pool, engine, stats, tellings } = manual
    await openBreaker(manual)
    engine.failRun = () => undefined
    await pass(1000)
    const ran = engine.ran.length
    expect(await failureOf(() => pool.batchEmbed(MODEL, ['x', 'y']))).toMatchObject({
      code: 'BREAKER_OPEN',
      details: { retryAfterMs: OPEN_MS - 1000, failures: FAILURES_TO_OPEN },
    })
    expect(tellings('requestRejected')).toEqual([
      { model: MODEL.key, texts: 2, code: 'BREAKER_OPEN', retryAfterMs: OPEN_MS - 1000 },
    ])
    expect(engine.ran).toHaveLength(ran)
    expect(stats()).toMatchObject({ breaker: { refused: 1 }, queue: { texts: 0 } })
    await pool.embed(OTHER, 'x')
  })

  it('lets a few try after a while, no more at once (origin 16), and closes with enough successes', async () => {
    const manual = await openManual({ automatic: { run: false } })
    const { pool, engine, stats, tellings, running } = manual
    await openBreaker(manual)
    engine.failRun = () => undefined
    await pass(OPEN_MS)
    expect(stats().breaker.state).toBe('half-open')
    const calls = Array.from({ length: SUCCESSES_TO_CLOSE }, (_, index) => pool.embed(MODEL, `try ${index}`))
    expect(await failureOf(() => pool.embed(MODEL, 'one too many'))).toMatchObject({
      code: 'BREAKER_OPEN',
      details: { retryAfterMs: expect.any(Number) as number },
    })
    const run = await running()
    engine.automatic.run = true
    run.answer()
    await Promise.all(calls)
    expect(stats().breaker).toMatchObject({ state: 'closed', failures: 0 })
    expect(tellings('breakerClosed')).toEqual([{ model: MODEL.key }])
  })

  it('opens again with the first failure of those that try', async () => {
    const manual = await openManual()
    await openBreaker(manual)
    await pass(OPEN_MS)
    await failureOf(() => manual.pool.embed(MODEL, 'x'))
    expect(manual.stats().breaker).toMatchObject({ state: 'open', opened: 2 })
  })

  it('gives a try back that was given up: others may try', async () => {
    const manual = await openManual({ automatic: { run: false } })
    const { pool, engine, stats } = manual
    await openBreaker(manual)
    engine.failRun = () => undefined
    await pass(OPEN_MS)
    for (let round = 0; round < 4; round++) {
      const caller = new AbortController()
      const { signal } = caller
      const calls = Array.from({ length: 3 }, () => failureOf(() => pool.embed(MODEL, 'x', { signal })))
      await settled()
      caller.abort()
      for (const { code } of await Promise.all(calls)) expect(code).toBe('ABORTED')
    }
    expect(stats().breaker.state).toBe('half-open')
  })
})

describe('is one failure', () => {
  it('a load that twenty calls waited for', async () => {
    const { pool, engine, stats } = await openManual({ automatic: { load: false } })
    const calls = Array.from({ length: 20 }, () => failureOf(() => pool.embed(MODEL, 'x')))
    await until(() => engine.workers.length === 1)
    engine.workers[0]?.failLoad()
    await Promise.all(calls)
    expect(stats().breaker).toMatchObject({ state: 'closed', failures: 1 })
  })

  it('the loss of the last worker, of which twenty calls failed', async () => {
    const { pool, engine, worker, stats } = await openManual({ automatic: { run: false } })
    const calls = Array.from({ length: 20 }, (_, index) => failureOf(() => pool.embed(MODEL, `text ${index}`)))
    await until(() => engine.running.length === 1)
    engine.loadFailures.push(loadFailure())
    worker(0).lose()
    await settled()
    await pass(30_000)
    for (const { code } of await Promise.all(calls)) expect(code).toBe('MODEL_LOAD_FAILED')
    expect(stats().breaker).toMatchObject({ state: 'closed', failures: 1 })
  })

  it('a stream’s chunk of which no text was embedded; with one that was, it is none', async () => {
    const { pool, engine, stats } = await openManual()
    engine.failRun = () => new StellaError('INTERNAL', 'no')
    const embed = async (texts: readonly string[]): Promise<void> => {
      for await (const item of pool.embedStream(MODEL, texts, { onError: 'yield' })) expect(item.index).toBeLessThan(9)
    }
    await embed(['a', 'b', 'c'])
    expect(stats().breaker.failures).toBe(1)
    engine.failRun = ({ words }) => (words.includes('b') ? new StellaError('INTERNAL', 'no') : undefined)
    await embed(['a', 'b', 'c'])
    expect(stats().breaker.failures).toBe(0)
  })
})

describe('is no failure of the model, however often it happens', () => {
  const OFTEN = 2 * FAILURES_TO_OPEN

  it('a mistake in a call', async () => {
    const { pool, stats } = await openManual()
    await pool.preload(MODEL)
    for (let call = 0; call < OFTEN; call++) {
      expect((await failureOf(() => pool.embed(MODEL, 'long text'))).code).toBe('INPUT_TOO_LONG')
      expect((await failureOf(() => pool.embed(MODEL, ''))).code).toBe('INPUT_INVALID')
      expect((await failureOf(() => pool.embed(MODEL, 'x', { dimensions: 3 }))).code).toBe('DIMENSIONS_UNSUPPORTED')
    }
    expect(stats().breaker).toMatchObject({ state: 'closed', failures: 0 })
  })

  it('an abort, whatever its reason, or a deadline', async () => {
    const { pool, stats, running } = await openManual({ automatic: { run: false } })
    for (let call = 0; call < OFTEN; call++) {
      const caller = new AbortController()
      // Such as the failure of another call, after which nobody wants this one.
      const reason = new StellaError('INTERNAL', 'another call failed')
      const aborted = failureOf(() => pool.embed(MODEL, 'x', { signal: caller.signal }))
      const late = failureOf(() => pool.embed(MODEL, 'x', { deadlineMs: 10 }))
      const run = await running()
      await settled()
      caller.abort(reason)
      expect(await aborted).toBe(reason)
      await pass(10)
      expect((await late).code).toBe('TIMEOUT')
      run.answer()
      await settled()
    }
    expect(stats().breaker).toMatchObject({ state: 'closed', failures: 0 })
  })

  it('a lack of memory, or of room in the queue', async () => {
    const { pool, stats } = await openManual({ memory: 50, queue: { texts: 1 } })
    for (let call = 0; call < OFTEN; call++) {
      expect((await failureOf(() => pool.embed(MODEL, 'x'))).code).toBe('MEMORY_EXHAUSTED')
      expect((await failureOf(() => pool.batchEmbed(MODEL, ['x', 'y']))).code).toBe('OVERLOADED')
    }
    expect(stats().breaker).toMatchObject({ state: 'closed', failures: 0 })
  })

  it('a text that is refused for the threads it has cost', async () => {
    const { pool, engine, stats } = await openManual()
    engine.failRun = ({ words }) => (words.includes('poison') ? lost() : undefined)
    const first = failureOf(() => pool.embed(MODEL, 'poison'))
    await pass(30_000)
    await pass(30_000)
    expect((await first).code).toBe('WORKER_LOST')
    for (let call = 0; call < OFTEN; call++) {
      expect((await failureOf(() => pool.embed(MODEL, 'poison'))).details).toMatchObject({ quarantined: true })
    }
    expect(stats().breaker).toMatchObject({ state: 'closed', failures: 1 })
    await pass(30_000)
    expect((await pool.embed(MODEL, 'cure')).embedding).toEqual(vectorOf('cure'))
  })

  it('a listener of progress that throws', async () => {
    const { pool, stats } = await openManual()
    for (let call = 0; call < OFTEN; call++) {
      const onProgress = (): void => {
        throw new StellaError('INTERNAL', 'the listener is broken')
      }
      expect((await failureOf(() => pool.batchEmbed(MODEL, ['x'], { onProgress }))).message).toContain('listener')
    }
    expect(stats().breaker).toMatchObject({ state: 'closed', failures: 0 })
  })
})

it('evicted, a model runs a text again that it had refused for the threads it cost', async () => {
  const { pool, engine } = await openManual()
  engine.failRun = ({ words }) => (words.includes('poison') ? lost() : undefined)
  const first = failureOf(() => pool.embed(MODEL, 'poison'))
  await pass(30_000)
  await pass(30_000)
  expect((await first).code).toBe('WORKER_LOST')
  engine.failRun = () => undefined
  await pool.evict(MODEL)
  expect((await pool.embed(MODEL, 'poison')).embedding).toEqual(vectorOf('poison'))
})
