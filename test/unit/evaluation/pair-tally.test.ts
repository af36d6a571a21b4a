import { describe, expect, it } from 'vitest'

import type { EvaluationResult } from '../../../src/evaluation/evaluation-result.js'
import { PairTally } from '../../../src/evaluation/pair-tally.js'
import { failureOf } from '../../support/failure.js'
import { failed, similarity, succeeded } from './manual-model.js'

describe('a tally', () => {
  it('begins with nothing, and no scores', () => {
    expect(new PairTally().figures()).toEqual({
      ...{ pairs: 0, succeeded: 0, failed: 0, failuresByCode: {}, truncated: 0, tokens: 0, scores: null },
    })
  })

  it('counts pairs, failures by code, tokens and cut texts', () => {
    const tally = new PairTally()
    expect(tally.add(succeeded(0.25))).toBe(0.25)
    tally.add(succeeded(0.75, 'q', { tokens: [10, 20], truncated: [false, true] }))
    tally.add(succeeded(0.75, 'r', { tokens: [1, 1], truncated: [true, true] }))
    expect(tally.add(failed('INPUT_INVALID'))).toBeUndefined()
    tally.add(failed('INTERNAL'))
    tally.add(failed('INTERNAL'))
    const figures = tally.figures()
    expect(figures).toMatchObject({ pairs: 6, succeeded: 3, failed: 3, truncated: 2, tokens: 7 + 30 + 2 })
    expect(figures.failuresByCode).toEqual({ INPUT_INVALID: 1, INTERNAL: 2 })
    expect(figures.scores).toMatchObject({ min: 0.25, max: 0.75, median: 0.75 })
  })

  it('has no scores where all failed', () => {
    const tally = new PairTally()
    tally.add(failed('TIMEOUT'))
    expect(tally.figures()).toMatchObject({ pairs: 1, failed: 1, scores: null })
  })

  const odd: readonly [string, object][] = [
    ['a success without a score', { ...succeeded(0.5), similarityScore: null }],
    ['a success with a score of NaN', { ...succeeded(0.5), similarityScore: similarity(Number.NaN) }],
    ['a success with a score beyond 1', { ...succeeded(0.5), similarityScore: similarity(1.5) }],
    ['a success with no number of tokens', succeeded(0.5, 'p', { tokens: [3, Number.NaN] })],
    ['a failure without an error', { ...failed('INTERNAL'), error: undefined }],
    ['a line of scores, as `stella evaluate` writes them', { id: 'a', success: true, normalizedCosine: 0.5 }],
    ['a score without metadata', { ...succeeded(0.5), similarityScore: { normalizedCosine: 0.5 } }],
    ['metadata without tokens', { ...succeeded(0.5), similarityScore: { normalizedCosine: 0.5, metadata: {} } }],
    ['an object of nothing', {}],
    ['a number', 5 as unknown as object],
    ['null', null as unknown as object],
    ['a failure of an unknown code', { ...failed('INTERNAL'), error: { code: 'constructor' } }],
  ]
  it.each(odd)('refuses %s, and counts nothing of it', async (_, result) => {
    const tally = new PairTally()
    const error = await failureOf(() => tally.add(result as EvaluationResult))
    expect(error.code).toBe('INPUT_INVALID')
    expect(tally.figures()).toEqual(new PairTally().figures())
  })
})
