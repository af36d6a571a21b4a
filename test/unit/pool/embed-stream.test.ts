import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { StreamProgress, TextSource } from '../../../src/pool/embed-stream.js'
import { failureOf } from '../../support/failure.js'
import {
  CountingSource,
  ManualPool,
  collect,
  collectUntilFailure,
  holdClock,
  instantly,
  open,
  ready,
  settle,
  textsOf,
} from '../../support/streams.js'

let passTime: (milliseconds: number) => void

beforeEach(() => {
  passTime = holdClock()
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a stream', () => {
  it.each([
    ['an array', () => textsOf(200)],
    ['a set', () => new Set(textsOf(200))],
    ['a generator', () => textsOf(200).values()],
    ['an async generator', () => ready(textsOf(200))],
  ] satisfies [string, () => TextSource][])('embeds the texts of %s in their order', async (_, source) => {
    const items = await collect(open(source()))
    expect(items.map(({ index }) => index)).toEqual(Array.from({ length: 200 }, (__, index) => index))
    expect(items.map(({ embedding }) => embedding[0])).toEqual(items.map(({ index }) => index))
    expect(items[7]).toEqual({ index: 7, embedding: Float32Array.of(7), tokens: 2, truncated: false, position: 8 })
    expect(items[123]).toEqual({
      index: 123,
      embedding: Float32Array.of(123),
      tokens: 4,
      truncated: true,
      position: 124,
    })
  })

  it('of nothing ends at once and asks nobody', async () => {
    const embedEach = vi.fn(instantly)
    expect(await collect(open([], {}, embedEach))).toEqual([])
    expect(await collect(open(ready([]), {}, embedEach))).toEqual([])
    expect(embedEach).not.toHaveBeenCalled()
  })

  it('reads nothing before it is asked', async () => {
    const source = new CountingSource(textsOf(10))
    open(source)
    await settle()
    expect(source.read).toBe(0)
  })

  it('passes token ids on, as they were when they were read', async () => {
    const ids = new Int32Array(2)
    function* refilled(): Generator<Int32Array> {
      for (let id = 1; id <= 5; id++) yield ids.fill(id)
    }
    const items = await collect(open(refilled()))
    expect(items.map(({ embedding }) => embedding[0])).toEqual([1, 2, 3, 4, 5])
  })

  it('answers several requests at once, in their order', async () => {
    const stream = open(textsOf(3), { chunkTexts: 1 })
    const results = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next(), stream.next()])
    expect(results.map(({ value }) => value?.index)).toEqual([0, 1, 2, undefined, undefined])
    expect(results.map(({ done }) => done)).toEqual([false, false, false, true, true])
  })

  it('stays ended', async () => {
    const stream = open(textsOf(1))
    await collect(stream)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('lets the event loop turn while source and pool are always ready', async () => {
    let turns = 0
    let turning = true
    const turn = (): void => {
      turns++
      if (turning) setImmediate(turn)
    }
    setImmediate(turn)
    function* busy(): Generator<string> {
      for (const text of textsOf(1000)) {
        passTime(0.5)
        yield text
      }
    }
    await collect(open(busy()))
    turning = false
    // Half a second, and at most a few milliseconds without a turn.
    expect(turns).toBeGreaterThan(150)
  })
})

describe('unordered', () => {
  it('yields texts as they are done; the position waits for the slowest', async () => {
    const pool = new ManualPool()
    const stream = open(textsOf(6), { ordered: false, chunkTexts: 2 }, pool.embedEach)
    const take = async () => {
      const { value } = await stream.next()
      return [value?.index, value?.position]
    }
    const first = take()
    await settle()
    pool.callOf(4).answer()
    expect(await first).toEqual([4, 0])
    expect(await take()).toEqual([5, 0])
    pool.callOf(0).answer()
    await settle()
    pool.callOf(2).answer()
    expect(await take()).toEqual([0, 1])
    expect(await take()).toEqual([1, 2])
    expect(await take()).toEqual([2, 3])
    expect(await take()).toEqual([3, 6])
    expect((await stream.next()).done).toBe(true)
  })

  it('goes no further than the window beyond a text that hangs', async () => {
    const pool = new ManualPool()
    const source = new CountingSource(textsOf(100))
    const stream = open(source, { ordered: false, chunkTexts: 1, concurrency: 4, maxInFlight: 10 }, pool.embedEach)
    const taken: (number | undefined)[] = []
    for (let round = 0; round < 9; round++) {
      const next = stream.next()
      await settle()
      pool.open.find(({ inputs }) => inputs[0] !== 't0')?.answer()
      taken.push((await next).value?.index)
    }
    expect(taken).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    await settle()
    expect([source.read, pool.openTexts]).toEqual([10, 1])
    await stream.return()
  })
})

describe('from', () => {
  it('passes over what was done, and counts from the start of the source', async () => {
    const embedEach = vi.fn(instantly)
    const items = await collect(open(textsOf(20), { from: 17 }, embedEach))
    expect(items.map(({ index, embedding, position }) => [index, embedding[0], position])).toEqual([
      [17, 17, 18],
      [18, 18, 19],
      [19, 19, 20],
    ])
    expect(embedEach.mock.calls.flatMap(([inputs]) => inputs)).toEqual(['t17', 't18', 't19'])
  })

  it('does not look at what it passes over', async () => {
    expect(await collect(open([7 as unknown as string, 't1'], { from: 1 }))).toHaveLength(1)
  })

  it('at the end has nothing left to do', async () => {
    expect(await collect(open(textsOf(20), { from: 20 }))).toEqual([])
  })

  it('beyond the end says that these are other texts', async () => {
    const error = await failureOf(() => collect(open(ready(textsOf(20)), { from: 21 })))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', details: { option: 'from', from: 21, texts: 20 } })
    expect(error.message).toBe(
      'The texts ended after 20, and `from` is 21; go on with the same texts, from their start',
    )
  })

  it('lets the event loop turn while it passes over', async () => {
    let turned = false
    setImmediate(() => (turned = true))
    function* endless(): Generator<string> {
      while (!turned) {
        passTime(0.01)
        yield 'x'
      }
    }
    const error = await failureOf(() => collect(open(endless(), { from: Number.MAX_SAFE_INTEGER })))
    expect(error.code).toBe('INPUT_INVALID')
  })
})

describe('progress', () => {
  it('comes with each chunk and at the end; the position counts what the consumer has done with', async () => {
    const told: StreamProgress[] = []
    const pool = new ManualPool()
    const onProgress = (progress: StreamProgress): void => void told.push(progress)
    const stream = open(textsOf(6), { chunkTexts: 2, onProgress }, pool.embedEach)
    const first = stream.next()
    await settle()
    pool.callOf(2).answer()
    await settle()
    expect(told).toEqual([{ done: 2, position: 0 }])
    pool.callOf(0).answer()
    await first
    pool.callOf(4).answer()
    await settle()
    // Text 0 was yielded, but nobody has come back from it.
    expect(told).toEqual([
      { done: 2, position: 0 },
      { done: 4, position: 0 },
      { done: 6, position: 0 },
    ])
    await collect(stream)
    expect(told.at(-1)).toEqual({ done: 6, position: 6 })
  })

  it('counts from the start of this stream, failures too', async () => {
    const told: StreamProgress[] = []
    await collect(
      open(['t0', 't1', 7 as unknown as string, 't3', 't4'], {
        from: 1,
        onError: 'yield',
        onProgress: (progress) => void told.push(progress),
      }),
    )
    expect(told.at(-1)).toEqual({ done: 4, position: 5 })
  })

  it('that throws ends the stream with what it threw', async () => {
    const pool = new ManualPool()
    const broken = new Error('bar')
    const source = new CountingSource(textsOf(9))
    const onProgress = (): never => {
      throw broken
    }
    const taken = collectUntilFailure(open(source, { chunkTexts: 3, onProgress }, pool.embedEach))
    await settle()
    pool.callOf(0).answer()
    expect((await taken).error).toBe(broken)
    expect(pool.open).toHaveLength(0)
    expect((await collectUntilFailure(open([], { onProgress }))).error).toBe(broken)
  })
})
