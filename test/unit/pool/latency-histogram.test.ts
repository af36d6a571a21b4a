/** Quantiles of recent durations, held to those of all values sorted. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { LONGEST_MS, LatencyHistogram, QUANTILE_ERROR, WINDOW_MS } from '../../../src/pool/latency-histogram.js'

/** Durations are counted in microseconds. */
const MICROSECOND = 0.001

function filled(durations: readonly number[], now = 0): LatencyHistogram {
  const histogram = new LatencyHistogram()
  for (const duration of durations) histogram.record(duration, now)
  return histogram
}

/** The value of a rank, from 1. */
function ranked(values: readonly number[], rank: number): number {
  return [...values].sort((a, b) => a - b)[Math.max(1, rank) - 1] ?? NaN
}

describe('origin bug 17 cannot happen: figures that stay 0', () => {
  it('every duration is counted', () => {
    expect(filled([1, 2, 3]).count(0)).toBe(3)
  })

  it('the minimum is the smallest duration, and not where counting began', () => {
    expect(filled([7, 3, 5]).snapshot(0)).toMatchObject({ min: 3, max: 7, mean: 5, count: 3 })
  })

  it('nothing measured is undefined, and not 0', () => {
    expect(new LatencyHistogram().snapshot(0)).toBeUndefined()
    expect(new LatencyHistogram().quantile(0.5, 0)).toBeUndefined()
    expect(new LatencyHistogram().count(0)).toBe(0)
  })
})

describe('a quantile', () => {
  const durations = fc.array(fc.double({ min: 0, max: LONGEST_MS, noNaN: true }), { minLength: 1, maxLength: 300 })
  // Latencies crowd at the short end, which a plain draw of numbers does not.
  const short = fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: 1, maxLength: 300 })
  const shares = fc.constantFrom(0.01, 0.5, 0.9, 0.95, 0.99, 1)

  it('lies at most 1 %, or a microsecond, off a value whose rank is the share, rounded', () => {
    fc.assert(
      fc.property(fc.oneof(durations, short), shares, (values, share) => {
        const found = filled(values).quantile(share, 0) ?? NaN
        const rank = share * values.length
        expect(found).toBeGreaterThanOrEqual(ranked(values, Math.floor(rank)) - MICROSECOND)
        expect(found).toBeLessThanOrEqual(ranked(values, Math.ceil(rank)) * (1 + QUANTILE_ERROR) + MICROSECOND)
      }),
    )
  })

  it('does not exceed the maximum, which is exact, as are minimum and mean', () => {
    fc.assert(
      fc.property(fc.oneof(durations, short), (values) => {
        const { min = NaN, mean = NaN, p50 = NaN, p95 = NaN, p99 = NaN, max = NaN } = filled(values).snapshot(0) ?? {}
        expect(min).toBe(Math.min(...values))
        expect(max).toBe(Math.max(...values))
        expect(mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 6)
        expect([p50, p95, p99, max]).toEqual([p50, p95, p99, max].sort((a, b) => a - b))
      }),
    )
  })

  it('is the same each time it is asked for, and follows what is recorded in between', () => {
    const histogram = filled([1, 2, 3, 4, 5])
    const first = histogram.snapshot(0)
    expect([histogram.snapshot(0), histogram.quantile(0.5, 0)]).toEqual([first, first?.p50])
    for (let more = 0; more < 20; more++) histogram.record(100, 0)
    expect(histogram.quantile(0.25, 0)).toBeCloseTo(100, 6)
  })

  it('is none for a share that is none', () => {
    expect(() => filled([1]).quantile(0, 0)).toThrow(RangeError)
    expect(() => filled([1]).quantile(1.01, 0)).toThrow(RangeError)
  })
})

describe('what is recorded', () => {
  it('is 0 when two clocks made it negative', () => {
    expect(filled([-5]).snapshot(0)).toMatchObject({ min: 0, max: 0, mean: 0, p50: 0, count: 1 })
  })

  it('counts as an hour when it is longer', () => {
    expect(filled([LONGEST_MS * 50]).snapshot(0)).toMatchObject({ max: LONGEST_MS, count: 1 })
  })

  it.each([NaN, Infinity, -Infinity])('is refused when it is %d', (duration) => {
    const histogram = filled([1])
    expect(() => {
      histogram.record(duration, 0)
    }).toThrow(RangeError)
    expect(histogram.snapshot(0)).toMatchObject({ count: 1, mean: 1 })
  })
})

describe('recent durations', () => {
  it('are those of the window under way and of the one before', () => {
    const histogram = filled([100], 5)
    histogram.record(1, 5 + WINDOW_MS)
    expect(histogram.snapshot(5 + WINDOW_MS)).toMatchObject({ count: 2, min: 1, max: 100, mean: 50.5 })
    expect(histogram.snapshot(4 + 2 * WINDOW_MS)).toMatchObject({ count: 2 })
    expect(histogram.snapshot(5 + 2 * WINDOW_MS)).toMatchObject({ count: 1, max: 1, p99: 1 })
    expect(histogram.snapshot(5 + 3 * WINDOW_MS)).toBeUndefined()
  })

  it('are none after a long silence, and those since then after it', () => {
    const histogram = filled([100])
    histogram.record(7, 100 * WINDOW_MS)
    expect(histogram.snapshot(100 * WINDOW_MS)).toMatchObject({ count: 1, min: 7, max: 7 })
  })

  it('are never fewer than those of the last window, nor more than of the last two', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 90_000 }), fc.nat({ max: 1_000 })), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(steps, (plan) => {
        const histogram = new LatencyHistogram()
        const all: { readonly at: number; readonly ms: number }[] = []
        let now = 0
        for (const [pause, ms] of plan) {
          now += pause
          histogram.record(ms, now)
          all.push({ at: now, ms })
          const within = (age: number): number => all.filter(({ at }) => now - at < age).length
          expect(histogram.count(now)).toBeGreaterThanOrEqual(within(WINDOW_MS))
          expect(histogram.count(now)).toBeLessThanOrEqual(within(2 * WINDOW_MS))
          // What is counted is the newest, without a gap.
          const counted = all.slice(-histogram.count(now)).map((one) => one.ms)
          expect(histogram.snapshot(now)).toMatchObject({ min: Math.min(...counted), max: Math.max(...counted) })
        }
      }),
      { numRuns: 50 },
    )
  })
})
