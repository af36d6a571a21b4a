/** Streams between sources, pools and consumers that act in every order: what holds whatever happens when. */
import { getEventListeners } from 'node:events'

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { StreamOptions, StreamProgress } from '../../../src/pool/embed-stream.js'
import type { Leave, World } from '../../support/stream-play.js'
import { StreamPlay, worlds } from '../../support/stream-play.js'
import { holdClock } from '../../support/streams.js'

beforeEach(() => {
  holdClock()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** Plays a stream, and checks what holds of each. */
async function play(world: World, options: StreamOptions, leave?: Leave, sourceFails?: Error): Promise<StreamPlay> {
  const run = await new StreamPlay(world, options, sourceFails).run(leave)
  check(world, run, options.from)
  return run
}

/** What holds of every run. */
function check({ kinds, shape }: World, run: StreamPlay, from = 0): void {
  const { items, pool } = run
  const yielded = new Set<number>()
  let mark = from
  for (const { index, position, ...item } of items) {
    expect(yielded).not.toContain(index)
    yielded.add(index)
    while (yielded.has(mark)) mark++
    expect(position).toBe(mark)
    expect(index).toBeGreaterThanOrEqual(from)
    if (shape.ordered) expect(position).toBe(index + 1)
    if (kinds[index] === 'good') expect(item).toMatchObject({ embedding: Float32Array.of(index) })
    else expect(item).toMatchObject({ error: { details: { index } } })
  }
  expect(pool.mostCalls).toBeLessThanOrEqual(shape.concurrency)
  expect(pool.mostTexts).toBeLessThanOrEqual(Math.min(shape.maxInFlight, shape.concurrency * shape.chunkTexts))
  expect(run.mostAhead).toBeLessThanOrEqual(shape.maxInFlight)
  expect(pool.asked.flat().every((number) => kinds[number] !== 'odd')).toBe(true)
  // Nothing is left.
  expect(pool.open).toHaveLength(0)
  expect(getEventListeners(run.signal, 'abort')).toHaveLength(0)
  expect(vi.getTimerCount()).toBe(0)
}

const all = (run: StreamPlay): readonly number[] => run.items.map(({ index }) => index).sort((a, b) => a - b)
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, place) => from + place)

describe('a stream, whatever happens when,', () => {
  it('yields every text once, with its own embedding or error, within its limits', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (given) => {
        const run = await play(given, { onError: 'yield' })
        expect(run.error).toBeUndefined()
        expect(all(run)).toEqual(range(0, given.kinds.length))
        expect(run.returned).toBe(0)
      }),
      { numRuns: 150 },
    )
  })

  it('sends no text twice to a pool that has room', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (given) => {
        const run = await play({ ...given, overloads: false }, { onError: 'yield' })
        const asked = run.pool.asked.flat()
        expect(new Set(asked).size).toBe(asked.length)
      }),
      { numRuns: 30 },
    )
  })

  it('throws the first failure in the order of the source, after all that came before it', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (given) => {
        const run = await play(given, {})
        const first = given.kinds.findIndex((kind) => kind !== 'good')
        if (first === -1) {
          expect(run.error).toBeUndefined()
          expect(all(run)).toEqual(range(0, given.kinds.length))
          return
        }
        expect(run.error).toBeInstanceOf(StellaError)
        const index = Number((run.error as StellaError).details['index'])
        expect(given.kinds[index]).not.toBe('good')
        if (!given.shape.ordered) return
        expect(index).toBe(first)
        expect(all(run)).toEqual(range(0, first))
      }),
      { numRuns: 150 },
    )
  })

  it('yields all that a source gave before it failed, then throws that', async () => {
    const broken = new Error('disk')
    await fc.assert(
      fc.asyncProperty(worlds, async (given) => {
        const run = await play(given, { onError: 'yield' }, undefined, broken)
        expect(run.error).toBe(broken)
        expect(all(run)).toEqual(range(0, given.kinds.length))
        expect(run.returned).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it.each(['return', 'abort'] as const)('left by %s, leaves nothing behind', async (how) => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.nat(30), async (given, after) => {
        const run = await play(given, { onError: 'yield' }, { after, how })
        expect(run.returned).toBeLessThanOrEqual(1)
        if (run.error === undefined) expect(how === 'return' || all(run).length === given.kinds.length).toBe(true)
        else expect(run.error).toMatchObject({ code: 'ABORTED' })
      }),
      { numRuns: 60 },
    )
  })

  it('left and taken up again from its position, loses nothing, and repeats no more than its window', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.array(fc.nat(20), { maxLength: 4 }), async (given, leaves) => {
        const seen: number[] = []
        let position = 0
        const { length } = given.kinds
        for (const [round, after] of [...leaves, length + 1].entries()) {
          const how = round % 2 === 0 ? 'return' : 'abort'
          const run = await play(given, { onError: 'yield', from: position }, { after, how })
          const repeated = run.items.filter(({ index }) => seen.includes(index))
          expect(repeated.length).toBeLessThanOrEqual(given.shape.ordered ? 0 : given.shape.maxInFlight)
          seen.push(...run.items.map(({ index }) => index))
          // All that a consumer keeps.
          position = run.items.at(-1)?.position ?? position
          expect(range(0, position).every((index) => seen.includes(index))).toBe(true)
        }
        expect([...new Set(seen)].sort((a, b) => a - b)).toEqual(range(0, length))
        if (given.shape.ordered) expect(seen).toEqual(range(0, length))
      }),
      { numRuns: 100 },
    )
  })

  it('tells of progress that is never ahead of what the consumer has done with', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (given) => {
        const told: StreamProgress[] = []
        const run = await play(
          given,
          { onError: 'yield', onProgress: (progress) => void told.push(progress) },
          undefined,
        )
        const { length } = given.kinds
        expect(told.at(-1)).toEqual({ done: length, position: length })
        for (const [place, { done, position }] of told.entries()) {
          expect(position).toBeLessThanOrEqual(done)
          expect(done).toBeGreaterThanOrEqual(told[place - 1]?.done ?? 0)
          expect(position).toBeGreaterThanOrEqual(told[place - 1]?.position ?? 0)
        }
        expect(run.error).toBeUndefined()
      }),
      { numRuns: 60 },
    )
  })
})
