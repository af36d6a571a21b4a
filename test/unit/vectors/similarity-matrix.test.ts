import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { generator } from '../../../bench/support/vectors.js'
import { matrixOf } from '../../../src/vectors/matrix.js'
import { cosineSimilarity, dotProduct } from '../../../src/vectors/similarity.js'
import { MAX_SIMILARITIES, similarityMatrix } from '../../../src/vectors/similarity-matrix.js'
import { matrices, normalMatrix, refused, rowsOf } from './vectors.js'

const METRICS = [
  ['cosine', cosineSimilarity],
  ['dot', dotProduct],
] as const

const pairs = fc
  .integer({ min: 1, max: 9 })
  .chain((dimensions) =>
    fc.tuple(
      matrices(fc.integer({ min: 0, max: 11 }), dimensions),
      matrices(fc.integer({ min: 0, max: 11 }), dimensions),
    ),
  )

describe.each(METRICS)('similarityMatrix by %s', (metric, similarity) => {
  it('is the similarity of each pair, rounded to float32', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const expected = rowsOf(a).flatMap((row) => rowsOf(b).map((column) => similarity(row, column)))
        expect(similarityMatrix(a, b, { metric })).toEqual({
          data: Float32Array.from(expected),
          rows: a.rows,
          columns: b.rows,
        })
      }),
    )
  })

  it('of one matrix with itself is the same as with a copy', () => {
    const a = normalMatrix(300, 5, generator(2))
    const twice = similarityMatrix(a, a, { metric })
    expect(twice).toEqual(similarityMatrix(a, { ...a }, { metric }))
    if (metric === 'cosine') expect(similarityMatrix(a)).toEqual(twice)
  })
})

it('similarityMatrix refuses what would not fit into memory', () => {
  const rows = 40_000
  const many = { data: new Float32Array(rows), rows, dimensions: 1 }
  expect(rows * rows).toBeGreaterThan(MAX_SIMILARITIES)
  expect(() => similarityMatrix(many)).toThrow(
    refused('INPUT_INVALID', /1600000000 similarities; a call gives at most/),
  )
})

it('similarityMatrix names a number that is none, and refuses sizes that differ', () => {
  const bad = matrixOf([[1], [Number.NaN]])
  for (const [metric] of METRICS) {
    expect(() => similarityMatrix(bad, bad, { metric })).toThrow(refused('INPUT_INVALID', /`a`.*row 1 has NaN/))
    expect(() => similarityMatrix(matrixOf([[1]]), bad, { metric })).toThrow(refused('INPUT_INVALID', /`b`.*row 1/))
  }
  expect(() => similarityMatrix(bad, matrixOf([[1, 2]]))).toThrow(refused('INPUT_INVALID', /got 1 and 2 dimensions/))
})
