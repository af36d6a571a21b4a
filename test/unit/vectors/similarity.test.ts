import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { cosineSimilarity, dotProduct } from '../../../src/vectors/similarity.js'

const vectors = fc.integer({ min: 1, max: 20 }).chain((length) => {
  const vector = fc.float32Array({ minLength: length, maxLength: length, noNaN: true, noDefaultInfinity: true })
  return fc.tuple(vector, vector)
})

describe('dotProduct', () => {
  it('sums products in double precision', () => {
    expect(dotProduct([1, 2, 3], [4, 5, 6])).toBe(32)
    expect(dotProduct(Float32Array.of(16777216, 1), Float32Array.of(1, 1))).toBe(16777217)
  })
})

describe('cosineSimilarity', () => {
  it.each([
    [[1, 0], [1, 0], 1],
    [[1, 0], [0, 1], 0],
    [[1, 0], [-2, 0], -1],
    [[3, 4], [4, 3], 0.96],
  ])('of %j and %j is %d', (a, b, expected) => {
    expect(cosineSimilarity(a, b)).toBeCloseTo(expected, 15)
  })

  it('with a vector of zeros is 0, also for two of them', () => {
    expect(cosineSimilarity([0, 0], [1, 2])).toBe(0)
    expect(cosineSimilarity([0, 0], [0, 0])).toBe(0)
  })

  it('is symmetric, within -1 and 1, and 1 for a vector and itself', () => {
    fc.assert(
      fc.property(vectors, ([a, b]) => {
        const cosine = cosineSimilarity(a, b)
        expect(cosine).toBe(cosineSimilarity(b, a))
        expect(Math.abs(cosine)).toBeLessThanOrEqual(1)
        const isZero = a.every((value) => value === 0)
        expect(cosineSimilarity(a, a)).toBeCloseTo(isZero ? 0 : 1, 12)
      }),
    )
  })

  it('does not change when a vector is scaled', () => {
    expect(cosineSimilarity([1, 2, 3], [-1, 5, 2])).toBeCloseTo(cosineSimilarity([10, 20, 30], [-0.5, 2.5, 1]), 15)
  })
})

describe.each([
  ['dotProduct', dotProduct],
  ['cosineSimilarity', cosineSimilarity],
])('%s', (_, similarity) => {
  it.each([
    [[1, 2], [1, 2, 3], /2 and 3 dimensions/],
    [[], [], /at least one dimension/],
    [[Number.NaN], [1], /finite/],
    [[Number.POSITIVE_INFINITY], [1], /finite/],
  ])('refuses %j and %j', (a, b, message) => {
    expect(() => similarity(a, b)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', message: expect.stringMatching(message) as string }) as Error,
    )
  })
})
