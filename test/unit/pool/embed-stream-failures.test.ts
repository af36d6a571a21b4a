import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { EmbedInput } from '../../../src/inference/embed-texts.js'
import { failureOf } from '../../support/failure.js'
import {
  CountingSource,
  ManualPool,
  collect,
  collectUntilFailure,
  embedded,
  holdClock,
  numberOf,
  open,
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

const tooLong = (place: number): StellaError =>
  new StellaError('INPUT_TOO_LONG', `Text ${place} has 900 tokens; at most 512`, {
    details: { index: place, tokens: 900 },
  })

/** A pool that fails texts with these numbers, each alone. */
const failing =
  (numbers: readonly number[], error: (place: number) => StellaError = tooLong) =>
  (inputs: readonly EmbedInput[]) =>
    Promise.resolve(
      inputs.map((input, place) =>
        numbers.includes(numberOf(input)) ? ({ ok: false, error: error(place) } as const) : embedded(input),
      ),
    )

describe('a text that fails alone', () => {
  it('ends the stream after what came before it, with its place in the source', async () => {
    const { items, error } = await collectUntilFailure(open(textsOf(100), { chunkTexts: 8 }, failing([21, 50])))
    expect(items.map(({ index }) => index)).toEqual(Array.from({ length: 21 }, (_, index) => index))
    expect(error).toBeInstanceOf(StellaError)
    expect(error).toMatchObject({
      code: 'INPUT_TOO_LONG',
      message: 'Text 21 has 900 tokens; at most 512',
      details: { index: 21, tokens: 900 },
      cause: { message: 'Text 5 has 900 tokens; at most 512' },
    })
  })

  it('is named also where its error names no text', async () => {
    const lost = (): StellaError => new StellaError('WORKER_LOST', 'The thread ended')
    const { error } = await collectUntilFailure(open(textsOf(5), {}, failing([3], lost)))
    expect(error).toMatchObject({ message: 'Text 3: The thread ended', details: { index: 3 } })
  })

  it('keeps what comes after it from being read or sent', async () => {
    const pool = new ManualPool()
    const source = new CountingSource(textsOf(100))
    const stream = open(source, { chunkTexts: 4, concurrency: 2, maxInFlight: 100 }, pool.embedEach)
    const failure = collectUntilFailure(stream)
    await settle()
    pool.callOf(4).answer((_, place) => ({ ok: false, error: tooLong(place) }))
    await settle()
    expect(pool.asked).toHaveLength(2)
    pool.callOf(0).answer()
    const { items, error } = await failure
    expect(items).toHaveLength(4)
    expect(error).toMatchObject({ details: { index: 4 } })
    expect(source.read).toBeLessThanOrEqual(12)
    expect([pool.asked.length, source.returned]).toEqual([2, 1])
  })

  it('ends an unordered stream in its turn', async () => {
    const pool = new ManualPool()
    const stream = open(textsOf(6), { ordered: false, chunkTexts: 2 }, pool.embedEach)
    const taken = collectUntilFailure(stream)
    await settle()
    pool.callOf(4).answer()
    pool.callOf(2).answer((input, place) => (place === 1 ? { ok: false, error: tooLong(1) } : embedded(input)))
    const { items, error } = await taken
    expect(items.map(({ index }) => index)).toEqual([4, 5, 2])
    expect(error).toMatchObject({ details: { index: 3 } })
    expect(pool.open).toHaveLength(0)
  })

  it('is yielded where that was asked for', async () => {
    const items = await collect(open(textsOf(100), { onError: 'yield', chunkTexts: 8 }, failing([0, 21, 99])))
    expect(items.map(({ index }) => index)).toEqual(Array.from({ length: 100 }, (_, index) => index))
    expect(items.flatMap(({ index, error }) => (error === undefined ? [] : [[index, error.details['index']]]))).toEqual(
      [
        [0, 0],
        [21, 21],
        [99, 99],
      ],
    )
    expect(items[21]).toEqual({ index: 21, error: expect.any(StellaError) as StellaError, position: 22 })
  })

  it.each([42, null, undefined, { text: 'x' }, ['x'], new Uint8Array(3), Promise.resolve('x')])(
    'may be no text at all: %s',
    async (item) => {
      const source = ['t0', item as unknown as string, 't2']
      const { items, error } = await collectUntilFailure(open(source))
      expect(items).toHaveLength(1)
      expect(error).toMatchObject({ code: 'INPUT_INVALID', details: { index: 1 } })
      expect((error as StellaError).message).toMatch(/^Text 1 should be a string or an Int32Array of token ids; got /)
      const all = await collect(open(source, { onError: 'yield' }))
      expect(all.map(({ index, error }) => [index, error?.code])).toEqual([
        [0, undefined],
        [1, 'INPUT_INVALID'],
        [2, undefined],
      ])
    },
  )

  it('that is no text at all does not keep the event loop from turning, however many come', async () => {
    let turned = false
    setTimeout(() => (turned = true), 0)
    function* numbers(): Generator<EmbedInput> {
      while (!turned) {
        passTime(0.01)
        yield 7 as unknown as EmbedInput
      }
    }
    const items = await collect(open(numbers(), { onError: 'yield' }))
    expect(items.every(({ error }) => error?.code === 'INPUT_INVALID')).toBe(true)
  })
})

describe('a failure of the whole', () => {
  it.each(['throw', 'yield'] as const)('always throws, under %s too, after what came before it', async (onError) => {
    const pool = new ManualPool()
    const taken = collectUntilFailure(open(textsOf(9), { onError, chunkTexts: 3 }, pool.embedEach))
    await settle()
    const broken = new StellaError('BREAKER_OPEN', 'The model has failed too often')
    pool.callOf(3).fail(broken)
    await settle()
    pool.callOf(0).answer()
    const { items, error } = await taken
    expect(items.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(error).toBe(broken)
    expect(pool.open).toHaveLength(0)
  })

  it('is one also where the pool tells of it text by text', async () => {
    const closed = new StellaError('POOL_CLOSED', 'The pool was closed')
    const { items, error } = await collectUntilFailure(
      open(
        textsOf(9),
        { onError: 'yield', chunkTexts: 4 },
        failing([6], () => closed),
      ),
    )
    expect(items).toHaveLength(6)
    expect(error).toBe(closed)
  })

  it('that names a text of the chunk names it by its place in the source', async () => {
    const fail = (place: number): StellaError =>
      new StellaError('MODEL_LOAD_FAILED', `Text ${place}: no worker is left`, { details: { index: place } })
    const { error } = await collectUntilFailure(open(textsOf(9), { chunkTexts: 4 }, failing([6], fail)))
    expect(error).toMatchObject({ message: 'Text 6: no worker is left', details: { index: 6 } })
  })

  it('may be anything that is thrown', async () => {
    const odd = new TypeError('odd')
    const thrower = (): never => {
      throw odd
    }
    expect((await collectUntilFailure(open(textsOf(3), {}, thrower))).error).toBe(odd)
    expect((await collectUntilFailure(open(textsOf(3), {}, () => Promise.reject(odd)))).error).toBe(odd)
  })

  it('is a pool that forgets a text', async () => {
    const forgetful = (inputs: readonly EmbedInput[]) => Promise.resolve(inputs.slice(1).map(embedded))
    const error = await failureOf(() => collect(open(textsOf(3), {}, forgetful)))
    expect(error).toMatchObject({ code: 'INTERNAL', details: { expected: 3, found: 2 } })
  })

  it('in an unordered stream throws in its turn', async () => {
    const pool = new ManualPool()
    const taken = collectUntilFailure(open(textsOf(9), { ordered: false, chunkTexts: 3 }, pool.embedEach))
    await settle()
    pool.callOf(6).answer()
    pool.callOf(3).fail(new StellaError('POOL_CLOSED', 'closed'))
    const { items, error } = await taken
    expect(items.map(({ index }) => index)).toEqual([6, 7, 8])
    expect(error).toMatchObject({ code: 'POOL_CLOSED' })
  })
})
