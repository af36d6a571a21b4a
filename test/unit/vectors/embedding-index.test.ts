import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { generator } from '../../../bench/support/vectors.js'
import { EmbeddingIndex } from '../../../src/vectors/embedding-index.js'
import type { Vector } from '../../../src/vectors/matrix.js'
import { matrixOf } from '../../../src/vectors/matrix.js'
import { topK } from '../../../src/vectors/top-k.js'
import { foreign, matrices, normalMatrix, refused, rowsOf, transferred } from './vectors.js'

const DIMENSIONS = 3

describe('EmbeddingIndex', () => {
  it('finds what topK finds, however its rows were added', () => {
    const parts = fc.array(matrices(fc.integer({ min: 1, max: 40 }), DIMENSIONS), { minLength: 1, maxLength: 6 })
    const queries = matrices(fc.integer({ min: 1, max: 5 }), DIMENSIONS)
    const metrics = fc.constantFrom('cosine' as const, 'dot' as const)
    fc.assert(
      fc.property(parts, queries, metrics, fc.boolean(), (added, asked, metric, asLists) => {
        const index = new EmbeddingIndex({ dimensions: DIMENSIONS, metric })
        let rows = 0
        for (const part of added) {
          expect(index.add(asLists ? rowsOf(part) : part)).toBe(rows)
          rows += part.rows
        }
        expect(index.rows).toBe(rows)
        const whole = matrixOf(added.flatMap(rowsOf))
        expect(index.matrix).toEqual(whole)
        const expected = topK(asked, whole, 4, { metric })
        expect(index.searchAll(asked, 4)).toEqual(expected)
        expect(rowsOf(asked).map((query) => index.search(query, 4))).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  it('holds its own copy', () => {
    const index = new EmbeddingIndex({ dimensions: 1 })
    const vector = Float32Array.of(1)
    index.add([vector])
    vector[0] = -1
    expect(index.search([1], 1)).toEqual([{ index: 0, score: 1 }])
  })

  it('grows one by one', () => {
    const index = new EmbeddingIndex({ dimensions: 2, metric: 'dot' })
    for (let i = 0; i < 1000; i++) index.add([Float32Array.of(i, 0)])
    expect(index.search(Float32Array.of(1, 0), 2)).toEqual([
      { index: 999, score: 999 },
      { index: 998, score: 998 },
    ])
  })

  it('finds nothing while it is empty, and adds nothing of an empty list', () => {
    const index = new EmbeddingIndex({ dimensions: 2 })
    expect(index.add([])).toBe(0)
    expect(index.search([1, 2], 3)).toEqual([])
    expect(index.matrix).toEqual({ data: new Float32Array(0), rows: 0, dimensions: 2 })
  })

  it('takes vectors of another realm', () => {
    const index = new EmbeddingIndex({ dimensions: 2 })
    index.add([foreign([0, 1]), foreign([1, 0])])
    expect(index.search(foreign([2, 0]), 1)).toEqual([{ index: 1, score: 1 }])
  })

  it.each<[string, unknown, RegExp]>([
    ['another size', [[1, 2, 3]], /`embeddings` and `index` to be of the same size; got 3 and 2/],
    ['a number that is none', [Float32Array.of(1, 1), Float32Array.of(1, Number.NaN)], /row 1 has NaN in dimension 1/],
    ['no vectors', 'abc', /EmbeddingMatrix/],
    ['an array that went away', [transferred(2)], /transferred/],
  ])('refuses %s, and stays as it was', (_, given, message) => {
    for (const metric of ['cosine', 'dot'] as const) {
      const index = new EmbeddingIndex({ dimensions: 2, metric })
      index.add([[0, 1]])
      expect(() => index.add(given as Vector[])).toThrow(refused('INPUT_INVALID', message))
      expect(index.rows).toBe(1)
      expect(index.search([0, 2], 5)).toHaveLength(1)
    }
  })

  it('refuses a query of another size, and one that is no vector', () => {
    const index = new EmbeddingIndex({ dimensions: 2 })
    index.add(normalMatrix(5, 2, generator(3)))
    expect(() => index.search([1, 2, 3], 1)).toThrow(refused('INPUT_INVALID', /The query has 3 dimensions; expected 2/))
    expect(() => index.search(Float64Array.of(1, 2) as unknown as Float32Array, 1)).toThrow(
      refused('INPUT_INVALID', /not a vector/),
    )
    expect(() => index.search([1, Number.NaN], 1)).toThrow(refused('INPUT_INVALID', /`queries`.*NaN/))
    expect(() => index.search([1, 2], -1)).toThrow(refused('OPTION_INVALID', /`k`/))
  })

  it.each([0, -1, 1.5, undefined])('refuses %s dimensions', (dimensions) => {
    expect(() => new EmbeddingIndex({ dimensions: dimensions as number })).toThrow(
      refused('OPTION_INVALID', /`dimensions` to be an integer of at least 1/),
    )
  })
})
