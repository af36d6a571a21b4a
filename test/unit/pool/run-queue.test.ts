import { getEventListeners } from 'node:events'

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { RunQueue } from '../../../src/pool/run-queue.js'
import { failureOf } from '../../support/failure.js'

/** Work that ends when it is told to. */
function work<T = void>() {
  let finish: (value: T) => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const ended = new Promise<T>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  return { run: vi.fn(() => ended), finish, fail }
}

/** Lets everything that can happen without time happen. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('a queue', () => {
  it('runs so many at a time, first come first served', async () => {
    const queue = new RunQueue(2)
    const works = Array.from({ length: 5 }, () => work())
    const calls = works.map(({ run }) => queue.run(run, undefined))
    const begun = () => works.map(({ run }) => run.mock.calls.length)
    await settle()
    expect([begun(), queue.waiting]).toEqual([[1, 1, 0, 0, 0], 3])
    works[1]?.finish()
    await settle()
    expect([begun(), queue.waiting]).toEqual([[1, 1, 1, 0, 0], 2])
    works[0]?.finish()
    works[2]?.finish()
    await settle()
    expect([begun(), queue.waiting]).toEqual([[1, 1, 1, 1, 1], 0])
    for (const { finish } of works) finish()
    await Promise.all(calls)
  })

  it('gives what the work gives, and rejects with what it throws', async () => {
    const queue = new RunQueue(1)
    expect(await queue.run(() => Promise.resolve(7), undefined)).toBe(7)
    const failure = new Error('work')
    await expect(queue.run(() => Promise.reject(failure), undefined)).rejects.toBe(failure)
    await expect(queue.run(() => Promise.reject(failure), new AbortController().signal)).rejects.toBe(failure)
  })

  it('frees the place of work that fails, also of work that throws before it returns a promise', async () => {
    const queue = new RunQueue(1)
    const thrower = (): Promise<never> => {
      throw new Error('at once')
    }
    for (let round = 0; round < 3; round++) {
      await expect(queue.run(thrower, undefined)).rejects.toThrow('at once')
      await expect(queue.run(() => Promise.reject(new Error('later')), undefined)).rejects.toThrow('later')
    }
    expect(await queue.run(() => Promise.resolve('free'), undefined)).toBe('free')
  })

  it('never runs more than its limit and begins in order, whatever ends when', async () => {
    const scenario = fc.record({
      limit: fc.integer({ min: 1, max: 4 }),
      works: fc.array(fc.record({ fails: fc.boolean(), aborted: fc.boolean() }), { minLength: 1, maxLength: 20 }),
      picks: fc.infiniteStream(fc.nat()),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ limit, works, picks }) => {
        const queue = new RunQueue(limit)
        const begun: number[] = []
        const running = new Map<number, () => void>()
        let most = 0
        const controllers = works.map(() => new AbortController())
        const calls = works.map(({ fails }, index) =>
          queue.run(() => {
            begun.push(index)
            return new Promise<number>((resolve, reject) => {
              running.set(index, () => {
                if (fails) reject(new Error('failed'))
                else resolve(index)
              })
              most = Math.max(most, running.size)
            })
          }, controllers[index]?.signal),
        )
        const outcomes = Promise.allSettled(calls)
        for (const [index, { aborted }] of works.entries()) if (aborted) controllers[index]?.abort()
        await settle()
        while (running.size > 0) {
          const index = [...running.keys()][(picks.next().value ?? 0) % running.size] ?? 0
          running.get(index)?.()
          running.delete(index)
          await settle()
        }
        for (const [index, outcome] of (await outcomes).entries()) {
          const { fails, aborted } = works[index] ?? {}
          expect(outcome.status).toBe(fails === true || aborted === true ? 'rejected' : 'fulfilled')
        }
        expect(most).toBeLessThanOrEqual(limit)
        expect(begun).toEqual([...begun].sort((a, b) => a - b))
        expect(queue.waiting).toBe(0)
        for (const { signal } of controllers) expect(listenersOf(signal)).toBe(0)
      }),
      { numRuns: 40 },
    )
  })
})

describe('an abort', () => {
  it('before the call runs nothing', async () => {
    const { run } = work()
    expect((await failureOf(() => new RunQueue(1).run(run, AbortSignal.abort()))).code).toBe('ABORTED')
    expect(run).not.toHaveBeenCalled()
  })

  it('withdraws work that waits, at once, and leaves its neighbours in place', async () => {
    const queue = new RunQueue(1)
    const [first, second, third] = [work(), work(), work()]
    const controller = new AbortController()
    const firstCall = queue.run(first.run, undefined)
    const secondCall = failureOf(() => queue.run(second.run, controller.signal))
    const thirdCall = queue.run(third.run, undefined)
    await settle()
    controller.abort()
    expect((await secondCall).code).toBe('ABORTED')
    expect(queue.waiting).toBe(1)
    first.finish()
    third.finish()
    await Promise.all([firstCall, thirdCall])
    expect(second.run).not.toHaveBeenCalled()
  })

  it('discards the result of work that runs, which keeps its place until it ends', async () => {
    const queue = new RunQueue(1)
    const [first, second] = [work(), work()]
    const controller = new AbortController()
    const firstCall = failureOf(() => queue.run(first.run, controller.signal))
    const secondCall = queue.run(second.run, undefined)
    await settle()
    controller.abort()
    expect((await firstCall).code).toBe('ABORTED')
    await settle()
    expect(second.run).not.toHaveBeenCalled()
    first.finish()
    second.finish()
    await secondCall
  })

  it('of work that then fails leaves no unhandled rejection', async () => {
    const queue = new RunQueue(1)
    const { run, fail } = work()
    const controller = new AbortController()
    const call = failureOf(() => queue.run(run, controller.signal))
    await settle()
    controller.abort()
    await call
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    fail(new Error('too late'))
    await settle()
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('in the moment between its turn and its start runs nothing and frees the place', async () => {
    const queue = new RunQueue(1)
    const first = work()
    const second = work()
    const controller = new AbortController()
    const firstCall = queue.run(() => {
      // Ends in the same tick in which the next one gets its turn.
      return first.run().finally(() => {
        queueMicrotask(() => {
          queueMicrotask(() => {
            controller.abort()
          })
        })
      })
    }, undefined)
    const secondCall = failureOf(() => queue.run(second.run, controller.signal))
    await settle()
    first.finish()
    await firstCall
    expect((await secondCall).code).toBe('ABORTED')
    expect(await queue.run(() => Promise.resolve('free'), undefined)).toBe('free')
    // And the same right after the call, where the place was free.
    const soon = new AbortController()
    const third = vi.fn(() => Promise.resolve())
    const thirdCall = failureOf(() => queue.run(third, soon.signal))
    soon.abort()
    expect((await thirdCall).code).toBe('ABORTED')
    expect(third).not.toHaveBeenCalled()
    expect(await queue.run(() => Promise.resolve('free'), undefined)).toBe('free')
  })

  it('with a StellaError as reason rejects with that: a deadline stays a deadline', async () => {
    const queue = new RunQueue(1)
    const { run } = work()
    const controller = new AbortController()
    const call = queue.run(run, controller.signal)
    await settle()
    const deadline = new StellaError('TIMEOUT', 'too late')
    controller.abort(deadline)
    await expect(call).rejects.toBe(deadline)
  })
})

describe('a signal', () => {
  it('has a listener while its work waits or runs, and none before and after', async () => {
    const queue = new RunQueue(1)
    const [first, second] = [work(), work()]
    const { signal } = new AbortController()
    expect(listenersOf(signal)).toBe(0)
    const calls = [queue.run(first.run, signal), queue.run(second.run, signal)]
    await settle()
    expect(listenersOf(signal)).toBe(2)
    first.finish()
    await settle()
    expect(listenersOf(signal)).toBe(1)
    second.fail(new Error('over'))
    await Promise.allSettled(calls)
    await settle()
    expect(listenersOf(signal)).toBe(0)
  })

  it('has none after an abort, of waiting and of running work', async () => {
    const queue = new RunQueue(1)
    const [first, second] = [work(), work()]
    const controller = new AbortController()
    const calls = [queue.run(first.run, controller.signal), queue.run(second.run, controller.signal)]
    await settle()
    controller.abort()
    await Promise.allSettled(calls)
    first.finish()
    await settle()
    expect(listenersOf(controller.signal)).toBe(0)
  })

  it('has none after the queue was closed', async () => {
    const queue = new RunQueue(1)
    const [first, second] = [work(), work()]
    const { signal } = new AbortController()
    const calls = [queue.run(first.run, signal), queue.run(second.run, signal)]
    await settle()
    queue.close()
    first.finish()
    await Promise.allSettled(calls)
    await settle()
    expect(listenersOf(signal)).toBe(0)
  })
})

describe('closing', () => {
  it('refuses what waits and what comes, and lets what runs end', async () => {
    const queue = new RunQueue(1)
    const [first, second] = [work<string>(), work()]
    const firstCall = queue.run(first.run, undefined)
    const secondCall = failureOf(() => queue.run(second.run, new AbortController().signal))
    await settle()
    queue.close()
    queue.close()
    expect((await secondCall).code).toBe('POOL_CLOSED')
    expect((await failureOf(() => queue.run(second.run, undefined))).code).toBe('POOL_CLOSED')
    expect(queue.waiting).toBe(0)
    first.finish('done')
    expect(await firstCall).toBe('done')
    await settle()
    expect(second.run).not.toHaveBeenCalled()
  })
})
