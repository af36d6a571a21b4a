import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { axisTicks, countTicks } from '../../../../src/evaluation/report/axis.js'
import { barsOf, histogramSvg } from '../../../../src/evaluation/report/histogram-svg.js'
import { scored } from '../results.js'
import { reportOf } from './reports.js'

function summaryOf(scores: readonly number[], bins: number) {
  return reportOf(
    scores.map((score, index) => scored(String(index), score)),
    {},
    { bins },
  ).summary
}

const score = fc.double({ min: 0, max: 1, noNaN: true })
const scores = fc.array(score, { minLength: 1, maxLength: 50 })

describe('barsOf', () => {
  it('counts every score once, in bars of one width that touch', () => {
    fc.assert(
      fc.property(scores, fc.constantFrom(1000, 20, 7, 1), (given, bins) => {
        const bars = barsOf(summaryOf(given, bins).bins)
        expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(given.length)
        expect(bars.length).toBeLessThanOrEqual(36)
        for (const [index, bar] of bars.entries()) {
          expect(bar.to).toBeGreaterThan(bar.from)
          if (index > 0) expect(bar.from).toBe(bars[index - 1]?.to)
        }
        expect(bars[0]?.from).toBeLessThanOrEqual(Math.min(...given))
        expect(bars.at(-1)?.to).toBeGreaterThanOrEqual(Math.max(...given))
      }),
    )
  })

  it('shows the part of the axis where scores are, in round steps', () => {
    const bars = barsOf(summaryOf([0.713, 0.8, 0.9, 0.957], 1000).bins)
    expect([bars[0]?.from, bars.at(-1)?.to, bars.length]).toEqual([0.71, 0.96, 25])
    const close = barsOf(summaryOf([0.9501, 0.9502], 1000).bins)
    expect(close.length).toBe(12)
    expect(close.findIndex(({ count }) => count === 2)).toBeGreaterThan(2)
    const top = barsOf(summaryOf([1], 1000).bins)
    expect([top.length, top.at(-1)?.to, top.at(-1)?.count]).toEqual([12, 1, 1])
  })
})

describe('histogramSvg', () => {
  it('draws every bar within the axes, and none below one unit', () => {
    fc.assert(
      fc.property(scores, (given) => {
        const summary = summaryOf(given, 1000)
        if (summary.scores === null) throw new Error('no score')
        const svg = histogramSvg(summary.bins, summary.scores).toString().replaceAll(/\s+/g, ' ')
        expect(svg).not.toMatch(/NaN|Infinity|undefined/)
        const bars = [...svg.matchAll(/class="bar" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)]
        expect(bars.length).toBeGreaterThan(0)
        for (const bar of bars) {
          const [x = 0, y = 0, width = 0, height = 0] = bar.slice(1).map(Number)
          expect(x).toBeGreaterThanOrEqual(58)
          expect(x + width).toBeLessThanOrEqual(743)
          expect(y).toBeGreaterThanOrEqual(29.9)
          expect(height).toBeGreaterThanOrEqual(1)
          expect(y + height).toBeCloseTo(236)
        }
      }),
    )
  })

  it('tells in words what it shows', () => {
    const summary = summaryOf([0.7, 0.8, 0.9], 1000)
    if (summary.scores === null) throw new Error('no score')
    const svg = histogramSvg(summary.bins, summary.scores).toString().replaceAll(/\s+/g, ' ')
    expect(svg).toContain('A histogram of 3 scores from 0.7000 to 0.9000, with mean 0.8000 and median 0.8000.')
    expect(svg).toContain('<title>0.70 to 0.71: 1 pair</title>')
  })
})

describe('the marks of an axis', () => {
  it('are at round numbers', () => {
    expect(countTicks(1)).toEqual([0, 1])
    expect(countTicks(7)).toEqual([0, 2, 4, 6, 8])
    expect(countTicks(1_000_000)).toEqual([0, 500_000, 1_000_000])
    expect(axisTicks(0, 1)).toEqual({
      ticks: [0, 0.2, 0.4, 0.6, 0.8, 1].map((tick) => expect.closeTo(tick, 12) as number),
      decimals: 1,
    })
  })

  it('lie within the axis, and reach the highest count', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), score, score, (most, a, b) => {
        const counts = countTicks(most)
        expect(counts.at(-1)).toBeGreaterThanOrEqual(most)
        expect(counts.length).toBeLessThanOrEqual(6)
        expect(counts.every(Number.isInteger)).toBe(true)
        const [low, high] = [Math.min(a, b), Math.max(a, b) + 0.001]
        const { ticks, decimals } = axisTicks(low, high)
        expect(ticks.length).toBeGreaterThanOrEqual(3)
        expect(ticks.length).toBeLessThanOrEqual(10)
        const labels = ticks.map((tick) => tick.toFixed(decimals))
        expect(new Set(labels).size).toBe(labels.length)
        for (const tick of ticks) {
          expect(tick).toBeGreaterThan(low - 1e-6)
          expect(tick).toBeLessThan(high + 1e-6)
        }
      }),
    )
  })
})
