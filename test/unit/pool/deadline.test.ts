/** A call's signal: it follows the caller's, ends with the deadline, and leaves nothing behind. */
import { getEventListeners } from 'node:events'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { abortedError, untilAborted } from '../../../src/files/cancellation.js'
import { withDeadline } from '../../../src/pool/deadline.js'
import { failureOf } from '../../support/failure.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** Work that ends with its signal only. */
function forever(signal: AbortSignal | undefined): Promise<never> {
  return untilAborted(signal, new Promise<never>(() => undefined), 'waiting')
}

describe('without a deadline', () => {
  it('there is no signal where the caller gave none', async () => {
    expect(await withDeadline(undefined, undefined, (signal) => Promise.resolve(signal))).toBeUndefined()
  })

  it('the signal follows the caller’s, with its reason', async () => {
    const caller = new AbortController()
    const call = failureOf(() => withDeadline(caller.signal, undefined, forever))
    caller.abort('enough')
    expect(await call).toMatchObject({ code: 'ABORTED', cause: 'enough' })
  })
})

describe('a deadline', () => {
  it('ends the call with TIMEOUT, which says how long it had', async () => {
    const call = failureOf(() => withDeadline(undefined, 250, forever))
    await vi.advanceTimersByTimeAsync(249)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await call).toMatchObject({ code: 'TIMEOUT', details: { deadlineMs: 250 } })
  })

  it('gives way to a caller who gives up before', async () => {
    const caller = new AbortController()
    const call = failureOf(() => withDeadline(caller.signal, 250, forever))
    caller.abort()
    expect((await call).code).toBe('ABORTED')
  })

  it('comes before a caller who gives up later', async () => {
    const caller = new AbortController()
    const call = failureOf(() =>
      withDeadline(caller.signal, 250, async (signal) => {
        await failureOf(() => forever(signal))
        caller.abort()
        await Promise.resolve()
        throw signal === undefined ? new Error('no signal') : abortedError(signal, 'waiting')
      }),
    )
    await vi.advanceTimersByTimeAsync(250)
    expect((await call).code).toBe('TIMEOUT')
  })

  it('of a caller who has given up already is not waited for', async () => {
    const reason = new StellaError('POOL_CLOSED', 'given up')
    expect(await failureOf(() => withDeadline(AbortSignal.abort(reason), 250, forever))).toBe(reason)
  })
})

describe('nothing is left behind', () => {
  const caller = new AbortController()
  afterEach(() => {
    expect(getEventListeners(caller.signal, 'abort')).toEqual([])
  })

  it('by work that succeeds', async () => {
    expect(await withDeadline(caller.signal, 1000, () => Promise.resolve('done'))).toBe('done')
  })

  it('by work that fails', async () => {
    const work = (): Promise<never> => Promise.reject(new StellaError('INTERNAL', 'no'))
    expect((await failureOf(() => withDeadline(caller.signal, 1000, work))).code).toBe('INTERNAL')
  })

  it('by work that throws at once', async () => {
    const work = (): Promise<never> => {
      throw new StellaError('INTERNAL', 'no')
    }
    expect((await failureOf(() => withDeadline(caller.signal, 1000, work))).code).toBe('INTERNAL')
  })

  it('by a hundred calls that share a signal, and put one listener on it between them', async () => {
    let finish = (): void => undefined
    const work = new Promise<void>((resolve) => {
      finish = resolve
    })
    const calls = Array.from({ length: 100 }, () => withDeadline(caller.signal, 1000, () => work))
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1)
    finish()
    await Promise.all(calls)
  })
})
