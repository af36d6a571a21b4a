/** Nothing in the scheduler takes longer for how much waits in it, or keeps what is gone. */
import v8 from 'node:v8'
import vm from 'node:vm'

import { describe, expect, it } from 'vitest'

import { Scheduler } from '../../../src/scheduler/scheduler.js'
import { must, ownersOf, text } from './texts.js'

const LIMITS = { runTokens: 512, paddedPlaces: 1024, aloneFrom: 512 }

/** Processor seconds that none of it comes near; if it grew with the square it would take more, and hours for most. */
const AGES_S = 20

/** What this process has computed, in seconds: other than the time, it does not depend on what else is running. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Collects garbage, without a flag for all tests. */
function collectGarbage(): void {
  v8.setFlagsFromString('--expose-gc')
  vm.runInNewContext('gc()')
}

describe('a million short texts', () => {
  it('go through in seconds', { timeout: 120_000 }, () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    const count = 1_000_000
    const started = processorSeconds()
    for (let index = 0; index < count; index++) {
      scheduler.submit(text(4 + (index % 13), { lane: 'bulk', id: index }), index, 0)
    }
    let served = 0
    for (let batch = scheduler.take(0, 2); batch !== undefined; batch = scheduler.take(0, 2)) {
      for (const tickets of scheduler.succeed(batch)) served += tickets.length
    }
    expect(served).toBe(count)
    expect(processorSeconds() - started).toBeLessThan(AGES_S)
  })
})

describe('a hundred thousand tickets', () => {
  it('are withdrawn from any place', { timeout: 120_000 }, () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    const count = 100_000
    const tickets = Array.from({ length: count }, (_, index) => scheduler.submit(text(3, { lane: 'bulk' }), index, 0))
    const started = processorSeconds()
    for (let index = 0; index < count; index++) scheduler.withdraw(must(tickets[(index * 7_919) % count]))
    expect(processorSeconds() - started).toBeLessThan(AGES_S)
    expect(scheduler.waiting).toEqual({ texts: 0, tokens: 0 })
  })

  it('that are withdrawn from a text that stays are not kept', async () => {
    const scheduler = new Scheduler<object>({ limits: LIMITS })
    const stays = { name: 'stays' }
    const same = () => text(10, { id: -1 })
    scheduler.submit(same(), stays, 0)
    const gone = Array.from({ length: 100_000 }, (_, index) => {
      const owner = { index }
      scheduler.withdraw(scheduler.submit(same(), owner, 0))
      return new WeakRef(owner)
    })
    // A weak reference holds until the task that made it ends.
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
    expect(gone.filter((owner) => owner.deref() !== undefined).length).toBeLessThan(10)
    expect(must(scheduler.take(0, 1)).tickets.flatMap(ownersOf)).toEqual([stays])
  })
})
