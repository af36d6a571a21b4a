import { getEventListeners } from 'node:events'
import { PassThrough, Readable } from 'node:stream'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { EmbedInput } from '../../../src/inference/embed-texts.js'
import { failureOf } from '../../support/failure.js'
import {
  CountingSource,
  ManualPool,
  ManualSource,
  collect,
  holdClock,
  open,
  settle,
  textsOf,
} from '../../support/streams.js'

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

let passTime: (milliseconds: number) => void

const unhandled = vi.fn()

beforeEach(() => {
  passTime = holdClock()
  unhandled.mockClear()
  process.on('unhandledRejection', unhandled)
})

afterEach(async () => {
  vi.restoreAllMocks()
  await settle()
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

/** A stream with two chunks out, of which the first has been answered and its first text taken. */
async function midway(signal?: AbortSignal) {
  const pool = new ManualPool()
  const source = new CountingSource(textsOf(100))
  const stream = open(source, { chunkTexts: 2, concurrency: 2, signal }, pool.embedEach)
  const first = stream.next()
  await settle()
  pool.callOf(0).answer()
  await first
  await settle()
  expect(pool.open).toHaveLength(2)
  return { pool, source, stream }
}

describe('leaving a stream', () => {
  it('with `break` ends source and work under way', async () => {
    const controller = new AbortController()
    const { pool, source, stream } = await midway(controller.signal)
    expect(listenersOf(controller.signal)).toBe(1)
    const [call] = pool.open
    for await (const { index } of stream) {
      expect(index).toBe(1)
      break
    }
    expect(pool.open).toHaveLength(0)
    expect(call?.signal.aborted).toBe(true)
    expect(source.returned).toBe(1)
    expect(listenersOf(controller.signal)).toBe(0)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(source.read).toBeLessThan(10)
  })

  it('waits for work under way to end', async () => {
    let finish: () => void = () => undefined
    const embedEach = (): Promise<never> =>
      new Promise((_, reject) => {
        finish = () => {
          reject(new Error('late'))
        }
      })
    const stream = open(textsOf(3), {}, embedEach)
    const next = stream.next()
    await settle()
    const left = vi.fn()
    const leaving = stream.return().then(left)
    await settle()
    expect(left).not.toHaveBeenCalled()
    finish()
    await leaving
    expect(await next).toEqual({ done: true, value: undefined })
  })

  it('does not wait for a source that gives nothing, and ends every request', async () => {
    const source = new ManualSource()
    const stream = open(source)
    const requests = [stream.next(), stream.next()]
    await settle()
    expect(await stream.return()).toEqual({ done: true, value: undefined })
    expect(await Promise.all(requests)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
    expect(source.returned).toBe(1)
    // What it gives now is nobody's.
    source.fail(new Error('too late'))
  })

  it('does not wait for a generator that gives nothing, and drops how that ends', async () => {
    let give: () => void = () => undefined
    async function* hanging(): AsyncGenerator<EmbedInput> {
      try {
        await new Promise<void>((resolve) => (give = resolve))
        yield 't0'
      } finally {
        ended()
        throw new Error('too late')
      }
    }
    const ended = vi.fn()
    const stream = open(hanging())
    const next = stream.next()
    await settle()
    await stream.return()
    expect((await next).done).toBe(true)
    give()
    await settle()
    expect(ended).toHaveBeenCalledOnce()
  })

  it('runs what a generator has in `finally` before it settles', async () => {
    const ended: string[] = []
    async function* source(): AsyncGenerator<EmbedInput> {
      try {
        yield* textsOf(100)
      } finally {
        await settle()
        ended.push('source')
      }
    }
    for await (const { index } of open(source(), { maxInFlight: 4 })) if (index === 2) break
    expect(ended).toEqual(['source'])
  })

  it('destroys a Node stream, also while its next bytes are waited for', async () => {
    const waiting = new PassThrough({ encoding: 'utf8' })
    const stream = open(waiting)
    const next = stream.next()
    await settle()
    await stream.return()
    await next
    expect(waiting.destroyed).toBe(true)
    const full = Readable.from(textsOf(100))
    for await (const item of open(full, { maxInFlight: 4 })) if (item.index === 1) break
    expect(full.destroyed).toBe(true)
  })

  it('before it began leaves the source alone', async () => {
    const source = new CountingSource(textsOf(3))
    const controller = new AbortController()
    const stream = open(source, { signal: controller.signal })
    expect(await stream.return()).toEqual({ done: true, value: undefined })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect([source.read, source.returned, listenersOf(controller.signal)]).toEqual([0, 0, 0])
  })

  it('twice is fine, at once and after one another', async () => {
    const { source, stream } = await midway()
    await Promise.all([stream.return(), stream.return()])
    expect(await stream.return()).toEqual({ done: true, value: undefined })
    expect(source.returned).toBe(1)
  })

  it('after the end does nothing', async () => {
    const source = new CountingSource(textsOf(3))
    const stream = open(source)
    await collect(stream)
    await stream.return()
    expect(source.returned).toBe(0)
  })

  it('with `throw` ends it, too, and throws', async () => {
    const { pool, source, stream } = await midway()
    const mine = new Error('mine')
    await expect(stream.throw(mine)).rejects.toBe(mine)
    expect([pool.open.length, source.returned]).toEqual([0, 1])
    expect((await stream.next()).done).toBe(true)
  })

  it('by the end of a scope ends it', async () => {
    const { pool, source, stream } = await midway()
    const scoped = async (): Promise<void> => {
      await using own = stream
      await own.next()
    }
    await scoped()
    expect([pool.open.length, source.returned]).toEqual([0, 1])
  })

  it('an error in the loop stays what it is', async () => {
    const mine = new Error('mine')
    const source = new CountingSource(textsOf(100))
    const loop = async (): Promise<void> => {
      for await (const item of open(source, { maxInFlight: 4 })) if (item.index === 3) throw mine
    }
    await expect(loop()).rejects.toBe(mine)
    expect(source.returned).toBe(1)
  })

  it('of a source that cannot end is told so', async () => {
    const broken = new Error('cannot end')
    const source = (): Iterable<string> => ({
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 't0' }),
        return: () => {
          throw broken
        },
      }),
    })
    const stream = open(source(), { maxInFlight: 2 })
    await stream.next()
    await expect(stream.return()).rejects.toBe(broken)
    expect(await stream.return()).toEqual({ done: true, value: undefined })
    // Where something else has failed first, that is the one to tell.
    const failed = open(source(), { maxInFlight: 2 }, () => Promise.reject(new StellaError('POOL_CLOSED', 'closed')))
    expect((await failureOf(() => failed.next())).code).toBe('POOL_CLOSED')
  })

  it('of a source without `return` is no error', async () => {
    const source: Iterable<string> = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 't0' }) }) }
    for await (const item of open(source, { maxInFlight: 2 })) if (item.index === 5) break
  })
})

describe('an abort', () => {
  it('before the beginning opens nothing', async () => {
    const source = { [Symbol.iterator]: vi.fn(() => textsOf(3).values()) }
    const signal = AbortSignal.abort(new Error('enough'))
    const error = await failureOf(() => collect(open(source, { signal })))
    expect(error).toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } })
    expect(source[Symbol.iterator]).not.toHaveBeenCalled()
    expect(listenersOf(signal)).toBe(0)
  })

  it('throws at once, whatever is ready, and leaves nothing behind', async () => {
    const controller = new AbortController()
    const { pool, source, stream } = await midway(controller.signal)
    controller.abort()
    // Text 1 is ready; nobody wants it any more.
    expect((await failureOf(() => stream.next())).code).toBe('ABORTED')
    expect([pool.open.length, source.returned, listenersOf(controller.signal)]).toEqual([0, 1, 0])
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('fails the oldest request that waits, and ends the others', async () => {
    const controller = new AbortController()
    const source = new ManualSource()
    const stream = open(source, { signal: controller.signal })
    const requests = Promise.allSettled([stream.next(), stream.next()])
    await settle()
    controller.abort()
    expect(await requests).toMatchObject([
      { status: 'rejected', reason: { code: 'ABORTED' } },
      { status: 'fulfilled', value: { done: true } },
    ])
    expect([source.returned, listenersOf(controller.signal)]).toEqual([1, 0])
  })

  it('with a StellaError as reason throws that: a deadline stays a deadline', async () => {
    const controller = new AbortController()
    const { stream } = await midway(controller.signal)
    const deadline = new StellaError('TIMEOUT', 'too late')
    controller.abort(deadline)
    await expect(stream.next()).rejects.toBe(deadline)
  })

  it('that nobody asks about is no unhandled rejection, and leaving after it no error', async () => {
    const controller = new AbortController()
    const { stream } = await midway(controller.signal)
    controller.abort()
    await settle()
    expect(await stream.return()).toEqual({ done: true, value: undefined })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('after the end changes nothing', async () => {
    const controller = new AbortController()
    const stream = open(textsOf(3), { signal: controller.signal })
    expect(await collect(stream)).toHaveLength(3)
    expect(listenersOf(controller.signal)).toBe(0)
    controller.abort()
    expect((await stream.next()).done).toBe(true)
  })

  it('of a signal that many streams share ends them all; the signal carries one listener', async () => {
    const warned = vi.fn()
    process.on('warning', warned)
    const controller = new AbortController()
    const sources = Array.from({ length: 30 }, () => new ManualSource())
    const ends = sources.map((source) => failureOf(() => collect(open(source, { signal: controller.signal }))))
    await settle()
    expect(listenersOf(controller.signal)).toBe(1)
    controller.abort()
    for (const error of await Promise.all(ends)) expect(error.code).toBe('ABORTED')
    expect(listenersOf(controller.signal)).toBe(0)
    expect(sources.map(({ returned }) => returned)).toEqual(sources.map(() => 1))
    await settle()
    process.off('warning', warned)
    expect(warned).not.toHaveBeenCalled()
  })

  it('while the event loop is let turn reads no further', async () => {
    const controller = new AbortController()
    let left = false
    const readAfter = vi.fn()
    const busy: Iterable<string> = {
      [Symbol.iterator]: () => ({
        next: () => {
          if (left) readAfter()
          passTime(1)
          return { done: false, value: 'x' }
        },
        return: () => {
          left = true
          return { done: true, value: undefined }
        },
      }),
    }
    setImmediate(() => {
      controller.abort()
    })
    const stream = open(busy, { from: 1_000_000, signal: controller.signal })
    expect((await failureOf(() => stream.next())).code).toBe('ABORTED')
    expect(left).toBe(true)
    await settle()
    expect(readAfter).not.toHaveBeenCalled()
  })
})
