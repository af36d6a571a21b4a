/** Which texts make a batch. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { fillBatch } from '../../../src/scheduler/batch-former.js'
import type { TextToRun } from '../../../src/scheduler/scheduler.js'
import { Scheduler } from '../../../src/scheduler/scheduler.js'
import { LIMITS, VARIANT, lengthsOf, must, ownersOf, text } from './texts.js'

/** A scheduler in which texts of these lengths wait. */
function waiting(lengths: readonly number[], options: { window?: number; minSplitTokens?: number } = {}) {
  const scheduler = new Scheduler<number>({ limits: LIMITS, ...options })
  for (const [index, length] of lengths.entries()) scheduler.submit(text(length), index, index)
  return scheduler
}

/** The lengths of all batches, with so many threads free for each. */
function batchesOf(scheduler: Scheduler<number>, rooms: readonly number[] = []): readonly (readonly number[])[] {
  const batches: (readonly number[])[] = []
  for (let batch = scheduler.take(0, rooms[0] ?? 1); batch !== undefined;) {
    batches.push(must(lengthsOf(batch)))
    scheduler.succeed(batch)
    batch = scheduler.take(0, rooms[batches.length] ?? 1)
  }
  return batches
}

describe('a batch', () => {
  it('is the oldest text and the nearest in length, as many as fit', () => {
    expect(batchesOf(waiting([20, 45, 21, 5, 18, 22, 20]))).toEqual([
      [20, 20, 21, 18, 5],
      [45, 22],
    ])
  })

  it('takes the older of two that are as near', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    scheduler.submit(text(40), 'lead', 0)
    for (const owner of ['first', 'second']) scheduler.submit(text(40), owner, 0)
    scheduler.submit(text(40), 'third', 0)
    expect(ownersOf(must(scheduler.take(0, 1)).tickets.flat())).toEqual(['lead', 'first'])
  })

  it('holds no more tokens than a run may have', () => {
    expect(batchesOf(waiting([50, 50, 1]))).toEqual([[50, 50], [1]])
    expect(batchesOf(waiting([50, 51, 50]))).toEqual([[50, 50], [51]])
  })

  it('holds no more padded places than a run may have, also where the lead is the shorter', () => {
    // 5 × 40 are 200 places; a sixth text of one token would be 6 × 40.
    expect(batchesOf(waiting([40, 10, 10, 10, 10, 10]))).toEqual([[40, 10, 10, 10, 10], [10]])
    expect(batchesOf(waiting([1, 1, 1, 1, 1, 40]))).toEqual([[1, 1, 1, 1, 1], [40]])
  })

  it('is a long text alone, with whatever room there would be', () => {
    expect(batchesOf(waiting([80, 5, 79, 80]))).toEqual([[80], [5, 79], [80]])
  })

  it('is a text longer than a run may be alone', () => {
    expect(batchesOf(waiting([101, 1]))).toEqual([[101], [1]])
    const limits = { runTokens: 10, paddedPlaces: 20, aloneFrom: 80 }
    const scheduler = new Scheduler<number>({ limits })
    for (const length of [5, 30, 5, 11]) scheduler.submit(text(length), 0, 0)
    expect(batchesOf(scheduler)).toEqual([[5, 5], [30], [11]])
  })

  it('looks no further than its window', () => {
    expect(batchesOf(waiting([20, 50, 50, 20, 20], { window: 3 }))).toEqual([
      [20, 50],
      [50, 20, 20],
    ])
    expect(batchesOf(waiting([20, 20], { window: 1 }))).toEqual([[20], [20]])
  })

  it('is of one variant, and the oldest of all variants comes first', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    const variants = [VARIANT, { ...VARIANT, dimensions: 256 }, { ...VARIANT, normalize: false }] as const
    for (const round of [1, 2]) {
      for (const variant of variants) scheduler.submit(text(10, { variant }), `${variant.dimensions}.${round}`, 0)
    }
    const batches = variants.map(() => must(scheduler.take(0, 1)))
    expect(batches.map(({ variant }) => variant)).toEqual(variants)
    expect(batches.map(({ texts }) => texts.length)).toEqual([2, 2, 2])
  })

  it('sees a window of its own variant: those of another do not hide its neighbours', () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS, window: 2 })
    const other = { ...VARIANT, dimensions: 64 }
    scheduler.submit(text(10), 0, 0)
    for (let index = 0; index < 5; index++) scheduler.submit(text(10, { variant: other }), 1, 0)
    scheduler.submit(text(10), 2, 0)
    expect(must(scheduler.take(0, 1)).tickets.flatMap(ownersOf)).toEqual([0, 2])
  })

  it('has its texts and their tickets row by row', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    const [one, two] = [text(7), text(7)]
    const tickets = [scheduler.submit(one, 'one', 0), scheduler.submit(two, 'two', 0)]
    const batch = must(scheduler.take(0, 1))
    expect(batch.texts).toEqual([one.ids, two.ids])
    expect(batch.tickets).toEqual(tickets.map((ticket) => [ticket]))
    expect(scheduler.succeed(batch)).toEqual(tickets.map((ticket) => [ticket]))
  })
})

describe('little work and several threads', () => {
  it('is shared: a batch is no more than its part of what waits', () => {
    expect(batchesOf(waiting([10, 10, 10, 10, 10, 10], { minSplitTokens: 10 }), [3, 2, 1])).toEqual([
      [10, 10],
      [10, 10],
      [10, 10],
    ])
    // Half of 50 tokens are two texts; the last thread takes the rest.
    expect(batchesOf(waiting([10, 10, 10, 10, 10], { minSplitTokens: 10 }), [2, 1])).toEqual([
      [10, 10],
      [10, 10, 10],
    ])
  })

  it('is not cut finer than is worth a run', () => {
    expect(batchesOf(waiting([10, 10, 10, 10], { minSplitTokens: 40 }), [4])).toEqual([[10, 10, 10, 10]])
    // 64 tokens by default.
    expect(batchesOf(waiting([32, 32, 32]), [4])).toEqual([[32, 32], [32]])
  })

  it('is not cut where there is enough for all', () => {
    const lengths = Array.from({ length: 12 }, () => 25)
    expect(batchesOf(waiting(lengths, { minSplitTokens: 1 }), [3, 2, 1])).toEqual([
      [25, 25, 25, 25],
      [25, 25, 25, 25],
      [25, 25, 25, 25],
    ])
  })

  it('never makes a batch larger than a run may be, whatever a part comes to', () => {
    expect(batchesOf(waiting([50, 50, 50], { minSplitTokens: 1000 }), [2, 1])).toEqual([[50, 50], [50]])
  })

  it('counts only the lane that the batch is of', () => {
    const scheduler = waiting([10, 10, 10, 10], { minSplitTokens: 1 })
    for (let index = 0; index < 4; index++) scheduler.submit(text(20, { lane: 'bulk' }), index, 0)
    expect(lengthsOf(scheduler.take(0, 2))).toEqual([10, 10])
  })
})

describe('filling', () => {
  const anySizes = fc.array(
    fc.record({ tokens: fc.integer({ min: 1, max: 120 }), losses: fc.constantFrom(0, 0, 0, 0, 0, 1) }),
    { minLength: 1, maxLength: 60 },
  )
  const anyBudget = fc.integer({ min: 1, max: LIMITS.runTokens })

  it('keeps to all limits, has the lead first and nobody twice', () => {
    fc.assert(
      fc.property(anySizes, anyBudget, ([lead = { tokens: 1, losses: 0 }, ...others], budget) => {
        const batch = fillBatch(lead, others, LIMITS, budget)
        expect(batch[0]).toBe(lead)
        expect(new Set(batch).size).toBe(batch.length)
        if (batch.length === 1) return
        const lengths = batch.map(({ tokens }) => tokens)
        expect(lengths.reduce((sum, length) => sum + length)).toBeLessThanOrEqual(budget)
        expect(lengths.length * Math.max(...lengths)).toBeLessThanOrEqual(LIMITS.paddedPlaces)
        expect(batch.every(({ tokens, losses }) => tokens < LIMITS.aloneFrom && losses === 0)).toBe(true)
      }),
    )
  })

  it('leaves nobody out who would have fitted', () => {
    fc.assert(
      fc.property(anySizes, anyBudget, ([lead = { tokens: 1, losses: 0 }, ...others], budget) => {
        const batch = fillBatch(lead, others, LIMITS, budget)
        if (lead.tokens >= LIMITS.aloneFrom || lead.losses > 0) return
        const tokens = batch.reduce((sum, text) => sum + text.tokens, 0)
        const longest = Math.max(...batch.map((text) => text.tokens))
        for (const text of others) {
          if (batch.includes(text) || text.losses > 0 || text.tokens >= LIMITS.aloneFrom) continue
          const places = (batch.length + 1) * Math.max(longest, text.tokens)
          expect(tokens + text.tokens > budget || places > LIMITS.paddedPlaces).toBe(true)
        }
      }),
    )
  })

  it('prefers the nearer: who was left out is no nearer than who went, unless it did not fit', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 40 }), (lengths) => {
        const [lead = { tokens: 5, losses: 0 }, ...others] = lengths.map((tokens) => ({ tokens, losses: 0 }))
        const batch = fillBatch(lead, others, { runTokens: 40, paddedPlaces: 1000, aloneFrom: 50 }, 40)
        const distances = batch.map(({ tokens }) => Math.abs(tokens - lead.tokens))
        expect(distances).toEqual([...distances].sort((a, b) => a - b))
      }),
    )
  })
})

describe('a scheduler refuses', () => {
  it.each([
    [{ limits: { ...LIMITS, runTokens: 0 } }, 'runTokens'],
    [{ limits: { ...LIMITS, paddedPlaces: 1.5 } }, 'paddedPlaces'],
    [{ limits: LIMITS, window: 0 }, 'window'],
    // With none, bulk would always go first.
    [{ limits: LIMITS, urgentTurns: 0 }, 'urgentTurns'],
    [{ limits: LIMITS, minSplitTokens: 1.5 }, 'minSplitTokens'],
    [{ limits: LIMITS, bulkAgeMs: Number.NaN }, 'bulkAgeMs'],
  ])('options that make no sense: %j', (options, name) => {
    expect(() => new Scheduler(options)).toThrow(`\`${name}\``)
  })

  it('a text without tokens: any number of them would fit a batch', () => {
    const empty: TextToRun = { ...text(1), ids: new Int32Array(0) }
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    expect(() => scheduler.submit(empty, 0, 0)).toThrow('without tokens')
    expect(scheduler.waiting.texts).toBe(0)
  })

  it.each([0, -1, Number.NaN, 0.5])('a batch for %s threads', (rooms) => {
    expect(() => waiting([1]).take(0, rooms)).toThrow('threads')
  })
})
