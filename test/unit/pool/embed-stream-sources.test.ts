import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { EmbedInput } from '../../../src/inference/embed-texts.js'
import { failureOf } from '../../support/failure.js'
import {
  ManualPool,
  ManualSource,
  collect,
  collectUntilFailure,
  holdClock,
  open,
  settle,
  textsOf,
} from '../../support/streams.js'

const unhandled = vi.fn()

beforeEach(() => {
  holdClock()
  unhandled.mockClear()
  process.on('unhandledRejection', unhandled)
})

afterEach(async () => {
  vi.restoreAllMocks()
  await settle()
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

describe('a source that fails', () => {
  const broken = new Error('disk')

  it.each([true, false])('lets what it gave be yielded, then throws its own error (ordered: %s)', async (ordered) => {
    const pool = new ManualPool()
    async function* source(): AsyncGenerator<EmbedInput> {
      yield* textsOf(5)
      await Promise.resolve()
      throw broken
    }
    const taken = collectUntilFailure(open(source(), { chunkTexts: 2, ordered }, pool.embedEach))
    await settle()
    expect(pool.asked).toEqual([[0, 1], [2, 3], [4]])
    pool.callOf(4).answer()
    await settle()
    pool.callOf(0).answer()
    pool.callOf(2).answer()
    const { items, error } = await taken
    expect(error).toBe(broken)
    expect(items.map(({ index }) => index)).toEqual(ordered ? [0, 1, 2, 3, 4] : [4, 0, 1, 2, 3])
    expect(items.at(-1)?.position).toBe(5)
  })

  it('is not told to end: it has', async () => {
    const source = new ManualSource()
    const taken = collectUntilFailure(open(source))
    await settle()
    source.give('t0')
    await settle()
    source.fail(broken)
    expect(await taken).toMatchObject({ items: [{ index: 0 }], error: broken })
    expect(source.returned).toBe(0)
  })

  it('comes after a text that failed before it', async () => {
    function* source(): Generator<EmbedInput> {
      yield 't0'
      yield ''
      throw broken
    }
    const empty = new StellaError('INPUT_INVALID', 'Text 1 is empty', { details: { index: 1 } })
    const { error } = await collectUntilFailure(open(source(), {}, () => Promise.reject(empty)))
    expect(error).toBe(empty)
  })

  it('may fail as it begins', async () => {
    const source: Iterable<string> = {
      [Symbol.iterator]: () => {
        throw broken
      },
    }
    expect(await collectUntilFailure(open(source))).toEqual({ items: [], error: broken })
  })

  it('may be no iterator', async () => {
    const source = { [Symbol.iterator]: () => ({ next: () => 7 }) } as unknown as Iterable<string>
    const error = await failureOf(() => collect(open(source)))
    expect(error.code).toBe('INPUT_INVALID')
    expect(error.message).toContain('Expected next() of the texts to give { value, done }; got 7 (number)')
    const none = { [Symbol.iterator]: () => ({}) } as unknown as Iterable<string>
    expect((await collectUntilFailure(open(none))).error).toBeInstanceOf(TypeError)
  })

  it('may fail in what it gives', async () => {
    const source = {
      [Symbol.iterator]: () => ({
        next: () => ({
          get done(): boolean {
            throw broken
          },
        }),
      }),
    } as unknown as Iterable<string>
    expect((await collectUntilFailure(open(source))).error).toBe(broken)
  })
})
