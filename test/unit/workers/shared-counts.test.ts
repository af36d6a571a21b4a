import { threadId } from 'node:worker_threads'

import { describe, expect, it } from 'vitest'

import {
  busyIndices,
  end,
  enterThread,
  forbidRuns,
  forgetThread,
  loadsOf,
  sharedCounts,
  tryBegin,
} from '../../../workers/shared-counts.js'

const ANOTHER_THREAD = threadId + 1

describe('shared counts', () => {
  it('count a load for each thread, and give each a busy count of its own', () => {
    const shared = sharedCounts()
    const places = [enterThread(shared, 1), enterThread(shared, 2)]
    expect(loadsOf(shared)).toBe(2)
    expect(busyIndices(shared)).toEqual(places)
    expect(tryBegin(shared, places[0] ?? 0)).toBe(true)
    expect(places.map((place) => shared[place])).toEqual([1, 0])
    end(shared, places[0] ?? 0)
    expect(places.map((place) => shared[place])).toEqual([0, 0])
  })

  it('let nobody begin once runs are forbidden, and leave nobody busy', () => {
    const shared = sharedCounts()
    const busy = enterThread(shared, 1)
    forbidRuns(shared)
    expect(tryBegin(shared, busy)).toBe(false)
    expect(shared[busy]).toBe(0)
  })

  it('take back the count of a thread that ended while it was busy, and of no other', () => {
    const shared = sharedCounts()
    const [dead, alive] = [enterThread(shared, threadId), enterThread(shared, ANOTHER_THREAD)]
    tryBegin(shared, dead)
    tryBegin(shared, alive)
    forgetThread(shared, threadId)
    expect([shared[dead], shared[alive]]).toEqual([0, 1])
  })

  it('refuse more threads than they have places for, instead of counting over each other', () => {
    const shared = sharedCounts()
    expect(() => {
      for (;;) enterThread(shared, 1)
    }).toThrow('threads were started for one model')
  })
})
