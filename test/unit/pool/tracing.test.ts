/** Trace points: what subscribers hear, and that they cost and break nothing. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate } from 'node:timers/promises'

import { afterEach, describe, expect, it, vi } from 'vitest'

import type { EmbedTrace } from '../../../src/pool/tracing.js'
import { batchTracing, embedTracing, loadTracing } from '../../../src/pool/tracing.js'

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const

interface Heard {
  readonly event: (typeof EVENTS)[number]
  readonly context: object
  /** What the context held at that moment. */
  readonly facts: object
}

const undo: (() => unknown)[] = []

afterEach(() => {
  for (const done of undo.splice(0)) done()
})

/** Subscribes to one event of a channel for the test. */
function on(name: string, event: (typeof EVENTS)[number], listener: (context: object) => void): void {
  const path = `tracing:${name}:${event}`
  const hear = (message: unknown): void => {
    listener(message as object)
  }
  subscribe(path, hear)
  undo.push(() => {
    unsubscribe(path, hear)
  })
}

/** Everything that a channel tells. */
function listen(name: string): readonly Heard[] {
  const heard: Heard[] = []
  for (const event of EVENTS) {
    on(name, event, (context) => heard.push({ event, context, facts: { ...context } }))
  }
  return heard
}

const eventsOf = (heard: readonly Heard[]): readonly string[] => heard.map(({ event }) => event)

const work = (): Promise<number> => Promise.resolve(7)

const EMBED = { model: 'stella', call: 'embed', texts: 1, lane: 'interactive' } as const satisfies EmbedTrace

describe('while nobody listens', () => {
  it('no context is made, and the work is just run', async () => {
    const makeContext = vi.fn(() => ({ ...EMBED }))
    const work = vi.fn(() => Promise.resolve(7))
    const result = embedTracing.run(makeContext, work)
    expect(embedTracing.active).toBe(false)
    expect(result).toBe(work.mock.results[0]?.value)
    expect(await result).toBe(7)
    expect(work.mock.calls).toEqual([[undefined]])
    expect(makeContext).not.toHaveBeenCalled()
  })

  it('what the work rejects with, or throws, comes through as it is', async () => {
    const failure = new Error('work')
    await expect(
      embedTracing.run(
        () => ({ ...EMBED }),
        () => Promise.reject(failure),
      ),
    ).rejects.toBe(failure)
    const thrower = (): Promise<never> => {
      throw failure
    }
    expect(() => embedTracing.run(() => ({ ...EMBED }), thrower)).toThrow(failure)
  })

  it('again after the last one has left', async () => {
    const heard: object[] = []
    on('stella-pool:embed', 'asyncEnd', (context) => heard.push(context))
    expect(embedTracing.active).toBe(true)
    for (const done of undo.splice(0)) done()
    expect(embedTracing.active).toBe(false)
    await embedTracing.run(
      () => ({ ...EMBED }),
      () => Promise.resolve(),
    )
    expect(heard).toEqual([])
  })
})

describe('Node', () => {
  it('says of a tracing channel whether anyone listens, which older versions did not', () => {
    expect(tracingChannel('stella-pool:test-of-node').hasSubscribers).toBe(false)
  })
})

describe('a subscriber', () => {
  it.each([
    ['stella-pool:embed', () => embedTracing.run(() => ({ ...EMBED }), work)],
    ['stella-pool:batch', () => batchTracing.run(() => ({ model: 'stella', worker: 1, texts: 1, tokens: 3 }), work)],
    ['stella-pool:load', () => loadTracing.run(() => ({ model: 'stella' }), work)],
  ] as const)('hears a span of %s in order, and of no other', async (name, run) => {
    const heard = listen(name)
    await run()
    expect(eventsOf(heard)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(heard[0]?.facts).toMatchObject({ model: 'stella' })
    expect([embedTracing, batchTracing, loadTracing].filter(({ active }) => active)).toHaveLength(1)
  })

  it.each(EVENTS)('of the event %s alone makes the point active', (event) => {
    on('stella-pool:embed', event, () => undefined)
    expect(embedTracing.active).toBe(true)
  })

  it('gets one context from start to end, which the work fills, and Node adds the result to', async () => {
    const heard = listen('stella-pool:embed')
    await embedTracing.run(
      () => ({ ...EMBED }),
      async (trace) => {
        await setImmediate()
        if (trace !== undefined) Object.assign(trace, { tokens: 12, queueMs: 3 })
        return 'vectors'
      },
    )
    expect(new Set(heard.map(({ context }) => context)).size).toBe(1)
    expect(heard[0]?.facts).toEqual(EMBED)
    expect(heard.at(-1)?.facts).toEqual({ ...EMBED, tokens: 12, queueMs: 3, result: 'vectors' })
  })

  it('sees what a call failed with, and the caller sees the same', async () => {
    const heard = listen('stella-pool:embed')
    const failure = new Error('work')
    await expect(
      embedTracing.run(
        () => ({ ...EMBED }),
        async () => {
          await setImmediate()
          throw failure
        },
      ),
    ).rejects.toBe(failure)
    expect(eventsOf(heard)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(heard[2]?.facts).toEqual({ ...EMBED, error: failure })
  })

  it('sees the end of a span also when the work throws instead of rejecting', async () => {
    const heard = listen('stella-pool:embed')
    const thrower = (): Promise<never> => {
      throw new Error('at once')
    }
    await expect(embedTracing.run(() => ({ ...EMBED }), thrower)).rejects.toThrow('at once')
    expect(eventsOf(heard)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  })

  it('can tell spans apart that overlap', async () => {
    const heard = listen('stella-pool:embed')
    const run = (texts: number, ticks: number) =>
      embedTracing.run(
        () => ({ ...EMBED, texts }),
        async () => {
          for (let tick = 0; tick < ticks; tick++) await setImmediate()
        },
      )
    await Promise.all([run(1, 3), run(2, 1), run(3, 2)])
    const ended = heard.filter(({ event }) => event === 'asyncEnd').map(({ facts }) => (facts as EmbedTrace).texts)
    expect(ended).toEqual([2, 3, 1])
  })

  it('can bind a store, which the work then runs in', async () => {
    const store = new AsyncLocalStorage<string>()
    const { start } = tracingChannel<unknown, EmbedTrace>('stella-pool:embed')
    start.bindStore(store, ({ model }: EmbedTrace) => `span of ${model}`)
    undo.push(() => start.unbindStore(store))
    const seen = await embedTracing.run(
      () => ({ ...EMBED }),
      async () => {
        await setImmediate()
        return store.getStore()
      },
    )
    expect(seen).toBe('span of stella')
    expect(store.getStore()).toBeUndefined()
  })
})

describe('a subscriber that throws', () => {
  /** Uncaught exceptions of `work` and of the moment after it. The test runner's own listeners would fail the test. */
  async function uncaughtDuring(work: () => Promise<void>): Promise<readonly unknown[]> {
    const uncaught: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error))
    try {
      await work()
      await setImmediate()
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const other of others) process.on('uncaughtException', other)
    }
    return uncaught
  }

  it.each(EVENTS)('at %s fails no call: its error is an uncaught exception of the process', async (event) => {
    const thrown = new Error('subscriber')
    on('stella-pool:embed', event, () => {
      throw thrown
    })
    const uncaught = await uncaughtDuring(async () => {
      expect(
        await embedTracing.run(
          () => ({ ...EMBED }),
          () => Promise.resolve(7),
        ),
      ).toBe(7)
    })
    expect(uncaught).toEqual(event === 'error' ? [] : [thrown])
  })

  it('does not replace what a call failed with', async () => {
    const [thrown, failure] = [new Error('subscriber'), new Error('work')]
    on('stella-pool:embed', 'error', () => {
      throw thrown
    })
    const uncaught = await uncaughtDuring(async () => {
      await expect(
        embedTracing.run(
          () => ({ ...EMBED }),
          () => Promise.reject(failure),
        ),
      ).rejects.toBe(failure)
    })
    expect(uncaught).toEqual([thrown])
  })

  it('does not keep the others from hearing', async () => {
    on('stella-pool:embed', 'start', () => {
      throw new Error('subscriber')
    })
    const heard = listen('stella-pool:embed')
    await uncaughtDuring(() =>
      embedTracing.run(
        () => ({ ...EMBED }),
        () => Promise.resolve(),
      ),
    )
    expect(eventsOf(heard)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
  })
})
