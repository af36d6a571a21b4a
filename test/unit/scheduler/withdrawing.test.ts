/** Callers that give up, and pools that close. */
import { describe, expect, it } from 'vitest'

import { Scheduler } from '../../../src/scheduler/scheduler.js'
import { LIMITS, must, ownersOf, text } from './texts.js'

describe('a ticket that is withdrawn', () => {
  it('takes its text out of the queue, and its neighbours move up', () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    const tickets = [0, 1, 2].map((owner) => scheduler.submit(text(60), owner, 0))
    expect(scheduler.withdraw(must(tickets[0]))).toBe(true)
    expect(scheduler.withdraw(must(tickets[1]))).toBe(true)
    expect(scheduler.waiting).toEqual({ texts: 1, tokens: 60 })
    expect(must(scheduler.take(0, 1)).tickets.map(ownersOf)).toEqual([[2]])
  })

  it('leaves a text that others want', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    const [a, b] = ['a', 'b'].map((owner) => scheduler.submit(text(10, { id: -1 }), owner, owner === 'a' ? 1 : 2))
    scheduler.withdraw(must(a))
    expect(scheduler.waiting.texts).toBe(1)
    const batch = must(scheduler.take(5, 1))
    expect([batch.since, batch.tickets.map(ownersOf)]).toEqual([2, [['b']]])
    expect(scheduler.withdraw(must(b))).toBe(true)
    expect(scheduler.succeed(batch)).toEqual([[]])
  })

  it('while it runs has its result discarded, and the row stays in place', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    const tickets = ['a', 'b', 'c'].map((owner) => scheduler.submit(text(10), owner, 0))
    const batch = must(scheduler.take(0, 1))
    expect(scheduler.withdraw(must(tickets[1]))).toBe(true)
    expect(scheduler.running).toEqual({ texts: 3, tokens: 30, batches: 1 })
    expect(scheduler.succeed(batch).map(ownersOf)).toEqual([['a'], [], ['c']])
  })

  it('a second time, or settled before, does nothing', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    const [waits, runs, fails] = ['waits', 'runs', 'fails'].map((owner) => scheduler.submit(text(60), owner, 0))
    scheduler.succeed(must(scheduler.take(0, 1)))
    scheduler.fail(must(scheduler.take(0, 1)))
    expect([waits, runs].map((ticket) => scheduler.withdraw(must(ticket)))).toEqual([false, false])
    expect(scheduler.withdraw(must(fails))).toBe(true)
    expect(scheduler.withdraw(must(fails))).toBe(false)
    expect(scheduler.waiting).toEqual({ texts: 0, tokens: 0 })
  })

  it('of another scheduler, or of none, is a mistake', () => {
    const [one, other] = [1, 2].map(() => new Scheduler<string>({ limits: LIMITS }))
    const ticket = must(one).submit(text(10), 'a', 0)
    expect(() => must(other).withdraw(ticket)).toThrow('did not give it')
    expect(() => must(one).withdraw({ ...ticket })).toThrow('no scheduler')
    expect(must(one).waiting.texts).toBe(1)
  })
})

describe('draining', () => {
  it('goes by the order of each lane, whatever the heads', () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    const heads = [256, 1024].map((dimensions) => ({ dimensions, normalize: true }))
    for (let owner = 0; owner < 6; owner++) scheduler.submit(text(10, { variant: must(heads[owner % 2]) }), owner, 0)
    expect(ownersOf(scheduler.drain())).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('takes out all that waits, retries included, and leaves what runs', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    for (const owner of ['a', 'b']) scheduler.submit(text(40), owner, 0)
    scheduler.fail(must(scheduler.take(0, 1)))
    const running = must(scheduler.take(0, 1))
    scheduler.submit(text(40, { lane: 'bulk' }), 'c', 0)
    scheduler.submit(text(40), 'd', 0)
    expect(ownersOf(scheduler.drain())).toEqual(['b', 'd', 'c'])
    expect([scheduler.waiting.texts, scheduler.take(0, 1)]).toEqual([0, undefined])
    expect(scheduler.drain()).toEqual([])
    expect(scheduler.succeed(running).map(ownersOf)).toEqual([['a']])
  })

  it('leaves a scheduler that can be used', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    scheduler.submit(text(10, { id: -1 }), 'a', 0)
    scheduler.drain()
    scheduler.submit(text(10, { id: -1 }), 'b', 0)
    expect(scheduler.succeed(must(scheduler.take(0, 1))).map(ownersOf)).toEqual([['b']])
  })
})
