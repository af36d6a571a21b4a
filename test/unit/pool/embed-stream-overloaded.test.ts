import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { ErrorDetails } from '../../../src/errors.js'
import { StellaError } from '../../../src/errors.js'
import type { EmbedInput } from '../../../src/inference/embed-texts.js'
import type { EmbedEach } from '../../../src/pool/text-outcome.js'
import { ManualPool, collect, embedded, holdClock, open, settle, textsOf } from '../../support/streams.js'

const overloaded = (details: ErrorDetails = {}): StellaError =>
  new StellaError('OVERLOADED', 'The queue is full', { details })

beforeEach(() => {
  holdClock()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.restoreAllMocks()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

describe('a stream whose pool is overloaded', () => {
  it('waits as long as it is told, and tries again', async () => {
    const pool = new ManualPool()
    const items = collect(open(textsOf(3), {}, pool.embedEach))
    await settle()
    pool.callOf(0).fail(overloaded({ retryAfterMs: 250 }))
    await settle()
    await vi.advanceTimersByTimeAsync(249)
    expect(pool.open).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(pool.open).toHaveLength(1)
    while (pool.open.length > 0) {
      pool.open[0]?.answer()
      await settle()
    }
    expect((await items).map(({ index }) => index)).toEqual([0, 1, 2])
  })

  it.each([
    [undefined, 100],
    [Number.NaN, 100],
    [-5, 100],
    ['soon', 100],
    [1e12, 60_000],
  ])('that says to wait %s waits %s ms', async (retryAfterMs, expected) => {
    const pool = new ManualPool()
    const stream = open(textsOf(1), {}, pool.embedEach)
    const next = stream.next()
    await settle()
    pool.callOf(0).fail(overloaded({ retryAfterMs }))
    await settle()
    await vi.advanceTimersByTimeAsync(expected - 1)
    expect(pool.open).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(1)
    pool.callOf(0).answer()
    expect((await next).value?.index).toBe(0)
    await stream.return()
  })

  it('tries again as soon as a chunk of its own is done, the oldest first, and sends nothing newer before', async () => {
    const pool = new ManualPool()
    const stream = open(textsOf(40), { chunkTexts: 2, concurrency: 4 }, pool.embedEach)
    const first = stream.next()
    await settle()
    expect(pool.asked).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
      [6, 7],
    ])
    pool.callOf(6).fail(overloaded({ retryAfterMs: 5000 }))
    await settle()
    pool.callOf(4).fail(overloaded({ retryAfterMs: 5000 }))
    await settle()
    expect(pool.asked).toHaveLength(4)
    pool.callOf(0).answer()
    await first
    await settle()
    expect(pool.asked.slice(4)).toEqual([[4, 5]])
    pool.callOf(2).answer()
    await settle()
    expect(pool.asked.slice(5)).toEqual([[6, 7]])
    // Both have been taken in, or so it seems; still nothing newer until they are.
    pool.callOf(4).answer()
    await settle()
    expect(pool.asked.slice(6)).toEqual([])
    pool.callOf(6).answer()
    await settle()
    expect(pool.asked.slice(6).map(([number]) => number)).toEqual([8, 10, 12, 14])
    await stream.return()
  })

  it('does not sleep where room came while it asked', async () => {
    const pool = new ManualPool()
    const stream = open(textsOf(4), { chunkTexts: 2 }, pool.embedEach)
    const first = stream.next()
    await settle()
    pool.callOf(0).answer()
    await first
    await settle()
    pool.callOf(2).fail(overloaded({ retryAfterMs: 5000 }))
    await settle()
    expect(pool.asked).toEqual([
      [0, 1],
      [2, 3],
      [2, 3],
    ])
    await stream.return()
  })

  it('sends again just those texts that there was no room for', async () => {
    const pool = new ManualPool()
    const taken = collect(open(textsOf(4), { ordered: false }, pool.embedEach))
    await settle()
    const error = overloaded({ retryAfterMs: 10 })
    pool.callOf(0).answer((input, place) => (place % 2 === 0 ? { ok: false, error } : embedded(input)))
    await settle()
    expect(pool.open).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(10)
    expect(pool.asked).toEqual([
      [0, 1, 2, 3],
      [0, 2],
    ])
    pool.callOf(0).answer()
    expect((await taken).map(({ index }) => index)).toEqual([1, 3, 0, 2])
  })

  it('makes do with a queue that never takes a whole chunk', async () => {
    const most = 3
    const embedEach: EmbedEach = (inputs) =>
      inputs.length > most
        ? Promise.reject(overloaded({ retryAfterMs: 1 }))
        : Promise.resolve(inputs.map((input) => embedded(input)))
    const taken = collect(open(textsOf(100), { chunkTexts: 16, concurrency: 4 }, embedEach))
    for (let tick = 0; tick < 100; tick++) {
      await settle()
      await vi.advanceTimersByTimeAsync(1)
    }
    expect((await taken).map(({ index }) => index)).toEqual(Array.from({ length: 100 }, (_, index) => index))
  })

  it('keeps its chunks whole where it is its own that fill the queue', async () => {
    const room = 20
    const calls: number[] = []
    let held = 0
    const open_: (() => void)[] = []
    const embedEach: EmbedEach = async (inputs: readonly EmbedInput[]) => {
      if (held + inputs.length > room) throw overloaded({ retryAfterMs: 1000 })
      calls.push(inputs.length)
      held += inputs.length
      await new Promise<void>((resolve) => open_.push(resolve))
      held -= inputs.length
      return inputs.map(embedded)
    }
    const taken = collect(open(textsOf(80), { chunkTexts: 10, concurrency: 4 }, embedEach))
    for (let round = 0; round < 8; round++) {
      await settle()
      open_.shift()?.()
    }
    await taken
    expect(calls).toEqual(Array.from({ length: 8 }, () => 10))
  })

  it('can be left while it waits', async () => {
    const pool = new ManualPool()
    const controller = new AbortController()
    const leave = [
      (stream: AsyncGenerator<unknown, void, void>) => stream.return(),
      () => {
        controller.abort()
        return Promise.resolve()
      },
    ]
    for (const end of leave) {
      const stream = open(textsOf(3), { signal: controller.signal }, pool.embedEach)
      const next = stream.next().catch(() => undefined)
      await settle()
      pool.callOf(0).fail(overloaded({ retryAfterMs: 5000 }))
      await settle()
      expect(vi.getTimerCount()).toBe(1)
      await end(stream)
      await next
      expect(vi.getTimerCount()).toBe(0)
    }
    expect(pool.asked).toHaveLength(2)
  })
})
