/** Identical texts that wait together are run once. */
import { describe, expect, it } from 'vitest'

import { Scheduler } from '../../../src/scheduler/scheduler.js'
import { hashText, isSameText } from '../../../src/scheduler/text-identity.js'
import { LIMITS, VARIANT, collidingTexts, must, ownersOf, text } from './texts.js'

const bulk = { lane: 'bulk' } as const

describe('identical texts that wait', () => {
  it('are one row, and its result is for all, in the order they came', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    const same = () => text(30, { id: -1 })
    for (const owner of ['a', 'b', 'c']) scheduler.submit(same(), owner, 0)
    expect(scheduler.waiting).toEqual({ texts: 1, tokens: 30 })
    const batch = must(scheduler.take(0, 1))
    expect([batch.texts.length, batch.tokens]).toEqual([1, 30])
    expect(scheduler.running).toEqual({ texts: 1, tokens: 30, batches: 1 })
    expect(scheduler.succeed(batch).map(ownersOf)).toEqual([['a', 'b', 'c']])
  })

  it('are not joined where the head or the scaling differs, or one id', () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    const one = text(5, { id: -1 })
    const last = Int32Array.from(one.ids)
    last[4] = 1
    scheduler.submit(one, 0, 0)
    scheduler.submit({ ...one, variant: { ...VARIANT, dimensions: 256 } }, 1, 0)
    scheduler.submit({ ...one, variant: { ...VARIANT, normalize: false } }, 2, 0)
    scheduler.submit({ ...one, ids: last }, 3, 0)
    scheduler.submit({ ...one, ids: one.ids.subarray(0, 4) }, 4, 0)
    expect(scheduler.waiting.texts).toBe(5)
  })

  it('do not join one that runs: it may be about to fail', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    scheduler.submit(text(30, { id: -1 }), 'a', 0)
    const first = must(scheduler.take(0, 1))
    scheduler.submit(text(30, { id: -1 }), 'b', 0)
    const second = must(scheduler.take(0, 1))
    expect(scheduler.succeed(second).map(ownersOf)).toEqual([['b']])
    expect(ownersOf(scheduler.fail(first))).toEqual(['a'])
  })

  it('become urgent together, at the end of the urgent lane, once one of them is', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    scheduler.submit(text(60, { id: -1, ...bulk }), 'bulk', 0)
    scheduler.submit(text(60), 'first', 0)
    const ticket = scheduler.submit(text(60, { id: -1 }), 'urgent', 5)
    expect([scheduler.waiting.texts, ticket.lane]).toEqual([2, 'interactive'])
    const batches = [must(scheduler.take(9, 1)), must(scheduler.take(9, 1))]
    expect(batches.map(({ lane }) => lane)).toEqual(['interactive', 'interactive'])
    expect(batches.flatMap((batch) => scheduler.succeed(batch)).map(ownersOf)).toEqual([['first'], ['bulk', 'urgent']])
    expect(batches[1]?.since).toBe(0)
  })

  it('stay urgent where one comes for bulk', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    scheduler.submit(text(30, { id: -1 }), 'urgent', 0)
    scheduler.submit(text(30, { id: -1, ...bulk }), 'bulk', 0)
    expect(scheduler.take(0, 1)?.lane).toBe('interactive')
    expect(scheduler.take(0, 1)).toBeUndefined()
  })

  it('meet again: one that failed with others takes over one that came while it ran', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    scheduler.submit(text(30, { id: -1, ...bulk }), 'a', 0)
    scheduler.submit(text(31, bulk), 'x', 1)
    scheduler.submit(text(32, bulk), 'y', 2)
    const batch = must(scheduler.take(3, 1))
    scheduler.submit(text(30, { id: -1 }), 'b', 4)
    expect(scheduler.fail(batch)).toEqual([])
    expect(scheduler.waiting).toEqual({ texts: 3, tokens: 93 })
    // In the lane of the more urgent, so alone.
    const first = must(scheduler.take(5, 1))
    expect([first.lane, first.since]).toEqual(['interactive', 0])
    expect(scheduler.succeed(first).map(ownersOf)).toEqual([['a', 'b']])
    expect([scheduler.take(5, 1), scheduler.take(5, 1)].map((next) => next?.tickets.flatMap(ownersOf))).toEqual([
      ['x'],
      ['y'],
    ])
  })

  it('that go again become urgent as well, by themselves, and before what has not run', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    const ids = [-1, -2, -3, -4]
    for (const id of ids) scheduler.submit(text(10, { id, ...bulk }), `bulk ${id}`, 0)
    scheduler.fail(must(scheduler.take(0, 1)))
    scheduler.submit(text(10), 'fresh', 0)
    scheduler.submit(text(10, { id: -2 }), 'urgent -2', 0)
    const batches = [1, 2, 3, 4].map(() => must(scheduler.take(0, 1)))
    expect(batches.map(({ lane, tickets }) => [lane, ...tickets.map((row) => ownersOf(row).join('+'))])).toEqual([
      ['interactive', 'bulk -2+urgent -2'],
      ['interactive', 'fresh'],
      ['bulk', 'bulk -1'],
      ['bulk', 'bulk -3', 'bulk -4'],
    ])
  })

  it('are found whatever came and went in between', () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    for (let round = 0; round < 100; round++) {
      const first = scheduler.submit(text(3, { id: -1 }), round, 0)
      scheduler.submit(text(3, { id: -1 }), round, 0)
      expect(scheduler.waiting.texts).toBe(1)
      if (round % 3 === 0) scheduler.drain()
      else if (round % 3 === 1) scheduler.succeed(must(scheduler.take(0, 1)))
      else scheduler.withdraw(first)
      if (round % 3 === 2) scheduler.drain()
    }
  })
})

describe('texts whose hashes collide', () => {
  const [one, other] = collidingTexts()

  it('are made by whoever wants to', () => {
    expect(hashText(one)).toBe(hashText(other))
    expect(isSameText(one, other)).toBe(false)
  })

  it('are run each by itself, and results go to whom they belong', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    for (const [owner, text] of [
      ['one', one],
      ['other', other],
      ['one again', one],
      ['other again', other],
    ] as const) {
      scheduler.submit(text, owner, 0)
    }
    const batch = must(scheduler.take(0, 1))
    const rows = scheduler.succeed(batch).map(ownersOf)
    for (const [row, owners] of rows.entries()) {
      const expected = batch.texts[row]?.join() === one.ids.join() ? 'one' : 'other'
      expect(owners.every((owner) => owner.startsWith(expected))).toBe(true)
    }
    expect(rows.flat().toSorted()).toEqual(['one', 'one again', 'other', 'other again'])
    expect(scheduler.waiting.texts).toBe(0)
  })

  it('do not hide who was there first, when the other comes and when it goes', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    scheduler.submit(one, 'one', 0)
    const gone = scheduler.submit(other, 'other', 0)
    scheduler.submit(one, 'one again', 0)
    expect(scheduler.waiting.texts).toBe(2)
    scheduler.withdraw(gone)
    scheduler.submit(one, 'one still', 0)
    expect(scheduler.waiting.texts).toBe(1)
  })

  it('do not put one another in quarantine', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    scheduler.submit(one, 'one', 0)
    scheduler.lose(must(scheduler.take(0, 1)))
    scheduler.lose(must(scheduler.take(0, 1)))
    expect([scheduler.isQuarantined(one), scheduler.isQuarantined(other)]).toEqual([true, false])
  })
})
