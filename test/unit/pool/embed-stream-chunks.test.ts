import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { EmbedInput } from '../../../src/inference/embed-texts.js'
import {
  CountingSource,
  ManualPool,
  ManualSource,
  collect,
  holdClock,
  open,
  ready,
  settle,
  textsOf,
} from '../../support/streams.js'

beforeEach(() => {
  holdClock()
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('chunks', () => {
  it('hold so many texts, and so many are out at once', async () => {
    const pool = new ManualPool()
    const stream = open(textsOf(100), { chunkTexts: 10, concurrency: 3, maxInFlight: 1000 }, pool.embedEach)
    const first = stream.next()
    await settle()
    expect(pool.open.map(({ inputs }) => inputs.length)).toEqual([10, 10, 10])
    pool.callOf(10).answer()
    await settle()
    expect(pool.asked).toHaveLength(4)
    pool.callOf(0).answer()
    expect((await first).value?.index).toBe(0)
    await stream.return()
  })

  it('are as many as a slow consumer has room for', async () => {
    const pool = new ManualPool()
    const source = new CountingSource(textsOf(100))
    const stream = open(source, { chunkTexts: 10, concurrency: 8, maxInFlight: 20 }, pool.embedEach)
    const first = stream.next()
    await settle()
    expect([source.read, pool.openTexts]).toEqual([20, 20])
    pool.callOf(10).answer()
    await settle()
    // Text 0 is still out: what comes after it counts until it can be taken.
    expect(source.read).toBe(20)
    pool.callOf(0).answer()
    await first
    await settle()
    expect(source.read).toBe(21)
    for (let taken = 0; taken < 9; taken++) await stream.next()
    await settle()
    expect([source.read, pool.openTexts]).toEqual([30, 10])
    await stream.return()
  })

  it('of long texts hold fewer', async () => {
    const pool = new ManualPool()
    const long = 'x'.repeat(200_000)
    const stream = open(
      Array.from({ length: 100 }, () => long),
      { chunkTexts: 64 },
      pool.embedEach,
    )
    void stream.next()
    await settle()
    expect(pool.open[0]?.inputs).toHaveLength(3)
    // 8 chunks of 3 texts of 0.2 million characters: below the limit of 8 million, which holds 40 such texts.
    expect(pool.openTexts).toBe(24)
    await stream.return()
  })

  it('together hold so many characters', async () => {
    const pool = new ManualPool()
    const source = new CountingSource(Array.from({ length: 100 }, () => 'x'.repeat(500_000)))
    const stream = open(source, { concurrency: 64 }, pool.embedEach)
    void stream.next()
    await settle()
    expect([source.read, pool.openTexts]).toEqual([16, 16])
    pool.open[3]?.answer()
    await settle()
    expect([source.read, pool.openTexts]).toEqual([17, 16])
    await stream.return()
  })

  it('count token ids as text', async () => {
    const pool = new ManualPool()
    const stream = open(
      Array.from({ length: 20 }, () => new Int32Array(50_000)),
      {},
      pool.embedEach,
    )
    void stream.next()
    await settle()
    expect(pool.open[0]?.inputs).toHaveLength(3)
    await stream.return()
  })

  it('go with what there is as soon as the source makes us wait', async () => {
    const pool = new ManualPool()
    const source = new ManualSource()
    const stream = open(source, {}, pool.embedEach)
    const first = stream.next()
    await settle()
    source.give('t0')
    await settle()
    expect(pool.asked).toEqual([[0]])
    source.give('t1')
    await settle()
    expect(pool.asked).toEqual([[0], [1]])
    pool.callOf(0).answer()
    expect((await first).value?.index).toBe(0)
    await stream.return()
  })

  it('are filled by a source that is ready, however many promises deep', async () => {
    const pool = new ManualPool()
    async function* deep(levels: number): AsyncGenerator<EmbedInput> {
      if (levels === 0) yield* ready(textsOf(30))
      else for await (const text of deep(levels - 1)) yield text
    }
    const stream = open(deep(10), { chunkTexts: 10 }, pool.embedEach)
    void stream.next()
    await settle()
    expect(pool.asked.map(({ length }) => length)).toEqual([10, 10, 10])
    await stream.return()
  })

  it('are filled again once a source that made us wait is ready', async () => {
    const pool = new ManualPool()
    async function* inBursts(): AsyncGenerator<EmbedInput> {
      await settle()
      yield* textsOf(10)
      await settle()
      yield* textsOf(10, 10)
    }
    const stream = open(inBursts(), { chunkTexts: 20 }, pool.embedEach)
    void stream.next()
    await settle(12)
    expect(pool.asked.map(({ length }) => length)).toEqual([10, 10])
    await stream.return()
  })

  it('collect, while all are out, what a slow source gives', async () => {
    const pool = new ManualPool()
    const source = new ManualSource()
    const stream = open(source, { concurrency: 1 }, pool.embedEach)
    void stream.next()
    await settle()
    for (const text of textsOf(4)) {
      source.give(text)
      await settle()
    }
    expect(pool.asked).toEqual([[0]])
    pool.callOf(0).answer()
    await settle()
    expect(pool.asked).toEqual([[0], [1, 2, 3]])
    await stream.return()
  })

  it('are not cut small by a consumer that takes one at a time', async () => {
    const pool = new ManualPool()
    const stream = open(textsOf(100), { chunkTexts: 8, maxInFlight: 16 }, pool.embedEach)
    for (let taken = 0; taken < 60; taken++) {
      const next = stream.next()
      await settle()
      for (const call of [...pool.open]) call.answer()
      await next
    }
    expect(pool.asked.slice(0, 7).map(({ length }) => length)).toEqual([8, 8, 8, 8, 8, 8, 8])
    await stream.return()
  })

  it('go where the window is full of what is no text behind them', async () => {
    const source = ['t0', 't1', ...Array.from({ length: 30 }, () => 7 as unknown as string), 't32']
    for (const ordered of [true, false]) {
      const items = await collect(open(source, { ordered, onError: 'yield', maxInFlight: 10 }))
      expect(items).toHaveLength(33)
    }
  })

  it('are half of a small window, so that reading and embedding overlap', async () => {
    const pool = new ManualPool()
    const stream = open(textsOf(100), { maxInFlight: 10 }, pool.embedEach)
    void stream.next()
    await settle()
    expect(pool.open.map(({ inputs }) => inputs.length)).toEqual([5, 5])
    await stream.return()
  })

  it('of one text in a window of one do', async () => {
    const pool = new ManualPool()
    const items = collect(open(textsOf(5), { maxInFlight: 1 }, pool.embedEach))
    for (let round = 0; round < 5; round++) {
      await settle()
      expect(pool.openTexts).toBe(1)
      pool.open[0]?.answer()
    }
    expect(await items).toHaveLength(5)
  })
})
