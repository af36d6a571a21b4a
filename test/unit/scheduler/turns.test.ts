/** Which lane goes next: the urgent one, and still neither starves, whichever of them saturates. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { Lane } from '../../../src/scheduler/scheduler.js'
import { LANES, Scheduler } from '../../../src/scheduler/scheduler.js'
import { LIMITS, lengthsOf, must, ownersOf, text } from './texts.js'

/** A batch each. */
const LONG = 90

describe('the lanes', () => {
  it('go interactive first, however old the bulk is, until it had its turns', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    for (let index = 0; index < 3; index++) scheduler.submit(text(LONG, { lane: 'bulk' }), 'bulk', 0)
    for (let index = 0; index < 9; index++) scheduler.submit(text(LONG), 'urgent', 5000)
    const order = Array.from({ length: 12 }, () => scheduler.take(5000, 1)?.lane)
    const four = Array.from({ length: 4 }, () => 'interactive')
    expect(order).toEqual([...four, 'bulk', ...four, 'bulk', 'interactive', 'bulk'])
    expect(scheduler.take(5000, 1)).toBeUndefined()
  })

  it('give bulk no turn before its oldest text has waited long', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS, bulkAgeMs: 1000 })
    for (let index = 0; index < 8; index++) scheduler.submit(text(LONG), 'urgent', 0)
    scheduler.submit(text(LONG, { lane: 'bulk' }), 'bulk', 0)
    const lanes = [0, 0, 0, 0, 999, 999, 1000, 1000].map((now) => scheduler.take(now, 1)?.lane)
    expect(lanes.indexOf('bulk')).toBe(6)
  })

  it('never share a batch: filling up with bulk would make the urgent text wait', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    for (const lane of LANES) scheduler.submit(text(10, { lane }), lane, 0)
    const first = must(scheduler.take(0, 1))
    expect([first.lane, lengthsOf(first)]).toEqual(['interactive', [10]])
    expect(scheduler.take(0, 1)?.lane).toBe('bulk')
  })

  it('count a retry as a turn like any other', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS, urgentTurns: 2, bulkAgeMs: 0 })
    scheduler.submit(text(LONG, { lane: 'bulk' }), 'bulk', 0)
    scheduler.submit(text(10), 'a', 0)
    scheduler.submit(text(10), 'b', 0)
    scheduler.fail(must(scheduler.take(0, 1)))
    expect([scheduler.take(0, 1)?.lane, scheduler.take(0, 1)?.lane, scheduler.take(0, 1)?.lane]).toEqual([
      'interactive',
      'bulk',
      'interactive',
    ])
  })

  it('count the age of bulk by the oldest text of what goes again', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS, urgentTurns: 1 })
    // The second half is of the youngest and the second oldest, in this order.
    for (const [tokens, at] of [
      [10, 0],
      [13, 100],
      [11, 200],
      [12, 900],
    ] as const) {
      scheduler.submit(text(tokens, { lane: 'bulk' }), `${at}`, at)
    }
    scheduler.fail(must(scheduler.take(900, 1)))
    scheduler.take(900, 1)
    for (let index = 0; index < 3; index++) scheduler.submit(text(LONG), 'urgent', 900)
    const lanes = [900, 1099, 1100].map((now) => scheduler.take(now, 1)?.lane)
    expect(lanes).toEqual(['interactive', 'interactive', 'bulk'])
  })

  it('count the age of a text by the first who wanted it, also where two that ran meet again', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS, urgentTurns: 1 })
    const same = () => text(10, { lane: 'bulk', id: -1 })
    scheduler.submit(same(), 'first', 0)
    const first = must(scheduler.take(0, 1))
    scheduler.submit(same(), 'second', 500)
    const second = must(scheduler.take(500, 1))
    scheduler.giveBack(first)
    scheduler.giveBack(second)
    for (let index = 0; index < 2; index++) scheduler.submit(text(LONG), 'urgent', 900)
    const batches = [900, 1000].map((now) => must(scheduler.take(now, 1)))
    expect(batches.map(({ lane }) => lane)).toEqual(['interactive', 'bulk'])
    expect(batches[1]?.since).toBe(0)
  })

  it('tell when a batch was taken and since when its oldest text has waited', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    scheduler.submit(text(10), 'a', 3)
    scheduler.submit(text(10), 'b', 7)
    expect(scheduler.take(20, 1)).toMatchObject({ id: 1, takenAt: 20, since: 3, tokens: 20, retried: false })
  })
})

/** One batch of a simulated run. */
interface Turn {
  readonly lane: Lane
  readonly now: number
  /** Batches taken between the submission of each of its texts and this one. */
  readonly waited: readonly number[]
}

interface Load {
  readonly threads: number
  /** How long batches run, in turn, in milliseconds. */
  readonly runMs: readonly number[]
  /** Texts that come in before a turn, each of them a batch. */
  readonly arrivals: (turn: number, now: number) => Readonly<Partial<Record<Lane, number>>>
}

const TURNS = 1_000

/** Runs batches on threads; the clock jumps to whichever thread is free first. */
function simulate({ threads, runMs, arrivals }: Load): readonly Turn[] {
  const scheduler = new Scheduler<number>({ limits: LIMITS })
  const freeAt = Array.from({ length: threads }, () => 0)
  return Array.from({ length: TURNS }, (_, turn) => {
    const now = Math.min(...freeAt)
    const coming = arrivals(turn, now)
    for (const lane of LANES) {
      for (let index = 0; index < (coming[lane] ?? 0); index++) scheduler.submit(text(LONG, { lane }), turn, now)
    }
    const batch = must(scheduler.take(now, 1))
    freeAt[freeAt.indexOf(now)] = now + (runMs[turn % runMs.length] ?? 1)
    return {
      lane: batch.lane,
      now,
      waited: scheduler
        .succeed(batch)
        .flatMap(ownersOf)
        .map((owner) => turn - owner),
    }
  })
}

/** How many of each five turns in a row are bulk's. */
function bulkOfFive(turns: readonly Turn[]): readonly number[] {
  return turns.slice(4).map((_, at) => turns.slice(at, at + 5).filter(({ lane }) => lane === 'bulk').length)
}

const anyThreads = fc.integer({ min: 1, max: 4 })
const anyRuns = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 10 })

describe('neither lane starves', () => {
  it('where interactive saturates: bulk has one batch of five from when it has waited a second', () => {
    fc.assert(
      fc.property(anyThreads, anyRuns, fc.integer({ min: 1, max: 3 }), (threads, runMs, interactive) => {
        const arrivals = (turn: number) => ({ interactive, bulk: turn === 0 ? 200 : 0 })
        const turns = simulate({ threads, runMs, arrivals })
        expect(turns.filter(({ lane, now }) => lane === 'bulk' && now < 1000)).toEqual([])
        const later = turns.filter(({ now }) => now >= 1000)
        expect(later.length < 5 || bulkOfFive(later).every((count) => count === 1)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('where bulk saturates: an urgent text waits for one batch at most once a thread is free', () => {
    const anyComing = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(anyThreads, anyRuns, anyComing, (threads, runMs, coming) => {
        const arrivals = (turn: number) => ({
          interactive: coming[turn % coming.length] === true && turn % 5 !== 4 ? 1 : 0,
          bulk: turn === 0 ? TURNS : 0,
        })
        const urgent = simulate({ threads, runMs, arrivals }).filter(({ lane }) => lane === 'interactive')
        expect(Math.max(0, ...urgent.flatMap(({ waited }) => waited))).toBeLessThanOrEqual(1)
      }),
      { numRuns: 50 },
    )
  })

  it('where both saturate: four batches of five are urgent, and one is bulk', () => {
    fc.assert(
      fc.property(anyThreads, (threads) => {
        const arrivals = () => ({ interactive: 2, bulk: 2 })
        const turns = simulate({ threads, runMs: [300], arrivals }).filter(({ now }) => now >= 1500)
        expect(new Set(bulkOfFive(turns))).toEqual(new Set([1]))
      }),
      { numRuns: 10 },
    )
  })
})
