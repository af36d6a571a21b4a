/** A loaded model serves calls: right results in their order, lanes, growth, aborts, budgets, and an orderly end. */
import { getEventListeners } from 'node:events'

import { afterEach, describe, expect, it, vi } from 'vitest'

import { StellaError, isStellaError } from '../../../src/errors.js'
import { RUN_TOKENS } from '../../../src/packed/packing.js'
import type { EmbedTrace } from '../../../src/pool/tracing.js'
import { embedTracing } from '../../../src/pool/tracing.js'
import { failureOf } from '../../support/failure.js'
import { gate, settled, until, vectorOf } from '../../support/manual-engine.js'
import { playServed, vectorsOf } from '../../support/served-play.js'

const EMPTY = { texts: 0, tokens: 0, bytes: 0 }
const WORDS = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']

afterEach(() => {
  vi.useRealTimers()
})

describe('results', () => {
  it('come in the order of the texts, strings and ids alike, each with a buffer of its own', async () => {
    const { embed, queue } = await playServed({ most: 3 })
    const ids = Int32Array.from('ids', (character) => character.charCodeAt(0))
    const outcomes = await embed(['zero', ids, ...WORDS, 'zero'])
    expect(vectorsOf(outcomes)).toEqual(['zero', 'ids', ...WORDS, 'zero'].map((text) => vectorOf(text)))
    expect(new Set(vectorsOf(outcomes).map(({ buffer }) => buffer)).size).toBe(outcomes.length)
    expect(outcomes[1]).toMatchObject({ tokens: 3, tokensTotal: 3, truncated: false })
    expect(queue.held).toEqual(EMPTY)
  })

  it('of another size or scale come of a run of their own', async () => {
    const { embed, engine } = await playServed({ automatic: { run: false } })
    const calls = [{}, { dimensions: 512 }, { normalize: false }].map((options) => embed(['same'], options))
    for (let run = 0; run < 3; run++) {
      await until(() => engine.running.length > 0)
      engine.running[0]?.answer()
      await settled()
    }
    const vectors = (await Promise.all(calls)).map(vectorsOf)
    expect(vectors).toEqual([[vectorOf('same')], [vectorOf('same', 512)], [vectorOf('same', 256, false)]])
    expect(engine.ran).toHaveLength(3)
  })

  it('of a hundred calls for one text come of one run, and no caller has another’s buffer', async () => {
    const { embed, engine, run } = await playServed({ automatic: { run: false } })
    const busy = embed(['busy'])
    await until(() => engine.running.length === 1)
    const calls = Array.from({ length: 100 }, () => embed(['same']))
    await settled()
    run().answer()
    await busy
    await until(() => engine.running.length === 1)
    expect(run().words).toEqual(['same'])
    run().answer()
    const vectors = (await Promise.all(calls)).flatMap(vectorsOf)
    expect(engine.ran).toHaveLength(2)
    vectors[0]?.fill(0)
    for (const vector of vectors.slice(1)) expect(vector).toEqual(vectorOf('same'))
  })
})

describe('all or none', () => {
  it('fails with the first text that cannot be read, by its place; the others are not run', async () => {
    const { embed, queue, engine } = await playServed()
    const ids = Int32Array.of(1, 2)
    const error = await failureOf(() => embed([...WORDS, ids, 'long one']))
    expect(error).toMatchObject({ code: 'INPUT_TOO_LONG', details: { index: 9 } })
    expect(queue.held).toEqual(EMPTY)
    await settled()
    // What needed no tokenising was handed over before anything was known.
    expect(engine.ran.flatMap(({ texts }) => texts)).toEqual([[1, 2]])
  })

  it('fails with the first text that cannot be run; what waits of the others is withdrawn', async () => {
    const { embed, served, queue, engine } = await playServed()
    engine.failRun = ({ words }) => (words.includes('five') ? new StellaError('INTERNAL', 'no') : undefined)
    expect(await failureOf(() => embed(WORDS))).toMatchObject({
      code: 'INTERNAL',
      message: 'Text 4: no',
      details: { index: 4 },
    })
    await settled()
    expect([served.waiting, served.running]).toMatchObject([{ texts: 0 }, { texts: 0, batches: 0 }])
    expect(queue.held).toEqual(EMPTY)
  })

  it('tokenises no more of a call that has failed', async () => {
    const { embed, engine } = await playServed()
    const texts = ['long one', ...Array.from({ length: 5000 }, (_, index) => `text ${index}`)]
    expect((await failureOf(() => embed(texts))).code).toBe('INPUT_TOO_LONG')
    await settled()
    expect(engine.read).toBeLessThan(500)
  })
})

describe('each for itself', () => {
  it('gives every text its outcome: too long, without tokens, failing, and well', async () => {
    const { embed, engine, queue } = await playServed()
    engine.failRun = ({ words }) => (words.includes('bad') ? new StellaError('INTERNAL', 'no') : undefined)
    const outcomes = await embed(['one', 'long one', 'bad', '   ', 'two'], { mode: 'each' })
    const codes = outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code))
    expect(codes).toEqual(['ok', 'INPUT_TOO_LONG', 'INTERNAL', 'INPUT_INVALID', 'ok'])
    for (const [index, outcome] of outcomes.entries()) {
      if (!outcome.ok) expect(outcome.error.details['index']).toBe(index)
    }
    expect(queue.held).toEqual(EMPTY)
  })

  it('finds one bad text among many in a few runs, and serves the others', async () => {
    const { embed, engine } = await playServed()
    engine.failRun = ({ words }) => (words.includes('bad') ? new StellaError('INPUT_INVALID', 'no') : undefined)
    const texts = Array.from({ length: 64 }, (_, index) => (index === 37 ? 'bad' : `t${index}`))
    const outcomes = await embed(texts, { mode: 'each' })
    expect(outcomes.flatMap(({ ok }, index) => (ok ? [] : [index]))).toEqual([37])
    for (const [index, text] of texts.entries()) {
      const outcome = outcomes[index]
      if (outcome?.ok === true) expect(outcome.embedding).toEqual(vectorOf(text))
    }
    expect(engine.ran.length).toBeLessThanOrEqual(1 + 2 * Math.log2(64))
  })

  it('gives all texts of a run its failure where no text can be to blame', async () => {
    const { embed, engine } = await playServed()
    engine.failRun = () => new StellaError('DIMENSIONS_UNSUPPORTED', 'no such head')
    const outcomes = await embed(WORDS, { mode: 'each' })
    expect(engine.ran).toHaveLength(1)
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.details['index']))).toEqual([...WORDS.keys()])
  })

  it('takes a result of the wrong size, and an error that is none of ours, for INTERNAL', async () => {
    const { embed, engine, run } = await playServed({ automatic: { run: false } })
    const call = embed(['one'], { mode: 'each' })
    await until(() => engine.running.length === 1)
    run().answered.open({ slab: new Float32Array(255), runMs: 1 })
    expect(await call).toMatchObject([{ ok: false, error: { code: 'INTERNAL', details: { found: 255 } } }])
    const other = embed(['one'], { mode: 'each' })
    await until(() => engine.running.length === 1)
    run().fail(new TypeError('undefined is not a function'))
    expect(await other).toMatchObject([{ ok: false, error: { code: 'INTERNAL' } }])
  })
})

describe('who goes first', () => {
  it('is whoever somebody waits for', async () => {
    const { embed, engine, run } = await playServed({ automatic: { run: false } })
    const order: string[] = []
    const calls = [embed(['busy'])]
    await until(() => engine.running.length === 1)
    calls.push(embed(['bulk'], { lane: 'bulk' }))
    await settled()
    calls.push(embed(['urgent'], { lane: 'interactive' }))
    await settled()
    for (let turn = 0; turn < 3; turn++) {
      await until(() => engine.running.length === 1)
      order.push(...run().words)
      run().answer(100)
      await settled()
    }
    expect(order).toEqual(['busy', 'urgent', 'bulk'])
    await Promise.all(calls)
  })

  it('but bulk that has waited for long has a turn after some', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const { embed, engine, run } = await playServed({ automatic: { run: false } })
    const order: string[] = []
    const long = 'x'.repeat(RUN_TOKENS)
    const calls = [embed([`${long}0`], { lane: 'interactive' })]
    await until(() => engine.running.length === 1)
    calls.push(embed(['bulk'], { lane: 'bulk' }))
    for (let urgent = 1; urgent < 9; urgent++) calls.push(embed([`${long}${urgent}`], { lane: 'interactive' }))
    await settled()
    vi.advanceTimersByTime(1001)
    for (let turn = 0; turn < 10; turn++) {
      await until(() => engine.running.length === 1)
      order.push(run().words[0]?.slice(-1) ?? '')
      run().answer(100)
      await settled()
    }
    expect(order.indexOf('k')).toBeGreaterThan(1)
    expect(order.indexOf('k')).toBeLessThan(6)
    await Promise.all(calls)
  })

  it('hands over one batch ahead where runs are short, and none where they are long', async () => {
    for (const [runMs, held] of [
      [1, 2],
      [500, 1],
    ] as const) {
      const { embed, engine, run } = await playServed({ automatic: { run: false } })
      const first = embed(['warm'])
      await until(() => engine.running.length === 1)
      run().answer(runMs)
      await first
      const calls = Array.from({ length: 4 }, (_, index) => embed([`${'y'.repeat(RUN_TOKENS)}${index}`]))
      await settled()
      expect(engine.running).toHaveLength(held)
      engine.automatic.run = true
      for (const running of engine.running) running.answer(runMs)
      await Promise.all(calls)
    }
  })
})

describe('another worker', () => {
  /** Has so many tokens wait while one worker is at work that does a token in ten milliseconds. */
  async function wait(tokens: number, loadMs: number) {
    const play = await playServed({ most: 2, automatic: { run: false, load: false } })
    const { embed, engine, run, meters } = play
    meters.workerLoaded(loadMs)
    const first = embed(['warm'])
    await until(() => engine.running.length === 1)
    run().answer(40)
    await first
    const long = embed(['z'.repeat(RUN_TOKENS)])
    await until(() => engine.running.length === 1)
    const waiting = embed(['w'.repeat(tokens)])
    await settled()
    return { ...play, calls: [long, waiting] }
  }

  it('comes when what waits takes longer than it takes to load', async () => {
    const { served } = await wait(20, 150)
    expect(served.crew.loads).toBe(2)
  })

  it('does not come for what is done before it has loaded', async () => {
    const { served } = await wait(10, 150)
    expect(served.crew.loads).toBe(1)
  })
})

describe('giving up', () => {
  it('withdraws what waits, drops what runs, and leaves the worker as it is', async () => {
    const { embed, engine, run, served, queue } = await playServed({ automatic: { run: false } })
    const caller = new AbortController()
    const { signal } = caller
    const running = failureOf(() => embed(['running'], { signal }))
    await until(() => engine.running.length === 1)
    const waiting = failureOf(() => embed(['waiting'], { signal }))
    await settled()
    caller.abort()
    expect((await running).code).toBe('ABORTED')
    expect((await waiting).code).toBe('ABORTED')
    expect(served.waiting.texts).toBe(0)
    expect(queue.held).toEqual(EMPTY)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    run().answer()
    await settled()
    engine.automatic.run = true
    expect(vectorsOf(await embed(['next']))).toEqual([vectorOf('next')])
    expect(engine.ran.map(({ words }) => words)).toEqual([['running'], ['next']])
    expect(served.crew.loads).toBe(1)
  })

  it('leaves a text to the others who want it', async () => {
    const { embed, engine, run } = await playServed({ automatic: { run: false } })
    const caller = new AbortController()
    const busy = embed(['busy'])
    await until(() => engine.running.length === 1)
    const gone = failureOf(() => embed(['same'], { signal: caller.signal }))
    const kept = embed(['same'])
    await settled()
    caller.abort()
    await gone
    engine.automatic.run = true
    run().answer()
    await busy
    expect(vectorsOf(await kept)).toEqual([vectorOf('same')])
  })

  it('comes at any time: before, while a head is made, while texts are read', async () => {
    const { embed, engine, queue } = await playServed()
    expect((await failureOf(() => embed(['x'], { signal: AbortSignal.abort() }))).code).toBe('ABORTED')
    const head = gate()
    engine.requireHead = () => head.promise
    const caller = new AbortController()
    const call = failureOf(() => embed(['x'], { signal: caller.signal }))
    caller.abort()
    head.open()
    expect((await call).code).toBe('ABORTED')
    engine.requireHead = () => Promise.resolve()
    const reading = new AbortController()
    const texts = Array.from({ length: 1000 }, (_, index) => `text ${index}`)
    const onProgress = (): void => {
      reading.abort()
    }
    expect((await failureOf(() => embed(texts, { signal: reading.signal, onProgress }))).code).toBe('ABORTED')
    expect(queue.held).toEqual(EMPTY)
    await settled()
    expect(engine.ran.flatMap(({ texts: of }) => of).length).toBeLessThan(1000)
  })
})

describe('a queue', () => {
  it('that has no room for a call’s tokens refuses it, and is as empty as before', async () => {
    const { embed, queue, engine } = await playServed({ limits: { tokens: 10 } })
    expect(await failureOf(() => embed(['eleven char']))).toMatchObject({
      code: 'OVERLOADED',
      details: { limit: 'tokens', asked: 11, max: 10 },
    })
    expect(queue.held).toEqual(EMPTY)
    expect(engine.ran).toEqual([])
    expect(await embed(['ten chars.'])).toHaveLength(1)
  })

  it('has its room back as texts settle, not only when the call ends', async () => {
    const { embed, queue, engine, run } = await playServed({ automatic: { run: false } })
    const long = 'a'.repeat(RUN_TOKENS)
    const call = embed([`${long}1`, `${long}22`, '   '], { mode: 'each' })
    await until(() => engine.running.length === 1)
    expect(queue.held).toMatchObject({ texts: 2, tokens: 2 * RUN_TOKENS + 3 })
    run().answer(100)
    await until(() => engine.running.length === 1 && engine.ran.length === 2)
    expect(queue.held).toMatchObject({ texts: 1, tokens: RUN_TOKENS + 2 })
    run().answer(100)
    await call
    expect(queue.held).toEqual(EMPTY)
  })
})

describe('progress', () => {
  it('is told run by run, up to all texts', async () => {
    const { embed } = await playServed()
    const told: number[] = []
    const texts = Array.from({ length: 10 }, (_, index) => `${'p'.repeat(100)}${index}`)
    await embed(texts, {
      onProgress: ({ done, total }) => {
        expect(total).toBe(10)
        told.push(done)
      },
    })
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
    expect(told.length).toBeGreaterThan(1)
    expect(told.at(-1)).toBe(10)
  })

  it('whose listener throws fails its call only, with what it threw', async () => {
    const { embed } = await playServed()
    const thrown = new RangeError('no more paper')
    const onProgress = (): void => {
      throw thrown
    }
    const [bad, good] = await Promise.allSettled([embed(['same', 'a'], { onProgress }), embed(['same', 'b'])])
    expect(bad).toEqual({ status: 'rejected', reason: thrown })
    expect(good.status).toBe('fulfilled')
  })
})

describe('a trace', () => {
  it('is filled with tokens, the time to get them, and the time until the first was run', async () => {
    const active = vi.spyOn(embedTracing, 'active', 'get').mockReturnValue(true)
    const { embed } = await playServed()
    const trace: EmbedTrace = { model: 'model', call: 'batchEmbed', texts: 2, lane: 'bulk' }
    await embed(['one', 'three'], { trace })
    active.mockRestore()
    expect(trace.tokens).toBe(8)
    expect(trace.tokenizeMs).toBeGreaterThanOrEqual(0)
    expect(trace.queueMs).toBeGreaterThanOrEqual(0)
  })
})

describe('closing', () => {
  it('serves the calls under way, ends the workers, and gives the memory back (origin 20, origin 22)', async () => {
    const { embed, served, engine, ledger, run } = await playServed({ automatic: { run: false } })
    const calls = [embed(['running'])]
    await until(() => engine.running.length === 1)
    calls.push(embed(['waiting']))
    await settled()
    let closed = false
    const closing = served.close().then(() => (closed = true))
    expect(served.closing).toBe(true)
    run().answer()
    await until(() => engine.ran.length === 2)
    expect([closed, ledger.granted]).toEqual([false, 110])
    run().answer()
    expect((await Promise.all(calls)).flatMap(vectorsOf)).toEqual([vectorOf('running'), vectorOf('waiting')])
    await closing
    expect(ledger.granted).toBe(0)
    expect(engine).toMatchObject({ alive: [], closed: 1 })
    await served.close()
    expect(engine.closed).toBe(1)
  })

  it('waits for a run that nobody wants any more: its worker is in the engine', async () => {
    const { embed, served, engine, run, ledger } = await playServed({ automatic: { run: false } })
    const caller = new AbortController()
    const call = failureOf(() => embed(['x'], { signal: caller.signal }))
    await until(() => engine.running.length === 1)
    caller.abort()
    await call
    const closing = served.close()
    await settled()
    expect(ledger.granted).toBe(110)
    run().answer()
    await closing
    expect(ledger.granted).toBe(0)
  })

  it('waits for workers that are being added', async () => {
    const { served, engine, worker, ledger } = await playServed({ most: 2, automatic: { load: false } })
    const fill = served.fill(256, undefined)
    await settled()
    const closing = served.close()
    await settled()
    expect(ledger.granted).toBe(120)
    worker(1).ready()
    await fill
    await closing
    expect(engine.alive).toEqual([])
    expect(ledger.granted).toBe(0)
  })

  it('does so also where whoever waited for them has given up', async () => {
    const { served, engine, worker, ledger } = await playServed({ most: 2, automatic: { load: false } })
    const caller = new AbortController()
    const fill = failureOf(() => served.fill(256, caller.signal))
    await settled()
    caller.abort()
    expect(isStellaError(await fill)).toBe(true)
    const closing = served.close()
    worker(1).ready()
    await closing
    expect(engine.alive).toEqual([])
    expect(ledger.granted).toBe(0)
  })
})
