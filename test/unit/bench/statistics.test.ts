import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { median, pairedRatio, quantile, spread, takeTurns } from '../../../bench/support/statistics.js'

describe('quantile', () => {
  it('interpolates between neighbours, whatever the order', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
    expect(quantile([3, 1, 2], 0.5)).toBe(2)
    expect(quantile([10, 0], 0.95)).toBe(9.5)
    expect(quantile([7], 0.95)).toBe(7)
  })

  it('has no answer for no values', () => {
    expect(() => quantile([], 0.5)).toThrow('no values')
  })

  it('lies between the extremes, and grows with its share', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 })
    const share = fc.double({ noNaN: true, min: 0, max: 1 })
    fc.assert(
      fc.property(values, share, share, (some, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        expect(quantile(some, low)).toBeGreaterThanOrEqual(Math.min(...some))
        expect(quantile(some, high)).toBeLessThanOrEqual(Math.max(...some))
        expect(quantile(some, low)).toBeLessThanOrEqual(quantile(some, high) + 1e-9)
      }),
    )
  })

  it('leaves the values as they were', () => {
    const values = [3, 1, 2]
    expect(spread(values)).toEqual({ median: 2, low: 1.5, high: 2.5 })
    expect(values).toEqual([3, 1, 2])
  })
})

describe('pairedRatio', () => {
  it('is of the same round: a slow round changes nothing where it is slow for both', () => {
    const { median: ratio } = pairedRatio([2, 200, 2], [1, 100, 1])
    expect(ratio).toBe(2)
    expect(median([2, 200, 2]) / median([1, 100, 1])).toBe(2)
    expect(pairedRatio([10, 20, 90], [5, 5, 30])).toEqual({ median: 3, low: 2.5, high: 3.5 })
  })

  it('refuses series of different rounds', () => {
    expect(() => pairedRatio([1, 2], [1])).toThrow('not of the same rounds')
  })
})

describe('takeTurns', () => {
  it('gives each work its turn in each round, after one that does not count', async () => {
    const order: string[] = []
    const work = (name: string) => () => {
      order.push(name)
      return Promise.resolve()
    }
    const rounds: number[] = []
    const samples = await takeTurns([work('a'), work('b')], 2, (round) => rounds.push(round))
    expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
    expect(samples.map((times) => times.length)).toEqual([2, 2])
    expect(rounds).toEqual([0, 1, 2])
  })

  it('takes the time that a work has measured itself', async () => {
    let call = 0
    const [own, clock] = await takeTurns([() => Promise.resolve(100 * ++call), () => Promise.resolve('a result')], 2)
    expect(own).toEqual([200, 300])
    expect(clock?.every((time) => time >= 0 && time < 100)).toBe(true)
  })

  it('fails when a work fails', async () => {
    await expect(takeTurns([() => Promise.reject(new Error('no run'))], 1)).rejects.toThrow('no run')
  })
})
