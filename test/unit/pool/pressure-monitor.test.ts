import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { MemoryGrant } from '../../../src/pool/memory-ledger.js'
import { MemoryLedger } from '../../../src/pool/memory-ledger.js'
import type { PressureMonitorOptions } from '../../../src/pool/pressure-monitor.js'
import { LOOKS_PER_MEASUREMENT, PRESSURE_INTERVAL_MS, PressureMonitor } from '../../../src/pool/pressure-monitor.js'
import { SILENT } from '../../../src/inference/logger.js'
import { ANY_PARTS } from '../../support/reclaimable-model.js'

const GB = 1024 ** 3
const AMPLE = { available: 32 * GB, usable: 64 * GB }
const SHORT = { available: 0.25 * GB, usable: 64 * GB }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A monitor of an empty ledger of 100 bytes, and everything it does. */
function watch(options: Partial<PressureMonitorOptions> = {}) {
  const ledger = new MemoryLedger(100)
  const seen = { looks: 0, levels: [] as string[], relieved: [] as number[], measured: 0, warned: [] as unknown[] }
  const monitor = new PressureMonitor({
    ledger,
    logger: { ...SILENT, warn: (facts, message) => seen.warned.push([facts, message]) },
    readMachine: () => {
      seen.looks++
      return Promise.resolve(AMPLE)
    },
    relieve: (bytes) => {
      seen.relieved.push(bytes)
      return Promise.resolve()
    },
    measure: () => {
      seen.measured++
      return Promise.resolve()
    },
    onChange: ({ level }) => seen.levels.push(level),
    ...options,
  })
  const hold = (bytes: number): MemoryGrant => ledger.grant('m', bytes, ANY_PARTS)
  const pass = (intervals: number) => vi.advanceTimersByTimeAsync(intervals * PRESSURE_INTERVAL_MS)
  return { ledger, monitor, seen, hold, pass }
}

describe('the monitor', () => {
  it('does nothing while nothing is granted', async () => {
    const { seen, pass } = watch()
    await pass(100)
    expect([seen.looks, vi.getTimerCount()]).toEqual([0, 0])
  })

  it('looks at once when something is, then every five seconds, until nothing is', async () => {
    const { seen, hold, pass } = watch()
    const grant = hold(10)
    await pass(0)
    expect(seen.looks).toBe(1)
    await pass(3)
    expect(seen.looks).toBe(4)
    grant.release()
    await pass(3)
    expect([seen.looks, vi.getTimerCount()]).toEqual([4, 0])
    hold(10)
    await pass(0)
    expect(seen.looks).toBe(5)
  })

  // The origin's monitor ran on a copy of the governor: it saw nothing allocated, and reset the level to low.
  it('sees what the ledger sees, and keeps its level from look to look (origin bug 2)', async () => {
    const { monitor, seen, hold, pass } = watch()
    hold(90)
    await pass(0)
    expect(monitor.level).toBe('critical')
    await pass(10)
    expect([monitor.level, seen.levels]).toEqual(['critical', ['critical']])
  })

  // There it was started wherever a pool was made, with a runtime or without, and panicked without.
  it('is made anywhere, and starts nothing by being made (origin bug 8)', () => {
    watch()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('tells of a change as it comes, not at the next look, and not in the midst of a grant', async () => {
    const { seen, hold, pass } = watch()
    const grant = hold(10)
    await pass(0)
    grant.tryResize(60)
    expect(seen.levels).toEqual([])
    await pass(0)
    grant.tryResize(75)
    grant.tryResize(60)
    await pass(0)
    grant.release()
    await pass(0)
    expect([seen.levels, seen.looks]).toEqual([['normal', 'low'], 1])
  })

  it('tells both inputs', async () => {
    const onChange = vi.fn()
    const { hold, pass } = watch({ onChange })
    hold(80)
    await pass(0)
    expect(onChange.mock.calls).toEqual([[{ level: 'high', before: 'low', ledger: 0.8, available: 32 * GB }]])
  })

  it('has memory given back while the machine is short, look after look, and says so once', async () => {
    let machine = SHORT
    const { monitor, seen, hold, pass } = watch({ readMachine: () => Promise.resolve(machine) })
    hold(10)
    await pass(2)
    const missing = 0.625 * GB - 0.25 * GB
    expect(seen.relieved).toEqual([missing, missing, missing])
    expect(seen.warned).toEqual([
      [{ ledger: 0.1, available: SHORT.available }, expect.stringContaining('short of memory') as string],
    ])
    machine = AMPLE
    await pass(5)
    expect([seen.relieved.length, monitor.level, seen.levels]).toEqual([3, 'low', ['critical', 'low']])
  })

  it('asks nobody for memory because the budget is used up: that is what it is for', async () => {
    const { seen, hold, pass } = watch()
    hold(100)
    await pass(3)
    expect([seen.levels, seen.relieved]).toEqual([['critical'], []])
  })

  it('never overlaps itself: the next look waits for one that is slow', async () => {
    let end = (): void => undefined
    const relieve = vi.fn(() => new Promise<void>((resolve) => (end = resolve)))
    const { hold, pass, ledger } = watch({ readMachine: () => Promise.resolve(SHORT), relieve })
    const grant = hold(10)
    await pass(10)
    expect(relieve).toHaveBeenCalledTimes(1)
    // Not even where it stops and starts in the meantime.
    grant.release()
    await pass(1)
    hold(10)
    await pass(1)
    expect([relieve.mock.calls.length, vi.getTimerCount(), ledger.granted]).toEqual([1, 0, 10])
    end()
    await pass(1)
    expect(relieve).toHaveBeenCalledTimes(2)
  })

  it('measures after each change of what is granted, and else once a minute', async () => {
    const { seen, hold, pass } = watch()
    const grant = hold(10)
    await pass(0)
    expect(seen.measured).toBe(1)
    await pass(LOOKS_PER_MEASUREMENT - 1)
    expect(seen.measured).toBe(1)
    await pass(1)
    expect(seen.measured).toBe(2)
    grant.tryResize(20)
    await pass(1)
    expect(seen.measured).toBe(3)
  })

  it.each(['readMachine', 'relieve', 'measure'] as const)('goes on where %s fails, and says so once', async (name) => {
    const fails = vi.fn(() => Promise.reject(new Error(`${name} broke`)))
    const readMachine = () => Promise.resolve(SHORT)
    const { monitor, seen, hold, pass } = watch({ readMachine, [name]: fails })
    const grant = hold(90)
    for (const bytes of [91, 92, 93]) {
      await pass(1)
      grant.tryResize(bytes)
    }
    expect(fails.mock.calls.length).toBeGreaterThanOrEqual(3)
    expect(monitor.level).toBe('critical')
    const told = seen.warned.filter((call) => JSON.stringify(call).includes('broke'))
    expect(told).toEqual([[{ error: `${name} broke` }, 'cannot watch over memory']])
  })

  it('knows the level of the budget also where the machine cannot be read', async () => {
    const onChange = vi.fn()
    const { hold, pass } = watch({ onChange, readMachine: () => Promise.reject(new Error('no')) })
    const grant = hold(50)
    await pass(0)
    grant.tryResize(90)
    await pass(0)
    expect(onChange.mock.calls).toEqual([
      [{ level: 'normal', before: 'low', ledger: 0.5, available: undefined }],
      [{ level: 'critical', before: 'normal', ledger: 0.9, available: undefined }],
    ])
  })

  it('ends with close, at once or after the look under way, and hears no more', async () => {
    let end = (): void => undefined
    const readMachine = () =>
      new Promise<typeof AMPLE>(
        (resolve) =>
          (end = () => {
            resolve(SHORT)
          }),
      )
    const { monitor, seen, hold, pass } = watch({ readMachine })
    const grant = hold(90)
    await pass(0)
    let closed = false
    const closing = monitor.close().then(() => (closed = true))
    await pass(1)
    expect(closed).toBe(false)
    end()
    await closing
    grant.release()
    hold(50)
    await pass(5)
    expect([seen.levels, seen.relieved, vi.getTimerCount()]).toEqual([[], [], 0])
  })

  it('keeps no process alive', async () => {
    vi.useRealTimers()
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const { hold, monitor, seen } = watch()
    const before = timers()
    hold(10)
    await new Promise((resolve) => void setImmediate(resolve))
    expect([seen.looks, timers()]).toEqual([1, before])
    await monitor.close()
  })

  it('has a listener that throws fail nothing: it surfaces as the uncaught exception it is', async () => {
    vi.useRealTimers()
    const uncaught = vi.fn()
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', uncaught)
    try {
      const { monitor, hold } = watch({
        onChange: () => {
          throw new Error('a listener')
        },
      })
      hold(90)
      await new Promise((resolve) => void setImmediate(resolve))
      await monitor.close()
      expect(monitor.level).toBe('critical')
      expect(uncaught.mock.calls.map(([error]) => (error as Error).message)).toEqual(['a listener'])
    } finally {
      for (const listener of before) process.on('uncaughtException', listener)
    }
  })
})
