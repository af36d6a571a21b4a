import { getEventListeners } from 'node:events'

import { describe, expect, it } from 'vitest'

import { withEitherSignal } from '../../../src/evaluation/either-signal.js'

const listeners = ({ signal }: AbortController): number => getEventListeners(signal, 'abort').length

function setUp() {
  const [callers, ours] = [new AbortController(), new AbortController()]
  let finish: () => void = () => undefined
  const begin = (): { signal: AbortSignal; done: Promise<void> } => {
    let signal: AbortSignal | undefined
    const done = withEitherSignal(callers.signal, ours.signal, (own) => {
      signal = own
      return new Promise<void>((resolve) => (finish = resolve))
    })
    if (signal === undefined) throw new Error('the work has not begun')
    return { signal, done }
  }
  return {
    callers,
    ours,
    begin,
    finish: () => {
      finish()
    },
  }
}

describe('the signal of work that two can end', () => {
  it.each(['callers', 'ours'] as const)('follows %s, with its reason', async (who) => {
    const all = setUp()
    const { signal, done } = all.begin()
    const reason = new Error('enough')
    all[who].abort(reason)
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toBe(reason)
    all.finish()
    await done
  })

  it.each(['callers', 'ours'] as const)('is aborted from the start where %s is', async (who) => {
    const all = setUp()
    all[who].abort()
    const { signal, done } = all.begin()
    expect(signal.aborted).toBe(true)
    all.finish()
    await done
  })

  it('is ours where the caller has none', async () => {
    const all = setUp()
    let given: AbortSignal | undefined
    await withEitherSignal(undefined, all.ours.signal, (signal) => {
      given = signal
      return Promise.resolve()
    })
    expect(given).toBe(all.ours.signal)
  })

  it('leaves no listener behind, and one at most with the caller', async () => {
    const [callers, ours] = [new AbortController(), new AbortController()]
    const finishes: (() => void)[] = []
    const works = [1, 2, 3].map(() => {
      return withEitherSignal(callers.signal, ours.signal, () => new Promise<void>((resolve) => finishes.push(resolve)))
    })
    expect(listeners(callers)).toBe(1)
    expect(listeners(ours)).toBe(3)
    for (const finish of finishes) finish()
    await Promise.all(works)
    expect(listeners(callers)).toBe(0)
    expect(listeners(ours)).toBe(0)
  })

  it('leaves none behind work that fails either', async () => {
    const [callers, ours] = [new AbortController(), new AbortController()]
    const error = new Error('broken')
    await expect(withEitherSignal(callers.signal, ours.signal, () => Promise.reject(error))).rejects.toBe(error)
    expect(listeners(callers) + listeners(ours)).toBe(0)
  })
})
