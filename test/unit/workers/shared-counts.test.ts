import { Worker } from 'node:worker_threads'

import { describe, expect, it } from 'vitest'

import type { SharedCounts } from '../../../workers/shared-counts.js'
import {
  countLoad,
  end,
  forbidRuns,
  loadsOf,
  sharedCounts,
  tryBegin,
  waitUntilIdle,
  whenIdle,
} from '../../../workers/shared-counts.js'

/** Longer than any thread of these tests takes. */
const LONG_MS = 20_000

/** Marks another thread's counts idle from that thread, after `ms`. */
async function endFromAnotherThread(shared: SharedCounts, ms: number): Promise<Worker> {
  // The third count is `busy`.
  const source = `const { parentPort, workerData } = require('node:worker_threads')
    parentPort.postMessage('here')
    setTimeout(() => { Atomics.store(workerData, 2, 0); Atomics.notify(workerData, 2) }, ${ms})`
  const thread = new Worker(source, { eval: true, workerData: shared })
  await new Promise((resolve) => thread.once('message', resolve))
  return thread
}

describe('shared counts', () => {
  it('count loads', () => {
    const shared = sharedCounts()
    expect(loadsOf(shared)).toBe(0)
    countLoad(shared)
    countLoad(shared)
    expect(loadsOf(shared)).toBe(2)
  })

  it('are of one worker each', () => {
    const [one, other] = [sharedCounts(), sharedCounts()]
    tryBegin(one)
    forbidRuns(one)
    expect(waitUntilIdle(one, 0)).toBe(false)
    expect(waitUntilIdle(other, 0)).toBe(true)
    expect(tryBegin(other)).toBe(true)
  })

  it('let nobody begin once runs are forbidden, and leave nobody busy', () => {
    const shared = sharedCounts()
    forbidRuns(shared)
    expect(tryBegin(shared)).toBe(false)
    expect(waitUntilIdle(shared, 0)).toBe(true)
  })

  it('can be taken back for a thread that ended while it was busy', async () => {
    const shared = sharedCounts()
    tryBegin(shared)
    let isIdle = false
    const idle = whenIdle(shared).then(() => (isIdle = true))
    await Promise.resolve()
    expect(isIdle).toBe(false)
    end(shared)
    await idle
    expect(waitUntilIdle(shared, 0)).toBe(true)
  })
})

describe('waiting for another thread', () => {
  it('blocks until it is idle', async () => {
    const shared = sharedCounts()
    tryBegin(shared)
    const thread = await endFromAnotherThread(shared, 50)
    expect(waitUntilIdle(shared, LONG_MS)).toBe(true)
    await thread.terminate()
  })

  it('gives up after the time it was given', () => {
    const shared = sharedCounts()
    tryBegin(shared)
    expect(waitUntilIdle(shared, 20)).toBe(false)
  })

  it('is done at once where nobody is busy, blocking or not', async () => {
    const shared = sharedCounts()
    expect(waitUntilIdle(shared, LONG_MS)).toBe(true)
    await whenIdle(shared)
  })

  it('resolves without blocking', async () => {
    const shared = sharedCounts()
    tryBegin(shared)
    const thread = await endFromAnotherThread(shared, 50)
    await whenIdle(shared)
    expect(waitUntilIdle(shared, 0)).toBe(true)
    await thread.terminate()
  })
})
