import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { ScoreFigures } from '../../../src/evaluation/evaluation-figures.js'
import { SCORE_CELLS, ScoreHistogram } from '../../../src/evaluation/score-histogram.js'

/** By how much a quantile may lie below the true one. */
const CELL = 1 / SCORE_CELLS

/** Sums of doubles in another order. */
const ROUNDING = 1e-12

const scores = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 200 })

function figuresOf(values: readonly number[]): ScoreFigures {
  const histogram = new ScoreHistogram()
  for (const value of values) histogram.add(value)
  const figures = histogram.figures()
  if (figures === null) throw new Error('expected figures')
  return figures
}

describe('the figures of scores', () => {
  it('are none before the first', () => {
    expect(new ScoreHistogram().figures()).toBeNull()
  })

  it('hold for one score, exactly', () => {
    const all = { mean: 0.7, min: 0.7, p05: 0.7, p25: 0.7, median: 0.7, p75: 0.7, p95: 0.7, max: 0.7 }
    expect(figuresOf([0.7])).toEqual({ ...all, standardDeviation: 0 })
    expect(figuresOf([0.1, 0.1, 0.1])).toMatchObject({ mean: 0.1, median: 0.1, standardDeviation: 0 })
  })

  it('count both ends', () => {
    expect(figuresOf([1, 0])).toMatchObject({ min: 0, max: 1, mean: 0.5, median: 0, standardDeviation: 0.5 })
  })

  it('take the nearest rank, not the one after it', () => {
    // The 7th, 70th and 133rd of 140.
    const values = Array.from({ length: 140 }, (_, place) => (place + 0.5) / 200)
    expect(figuresOf(values)).toMatchObject({ p05: 6.5 / 200, median: 69.5 / 200, p95: 132.5 / 200 })
  })

  it('are those of the sorted scores, to within a cell', () => {
    fc.assert(
      fc.property(scores, (values) => {
        const figures = figuresOf(values)
        const sorted = [...values].sort((a, b) => a - b)
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length
        const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
        expect(figures.min).toBe(sorted[0])
        expect(figures.max).toBe(sorted.at(-1))
        expect(Math.abs(figures.mean - mean)).toBeLessThan(ROUNDING)
        expect(figures.mean).toBeGreaterThanOrEqual(figures.min)
        expect(figures.mean).toBeLessThanOrEqual(figures.max)
        expect(Math.abs(figures.standardDeviation - Math.sqrt(squares / values.length))).toBeLessThan(1e-9)
        const { p05, p25, median, p75, p95 } = figures
        for (const [percent, found] of [
          [5, p05] as const,
          [25, p25] as const,
          [50, median] as const,
          [75, p75] as const,
          [95, p95] as const,
        ]) {
          const exact = sorted[Math.ceil((percent * values.length) / 100) - 1] ?? Number.NaN
          expect(found).toBeLessThanOrEqual(exact)
          expect(exact - found).toBeLessThanOrEqual(CELL + ROUNDING)
          expect(values).toContain(found)
        }
      }),
    )
  })

  it('keep a small spread far from zero', () => {
    const values = Array.from({ length: 10_000 }, (_, place) => 0.9 + (place % 2) * 1e-9)
    expect(figuresOf(values).standardDeviation).toBeCloseTo(5e-10, 14)
  })

  it.each([Number.NaN, -0.001, 1.001, Number.POSITIVE_INFINITY, '0.5'])('take no %s for a score', (score) => {
    const histogram = new ScoreHistogram()
    expect(() => {
      histogram.add(score as number)
    }).toThrow(/from 0 to 1/)
    expect(histogram.figures()).toBeNull()
  })
})
