import { describe, expect, expectTypeOf, it } from 'vitest'

import type { StreamOptions, Streamed, StreamedEmbedding, StreamedFailure } from '../../../src/pool/embed-stream.js'
import { resolveStreamOptions } from '../../../src/pool/stream-options.js'
import { failureOf } from '../../support/failure.js'
import { open, textsOf } from '../../support/streams.js'

describe('the options of a stream', () => {
  it('have defaults, and are frozen', () => {
    const resolved = resolveStreamOptions()
    expect(resolved).toEqual({
      call: { lane: 'bulk' },
      signal: undefined,
      ordered: true,
      from: 0,
      onError: 'throw',
      chunkTexts: 64,
      concurrency: 8,
      maxInFlight: 1024,
      onProgress: undefined,
    })
    expect(Object.isFrozen(resolved)).toBe(true)
    expect(Object.isFrozen(resolved.call)).toBe(true)
  })

  it('pass those of each call on, without what is the stream’s own', () => {
    const { signal } = new AbortController()
    const embedding = {
      task: 's2p_query',
      dimensions: 512,
      normalize: false,
      maxLength: 100,
      overflow: 'error',
    } as const
    const onProgress = (): void => undefined
    const resolved = resolveStreamOptions({
      ...embedding,
      lane: 'interactive',
      deadlineMs: 500,
      signal,
      onProgress,
      ordered: false,
      from: 7,
    })
    expect(resolved.call).toEqual({ ...embedding, lane: 'interactive', deadlineMs: 500 })
    expect(resolved).toMatchObject({ signal, onProgress, ordered: false, from: 7 })
    expect(resolveStreamOptions({ prompt: 'p' }).call).toEqual({ prompt: 'p', lane: 'bulk' })
  })

  it.each([
    [{ ordered: 1 }, 'Expected `ordered` to be true or false; got 1 (number)'],
    [{ from: -1 }, 'Expected `from` to be the `position` of an earlier stream, or 0; got -1 (number)'],
    [{ from: 1.5 }, 'Expected `from` to be the `position` of an earlier stream, or 0; got 1.5 (number)'],
    [
      { from: 2 ** 53 },
      'Expected `from` to be the `position` of an earlier stream, or 0; got 9007199254740992 (number)',
    ],
    [{ from: '3' }, 'Expected `from` to be the `position` of an earlier stream, or 0; got "3" (string)'],
    [{ onError: 'skip' }, 'Expected `onError` to be throw or yield; got "skip" (string)'],
    [{ onError: null }, 'Expected `onError` to be throw or yield; got null'],
    [{ chunkTexts: 0 }, 'Expected `chunkTexts` to be an integer from 1 to 4096; got 0 (number)'],
    [{ chunkTexts: 4097 }, 'Expected `chunkTexts` to be an integer from 1 to 4096; got 4097 (number)'],
    [{ concurrency: Infinity }, 'Expected `concurrency` to be an integer from 1 to 256; got Infinity (number)'],
    [{ maxInFlight: Number.NaN }, 'Expected `maxInFlight` to be an integer from 1 to 65536; got NaN (number)'],
    [{ maxInFlight: '10' }, 'Expected `maxInFlight` to be an integer from 1 to 65536; got "10" (string)'],
    [{ signal: {} }, 'Expected `signal` to be an AbortSignal; got an object (Object)'],
    [{ onProgress: true }, 'Expected `onProgress` to be a function; got true (boolean)'],
  ])('refuse %o', async (options, message) => {
    const error = await failureOf(() => resolveStreamOptions(options as StreamOptions))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toBe(message)
    expect(error.details['option']).toBe(Object.keys(options)[0])
  })

  it('refuse what they do not know, and name what they do', async () => {
    const error = await failureOf(() => resolveStreamOptions({ order: true } as StreamOptions))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toMatch(/^Unknown option `order`\. Accepted: task, .*deadlineMs.*ordered.*onProgress$/)
    for (const none of [null, [], 5]) {
      expect((await failureOf(() => resolveStreamOptions(none as StreamOptions))).code).toBe('OPTION_INVALID')
    }
  })
})

describe('the source of a stream', () => {
  it.each([
    ['one text', 'one text', 'which would be read letter by letter. Put it in an array, or use `embed`'],
    ['a boxed text', new String('one text'), 'which would be read letter by letter'],
    [
      'the ids of one text',
      Int32Array.of(1, 2),
      'got an object (Int32Array). Put the token ids of one text in an array',
    ],
    ['bytes', Buffer.from('text'), 'got an object (Uint8Array)'],
    ['nothing', undefined, 'got undefined'],
    ['null', null, 'got null'],
    ['a number', 5, 'got 5 (number)'],
    ['an object', { texts: [] }, 'got an object (Object)'],
    ['an array-like', { length: 1, 0: 'a' }, 'got an object (Object)'],
    ['a generator function', () => textsOf(3).values(), 'got a function; call it, if it is a generator function'],
    ['a promise', Promise.resolve(textsOf(3)), 'got an object (Promise)'],
  ])('is not %s: refused at once', async (_, source, message) => {
    const error = await failureOf(() => open(source as unknown as string[]))
    expect(error.code).toBe('INPUT_INVALID')
    expect(error.message).toContain(message)
    expect(error.message).toMatch(/^Expected (many )?texts/)
    expect(error.details).toEqual({ argument: 'texts' })
  })
})

type Stream<T> = AsyncGenerator<T, void, void>

describe('the type of a stream', () => {
  it('has failures only where they are yielded', () => {
    const options: StreamOptions = {}
    expectTypeOf(open(['t0'])).toEqualTypeOf<Stream<StreamedEmbedding>>()
    expectTypeOf(open(['t0'], { onError: 'throw', ordered: false })).toEqualTypeOf<Stream<StreamedEmbedding>>()
    expectTypeOf(open(['t0'], { onError: 'yield' })).toEqualTypeOf<Stream<StreamedEmbedding | StreamedFailure>>()
    expectTypeOf(open(['t0'], options)).toEqualTypeOf<Stream<StreamedEmbedding | StreamedFailure>>()
  })

  it('tells them apart by `error`', () => {
    const vector = (item: Streamed<'yield'>): Float32Array | string =>
      item.error === undefined ? item.embedding : item.error.code
    expect(vector({ index: 0, embedding: Float32Array.of(1), tokens: 1, truncated: false, position: 1 })).toHaveLength(
      1,
    )
  })
})
