/** Nothing in the scheduler takes longer for how much waits in it. */
import { describe, expect, it } from 'vitest'

import { Scheduler } from '../../../src/scheduler/scheduler.js'
import { must, ownersOf, text } from './texts.js'

const LIMITS = { runTokens: 512, paddedPlaces: 1024, aloneFrom: 512 }

describe('a million short texts', () => {
  it('go through in seconds: no step takes longer for how much waits', () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    const count = 1_000_000
    const started = performance.now()
    for (let index = 0; index < count; index++) {
      scheduler.submit(text(4 + (index % 13), { lane: 'bulk', id: index }), index, 0)
    }
    let served = 0
    for (let batch = scheduler.take(0, 2); batch !== undefined; batch = scheduler.take(0, 2)) {
      for (const tickets of scheduler.succeed(batch)) served += tickets.length
    }
    expect(served).toBe(count)
    // 3 s on an idle machine; quadratic, it would be hours.
    expect(performance.now() - started).toBeLessThan(25_000)
  })
})

describe('a ticket that is withdrawn', () => {
  it('is not kept: a text that stays while thousands come and go does not remember them', () => {
    const scheduler = new Scheduler<{ index: number }>({ limits: LIMITS })
    scheduler.submit(text(10, { id: -1 }), { index: -1 }, 0)
    const started = performance.now()
    for (let index = 0; index < 100_000; index++) {
      scheduler.withdraw(scheduler.submit(text(10, { id: -1 }), { index }, 0))
    }
    // Quadratic, it would be minutes.
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(must(scheduler.take(0, 1)).tickets.flatMap(ownersOf)).toEqual([{ index: -1 }])
  })

  it('takes no longer for a place in the middle: a hundred thousand go in any order', () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    const count = 100_000
    const tickets = Array.from({ length: count }, (_, index) => scheduler.submit(text(3, { lane: 'bulk' }), index, 0))
    const started = performance.now()
    for (let index = 0; index < count; index++) scheduler.withdraw(must(tickets[(index * 7_919) % count]))
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(scheduler.waiting).toEqual({ texts: 0, tokens: 0 })
  })
})
