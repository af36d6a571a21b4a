import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { generator } from '../../../bench/support/vectors.js'
import type { Match } from '../../../src/vectors/best-rows.js'
import type { EmbeddingMatrix } from '../../../src/vectors/matrix.js'
import { matrixOf } from '../../../src/vectors/matrix.js'
import type { Metric } from '../../../src/vectors/metric.js'
import { cosineSimilarity, dotProduct } from '../../../src/vectors/similarity.js'
import { MAX_MATCHES, topK } from '../../../src/vectors/top-k.js'
import { foreign, matrices, normalMatrix, refused, rowsOf } from './vectors.js'

const SIMILARITIES = { cosine: cosineSimilarity, dot: dotProduct } as const satisfies Record<Metric, unknown>
const METRICS = ['cosine', 'dot'] as const

/** The definition: every score, sorted. */
function naive(queries: EmbeddingMatrix, corpus: EmbeddingMatrix, k: number, metric: Metric): readonly Match[][] {
  return rowsOf(queries).map((query) =>
    rowsOf(corpus)
      .map((row, index) => ({ index, score: SIMILARITIES[metric](query, row) }))
      .sort((a, b) => b.score - a.score || a.index - b.index)
      .slice(0, k),
  )
}

const cases = fc
  .record({ dimensions: fc.integer({ min: 1, max: 9 }), few: fc.boolean() })
  .chain(({ dimensions, few }) =>
    fc.tuple(
      matrices(fc.integer({ min: 0, max: 10 }), dimensions, few),
      matrices(fc.integer({ min: 0, max: 30 }), dimensions, few),
      fc.integer({ min: 0, max: 35 }),
      fc.constantFrom(...METRICS),
    ),
  )

describe('topK', () => {
  it('gives what sorting all scores gives, to the bit, ties by the lower row', () => {
    fc.assert(
      fc.property(cases, ([queries, corpus, k, metric]) => {
        expect(topK(queries, corpus, k, { metric })).toEqual(naive(queries, corpus, k, metric))
      }),
      { numRuns: 400 },
    )
  })

  it.each(METRICS)('does so over more rows than it works on at once, by %s', (metric) => {
    const random = generator(1)
    const corpus = normalMatrix(1001, 33, random)
    for (const count of [1, 3, 4, 6]) {
      const queries = normalMatrix(count, 33, random)
      expect(topK(queries, corpus, 7, { metric })).toEqual(naive(queries, corpus, 7, metric))
    }
  })

  it('compares by cosine unless told otherwise', () => {
    const corpus = matrixOf([
      [10, 10],
      [1, 0],
    ])
    expect(topK(matrixOf([[1, 0]]), corpus, 1)).toEqual([[{ index: 1, score: 1 }]])
    expect(topK(matrixOf([[1, 0]]), corpus, 1, { metric: 'dot' })).toEqual([[{ index: 0, score: 10 }]])
  })

  it('gives all rows where there are fewer than k, and none for none', () => {
    const corpus = matrixOf([[1], [2]])
    expect(topK(corpus, corpus, 1000)[0]).toHaveLength(2)
    expect(topK(corpus, corpus, Number.MAX_SAFE_INTEGER)[1]).toHaveLength(2)
    expect(topK(corpus, corpus, 0)).toEqual([[], []])
    expect(topK(corpus, { data: new Float32Array(0), rows: 0, dimensions: 1 }, 3)).toEqual([[], []])
    expect(topK({ data: new Float32Array(0), rows: 0, dimensions: 1 }, corpus, 3)).toEqual([])
  })

  it('gives a vector of zeros the cosine 0, with anything', () => {
    const corpus = matrixOf([
      [0, 0],
      [-1, 0],
      [1, 0],
    ])
    expect(topK(matrixOf([[1, 0]]), corpus, 3)[0]?.map(({ index }) => index)).toEqual([2, 0, 1])
    expect(topK(matrixOf([[0, 0]]), corpus, 2)[0]).toEqual([
      { index: 0, score: 0 },
      { index: 1, score: 0 },
    ])
  })

  it('reads arrays of another realm', () => {
    const corpus = { data: foreign([1, 0, 0, 1]), rows: 2, dimensions: 2 }
    expect(topK(corpus, corpus, 1)).toEqual([[{ index: 0, score: 1 }], [{ index: 1, score: 1 }]])
  })

  it.each(METRICS)('names a number that is none, by %s', (metric) => {
    const good = matrixOf([
      [1, 2],
      [3, 4],
    ])
    const message = /row 1 has (NaN|-?Infinity) in dimension 0/
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      const bad = { data: Float32Array.of(1, 2, value, 0), rows: 2, dimensions: 2 }
      expect(() => topK(good, bad, 1, { metric })).toThrow(refused('INPUT_INVALID', /`corpus`/))
      expect(() => topK(good, bad, 1, { metric })).toThrow(refused('INPUT_INVALID', message))
      expect(() => topK(bad, good, 1, { metric })).toThrow(refused('INPUT_INVALID', /`queries`/))
      expect(() => topK(bad, good, 1, { metric })).toThrow(refused('INPUT_INVALID', message))
    }
  })

  it('takes the largest float32 numbers for what they are', () => {
    const large = matrixOf([[3e38, 3e38, -3e38, 3e38]])
    expect(topK(large, large, 1)).toEqual([[{ index: 0, score: 1 }]])
    expect(topK(large, large, 1, { metric: 'dot' })[0]?.[0]?.score).toBe(dotProduct(large.data, large.data))
  })

  it('refuses sizes that differ', () => {
    expect(() => topK(matrixOf([[1, 2]]), matrixOf([[1]]), 1)).toThrow(
      refused('INPUT_INVALID', /`queries` and `corpus` to be of the same size; got 2 and 1/),
    )
  })

  it.each([-1, 1.5, Number.NaN, Infinity, '3', undefined])('refuses k = %s', (k) => {
    const corpus = matrixOf([[1]])
    expect(() => topK(corpus, corpus, k as number)).toThrow(refused('OPTION_INVALID', /`k` to be an integer/))
  })

  it('refuses a metric there is not', () => {
    const corpus = matrixOf([[1]])
    expect(() => topK(corpus, corpus, 1, { metric: 'euclid' as Metric })).toThrow(
      refused('OPTION_INVALID', /cosine or dot; got "euclid"/),
    )
  })

  it('refuses more results than fit into memory, before it computes any', () => {
    const many = { data: new Float32Array(5000), rows: 5000, dimensions: 1 }
    expect(5000 * 5000).toBeGreaterThan(MAX_MATCHES)
    expect(() => topK(many, many, 5000)).toThrow(refused('OPTION_INVALID', /25000000 results.*at most 20000000/))
  })
})
