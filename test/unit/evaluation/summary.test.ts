import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { EvaluationResult } from '../../../src/evaluation/evaluation-result.js'
import type { SummaryOptions } from '../../../src/evaluation/summary.js'
import { SummaryBuilder, summarise } from '../../../src/evaluation/summary.js'
import { failureOf } from '../../support/failure.js'
import { failed, succeeded } from './manual-model.js'

async function* streamed(results: readonly EvaluationResult[]): AsyncGenerator<EvaluationResult> {
  for (const result of results) {
    await Promise.resolve()
    yield result
  }
}

const ids = (placed: readonly { readonly result: EvaluationResult }[]): string[] =>
  placed.map(({ result }) => result.id)

/** The next number that a double can hold, up or down. */
function neighbour(value: number, by: 1 | -1): number {
  const numbers = Float64Array.of(value)
  const bits = new BigInt64Array(numbers.buffer)
  bits[0] = (bits[0] ?? 0n) + BigInt(by)
  return value === 0 ? by * Number.MIN_VALUE : (numbers[0] ?? value)
}

describe('a summary', () => {
  it('of nothing has empty bins and no scores', async () => {
    const summary = await summarise([], { bins: 4 })
    expect(summary).toMatchObject({ pairs: 0, scores: null, worst: [], best: [], failures: [] })
    expect(summary.bins).toEqual([
      { from: 0, to: 0.25, count: 0 },
      { from: 0.25, to: 0.5, count: 0 },
      { from: 0.5, to: 0.75, count: 0 },
      { from: 0.75, to: 1, count: 0 },
    ])
  })

  it('has figures, and counts every score in one bin, both ends included', async () => {
    const results = [0, 0.1, 0.25, 0.7499, 0.75, 1].map((score) => succeeded(score))
    const summary = await summarise([...results, failed('INTERNAL')], { bins: 4 })
    expect(summary).toMatchObject({ pairs: 7, succeeded: 6, failed: 1, failuresByCode: { INTERNAL: 1 } })
    expect(summary.bins.map(({ count }) => count)).toEqual([2, 1, 1, 2])
    expect(summary.scores).toMatchObject({ min: 0, max: 1 })
  })

  it('puts a score between the bounds of its bin, however products round', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), fc.nat(1000), async (bins, nth) => {
        const bound = Math.min(nth, bins) / bins
        for (const score of [bound, Math.max(0, neighbour(bound, -1)), Math.min(1, neighbour(bound, 1))]) {
          const { bins: found } = await summarise([succeeded(score)], { bins })
          const [bin, ...others] = found.filter(({ count }) => count > 0)
          expect(others).toEqual([])
          expect(bin?.count).toBe(1)
          expect(bin?.from).toBeLessThanOrEqual(score)
          if (score < 1) expect(bin?.to).toBeGreaterThan(score)
          else expect(bin?.to).toBe(1)
        }
      }),
    )
  })

  it('keeps the worst, the best and the first failures, with their places, the earlier of equal ones', async () => {
    const scores = [0.5, 0.9, 0.1, 0.9, 0.1, 0.3]
    const results = scores.map((score, place) => succeeded(score, `r${place}`))
    results.splice(2, 0, failed('TIMEOUT', 'f0'), failed('INTERNAL', 'f1'), failed('INTERNAL', 'f2'))
    const { worst, best, failures } = await summarise(results, { examples: 2 })
    expect(ids(worst)).toEqual(['r2', 'r4'])
    expect(ids(best)).toEqual(['r1', 'r3'])
    expect(failures.map(({ place, result }) => [place, result.id])).toEqual([
      [2, 'f0'],
      [3, 'f1'],
    ])
    expect(worst.map(({ place }) => place)).toEqual([5, 7])
    // Nothing but place and result.
    expect(Object.keys(worst[0] ?? {})).toEqual(['place', 'result'])
  })

  it('has a pair among the worst and the best where there are few', async () => {
    const { worst, best } = await summarise([succeeded(0.2, 'a'), succeeded(0.8, 'b')])
    expect(ids(worst)).toEqual(['a', 'b'])
    expect(ids(best)).toEqual(['b', 'a'])
  })

  it('is the same of an array, of a stream, and one by one', async () => {
    const results = Array.from({ length: 50 }, (_, place) =>
      place % 7 === 0 ? failed('INPUT_TOO_LONG', `r${place}`) : succeeded(((place * 37) % 50) / 50, `r${place}`),
    )
    const summary = await summarise(results)
    expect(await summarise(streamed(results))).toEqual(summary)
    const builder = new SummaryBuilder()
    for (const result of results) builder.add(result)
    expect(builder.summary()).toEqual(summary)
    // And it can go on.
    builder.add(succeeded(1))
    expect(builder.summary().pairs).toBe(51)
    expect(summary.pairs).toBe(50)
  })

  it('does not count what is no result', async () => {
    const builder = new SummaryBuilder()
    await failureOf(() => {
      builder.add(succeeded(Number.NaN))
    })
    builder.add(succeeded(0.5, 'a'))
    expect(builder.summary()).toMatchObject({ pairs: 1, worst: [{ place: 0 }] })
  })

  it('keeps no examples where none are wanted', async () => {
    const summary = await summarise([succeeded(0.5), failed('INTERNAL')], { examples: 0 })
    expect(summary).toMatchObject({ pairs: 2, worst: [], best: [], failures: [] })
  })

  it.each([
    [{ bins: 0 }, /`bins` to be an integer from 1 to 1000/],
    [{ bins: 1001 }, /`bins`/],
    [{ examples: -1 }, /`examples` to be an integer from 0 to 1000/],
    [{ examples: 1.5 }, /`examples`/],
    [{ worst: 3 }, /Unknown option `worst`/],
  ])('refuses %j', async (options, message) => {
    const error = await failureOf(() => new SummaryBuilder(options as SummaryOptions))
    expect(error).toMatchObject({ code: 'OPTION_INVALID', message: expect.stringMatching(message) as string })
  })
})
