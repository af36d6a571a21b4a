/** Rates from runs: by the wall clock, and per worker. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { Work } from '../../../src/pool/rate-meter.js'
import { RATE_WINDOW_MS, RateMeter } from '../../../src/pool/rate-meter.js'

const RUN: Work = { texts: 8, tokens: 400, runMs: 100 }

/** A meter, and the clock after runs that follow each other without a pause. */
function busy(work: Work, runs: number, meter = new RateMeter(), start = 0) {
  let now = start
  for (let run = 0; run < runs; run++) {
    now += work.runMs
    meter.record(work, now)
  }
  return { meter, now }
}

describe('before a run has ended', () => {
  it('there is no rate, and no time that anything will take', () => {
    const meter = new RateMeter()
    expect([meter.rate(0), meter.rate(1e9), meter.perWorker(), meter.drainMs(1_000, 2)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('the rate by the wall clock', () => {
  it('is that of the first run as soon as it has ended', () => {
    const { meter, now } = busy(RUN, 1)
    expect(meter.rate(now)?.texts).toBeCloseTo(80, 6)
    expect(meter.rate(now)?.tokens).toBeCloseTo(4_000, 6)
  })

  it.each([2, 10, 1_000])('is the same after %d runs of one kind in a row', (runs) => {
    const { meter, now } = busy(RUN, runs)
    expect(meter.rate(now)?.tokens).toBeCloseTo(4_000, 6)
  })

  it('adds what workers do at the same time', () => {
    const meter = new RateMeter()
    for (let now = 100; now <= 60_000; now += 100) for (let worker = 0; worker < 3; worker++) meter.record(RUN, now)
    expect(meter.rate(60_000)?.tokens).toBeCloseTo(12_000, 3)
  })

  it('is not raised by a run that is longer than the window: its work is spread over its time', () => {
    const long: Work = { texts: 32, tokens: 16_000, runMs: 4 * RATE_WINDOW_MS }
    const { meter, now } = busy(long, 3)
    expect(meter.rate(now)?.tokens).toBeCloseTo(400, 6)
  })

  it('falls to 1/e for each window in which nothing is done', () => {
    const { meter, now } = busy(RUN, 10_000)
    expect(meter.rate(now + RATE_WINDOW_MS)?.tokens).toBeCloseTo(4_000 / Math.E, 3)
    expect(meter.rate(now + 1e9)).toEqual({ texts: 0, tokens: 0 })
  })

  it('follows a change within a few windows', () => {
    const slow = busy(RUN, 1_000)
    const fast = busy({ ...RUN, runMs: 50 }, 1_000, slow.meter, slow.now)
    expect(fast.meter.rate(fast.now)?.tokens).toBeGreaterThan(7_900)
    expect(fast.meter.rate(fast.now)?.tokens).toBeLessThan(8_000)
  })
})

describe('the rate per worker', () => {
  it('leaves pauses out: it is how fast a worker is, and not how often it is asked', () => {
    const meter = new RateMeter()
    for (let minute = 1; minute <= 10; minute++) meter.record(RUN, minute * 60_000)
    expect(meter.perWorker()?.tokens).toBeCloseTo(4_000, 6)
    expect(meter.rate(600_000)?.tokens).toBeLessThan(50)
  })

  it('is that of one worker, however many work', () => {
    const meter = new RateMeter()
    for (let now = 100; now <= 60_000; now += 100) for (let worker = 0; worker < 3; worker++) meter.record(RUN, now)
    expect(meter.perWorker()?.tokens).toBeCloseTo(4_000, 6)
    expect(meter.perWorker()?.texts).toBeCloseTo(80, 6)
  })

  it('holds over a long silence, and is only of new runs after it', () => {
    const { meter, now } = busy(RUN, 10)
    const year = 365 * 24 * 3_600_000
    expect(meter.perWorker()?.tokens).toBeCloseTo(4_000, 6)
    meter.record({ ...RUN, runMs: 200 }, now + year)
    expect(meter.perWorker()?.tokens).toBeCloseTo(2_000, 6)
  })
})

describe('how long tokens will take', () => {
  it('is their number by the rate of all workers', () => {
    const { meter } = busy(RUN, 10)
    expect([meter.drainMs(4_000, 1), meter.drainMs(4_000, 4)]).toEqual([1_000, 250])
  })

  it('is whole and at least 1', () => {
    const { meter } = busy(RUN, 10)
    expect([meter.drainMs(0, 1), meter.drainMs(1, 1), meter.drainMs(5, 1)]).toEqual([1, 1, 2])
  })

  it('is not known without workers, or where no run had a token', () => {
    expect(busy(RUN, 10).meter.drainMs(100, 0)).toBeUndefined()
    expect(busy({ texts: 1, tokens: 0, runMs: 5 }, 1).meter.drainMs(100, 1)).toBeUndefined()
  })

  it('is finite after a run that a coarse clock calls 0 ms', () => {
    const { meter, now } = busy({ texts: 1, tokens: 5, runMs: 0 }, 1)
    expect(meter.drainMs(100, 1)).toBe(1)
    expect(Number.isFinite(meter.rate(now)?.tokens)).toBe(true)
  })
})

describe('whatever runs there are', () => {
  const runs = fc.array(
    fc.record({
      pause: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 1e8 })),
      texts: fc.integer({ min: 1, max: 64 }),
      tokens: fc.integer({ min: 1, max: 16_384 }),
      runMs: fc.double({ min: 0, max: 120_000, noNaN: true }),
    }),
    { minLength: 1, maxLength: 50 },
  )

  it('rates are finite and not negative, and per worker lie between the slowest run and the fastest', () => {
    fc.assert(
      fc.property(runs, fc.nat({ max: 1e9 }), (plan, later) => {
        const meter = new RateMeter()
        let now = 0
        for (const { pause, ...work } of plan) meter.record(work, (now += pause))
        const speeds = plan.map(({ tokens, runMs }) => (tokens / Math.max(runMs, 0.001)) * 1_000)
        const { tokens = NaN } = meter.perWorker() ?? {}
        expect(tokens).toBeGreaterThanOrEqual(Math.min(...speeds) * (1 - 1e-9))
        expect(tokens).toBeLessThanOrEqual(Math.max(...speeds) * (1 + 1e-9))
        for (const at of [now, now + later]) {
          const rate = meter.rate(at)
          expect(rate?.tokens).toBeGreaterThanOrEqual(0)
          expect(Number.isFinite(rate?.tokens) && Number.isFinite(rate?.texts)).toBe(true)
        }
      }),
    )
  })

  it('the rate by the clock is that of a sum over all runs, weighted by age', () => {
    fc.assert(
      fc.property(runs, (plan) => {
        const meter = new RateMeter()
        let now = 0
        const ended = plan.map(({ pause, ...work }) => ({
          ...work,
          ms: Math.max(work.runMs, 0.001),
          at: (now += pause),
        }))
        for (const work of ended) meter.record(work, work.at)
        const weight = (age: number): number => Math.exp(-age / RATE_WINDOW_MS)
        const sum = ended.reduce(
          (total, { tokens, ms, at }) => total + (tokens / ms) * weight(now - at) * -Math.expm1(-ms / RATE_WINDOW_MS),
          0,
        )
        const first = Math.min(...ended.map(({ at, ms }) => at - ms))
        const expected = (sum / -Math.expm1(-(now - first) / RATE_WINDOW_MS)) * 1_000
        const found = meter.rate(now)?.tokens ?? NaN
        expect(Math.abs(found - expected)).toBeLessThanOrEqual(expected * 1e-9)
      }),
    )
  })
})
