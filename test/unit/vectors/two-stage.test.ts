import { describe, expect, it } from 'vitest'

import { clusteredVectors, generator } from '../../../bench/support/vectors.js'
import type { BinaryCodes } from '../../../src/vectors/codes.js'
import { encodeEmbeddings } from '../../../src/vectors/encoding.js'
import type { EmbeddingMatrix } from '../../../src/vectors/matrix.js'
import { matrixOf } from '../../../src/vectors/matrix.js'
import { encodingRanges } from '../../../src/vectors/ranges.js'
import { decodeEmbeddings } from '../../../src/vectors/scalar-codes.js'
import { topK } from '../../../src/vectors/top-k.js'
import type { TwoStageOptions } from '../../../src/vectors/two-stage.js'
import { twoStageTopK } from '../../../src/vectors/two-stage.js'
import { normalMatrix, refused, rowsOf } from './vectors.js'

const K = 10

describe('twoStageTopK on 5,000 vectors of 256 dimensions in clusters', () => {
  const all = clusteredVectors(5_040, 256)
  const corpus = { data: all.data.subarray(40 * 256), rows: 5_000, dimensions: 256 }
  const queries = { data: all.data.subarray(0, 40 * 256), rows: 40, dimensions: 256 }
  const bits = encodeEmbeddings(corpus, 'ubinary')
  const int8 = encodeEmbeddings(corpus, 'int8', { ranges: encodingRanges(corpus) })
  const truth = topK(queries, corpus, K).map((matches) => new Set(matches.map(({ index }) => index)))

  /** Share of the true best that is found. */
  const recall = (options: TwoStageOptions): number => {
    const found = twoStageTopK(queries, bits, K, options)
    const hits = found.map((matches, query) => matches.filter(({ index }) => truth[query]?.has(index)).length)
    return hits.reduce((sum, count) => sum + count, 0) / (K * queries.rows)
  }

  it('finds most of the best by float32, the more the more candidates there are', () => {
    const recalls = [1, 2, 4, 10, 500].map((rescoreMultiplier) => recall({ rescore: corpus, rescoreMultiplier }))
    expect(recalls).toEqual([...recalls].sort((a, b) => a - b))
    expect(recalls[0]).toBeGreaterThan(0.5)
    expect(recalls[1]).toBeGreaterThan(0.7)
    expect(recalls[2]).toBeGreaterThan(0.9)
    expect(recalls[3]).toBeGreaterThan(0.98)
    expect(recalls[4]).toBe(1)
  })

  it('finds nearly as many by int8, and fewer by the bits alone', () => {
    const by = (rescore: TwoStageOptions['rescore']) => recall({ rescore, rescoreMultiplier: 4 })
    expect(by(int8)).toBeGreaterThan(by(corpus) - 0.02)
    expect(by('bits')).toBeLessThan(by(corpus))
    expect(by('bits')).toBeGreaterThan(recall({ rescoreMultiplier: 1 }))
  })

  it('gives, with all rows as candidates, what an exact search by these numbers gives', () => {
    const options = { rescoreMultiplier: corpus.rows / K }
    const exact = topK(queries, corpus, K, { metric: 'dot' })
    expect(twoStageTopK(queries, bits, K, { rescore: corpus, ...options })).toEqual(exact)
    const decoded = topK(queries, decodeEmbeddings(int8), K, { metric: 'dot' })
    const found = twoStageTopK(queries, bits, K, { rescore: int8, ...options })
    for (const [query, matches] of found.entries()) {
      // Decoded numbers are rounded to float32 in the one and not in the other.
      for (const [place, { score }] of matches.entries())
        expect(score).toBeCloseTo(decoded[query]?.[place]?.score ?? NaN, 6)
    }
    const asNumbers = matrixOf(rowsOf(corpus).map((row) => row.map((value) => (value > 0 ? 1 : 0))))
    expect(twoStageTopK(queries, bits, K, options)).toEqual(topK(queries, asNumbers, K, { metric: 'dot' }))
    const binary = encodeEmbeddings(corpus, 'binary')
    expect(twoStageTopK(queries, binary, K, options)).toEqual(twoStageTopK(queries, bits, K, options))
  })
})

describe('twoStageTopK', () => {
  const corpus = normalMatrix(6, 9, generator(11))
  const bits = encodeEmbeddings(corpus, 'binary')
  const search = (k: number, options?: TwoStageOptions) => twoStageTopK(corpus, bits, k, options)

  it('takes twice as many candidates unless told otherwise, and never more than there are rows', () => {
    expect(search(2)).toEqual(search(2, { rescore: 'bits', rescoreMultiplier: 2 }))
    expect(search(4, { rescoreMultiplier: Number.MAX_SAFE_INTEGER })[0]).toHaveLength(4)
    expect(search(100)[0]).toHaveLength(6)
    expect(search(0)).toEqual([[], [], [], [], [], []])
  })

  it('gives equal scores in the order of the rows', () => {
    const same = matrixOf(Array.from({ length: 5 }, () => [1, -1]))
    const found = twoStageTopK(same, encodeEmbeddings(same, 'ubinary'), 3, { rescore: same })
    expect(found[0]?.map(({ index }) => index)).toEqual([0, 1, 2])
  })

  it('does so where their bits put them the other way round', () => {
    const rows = matrixOf([
      [-1, -1],
      [1, -1],
      [1, 1],
    ])
    const zeros = { data: new Float32Array(6), rows: 3, dimensions: 2 }
    const found = twoStageTopK(matrixOf([[1, 1]]), encodeEmbeddings(rows, 'binary'), 2, { rescore: zeros })
    expect(found[0]?.map(({ index }) => index)).toEqual([0, 1])
  })

  it.each<[string, () => unknown, RegExp]>([
    ['queries of another size', () => twoStageTopK(matrixOf([[1]]), bits, 1), /got 1 and 9 dimensions/],
    [
      'numbers of other rows',
      () => search(1, { rescore: normalMatrix(5, 9, generator(12)) }),
      /rows of the corpus, 6; it has 5/,
    ],
    [
      'numbers of another size',
      () => search(1, { rescore: normalMatrix(6, 8, generator(12)) }),
      /got 8 and 9 dimensions/,
    ],
    ['bits for numbers', () => search(1, { rescore: bits as unknown as EmbeddingMatrix }), /int8 or uint8 codes/],
    ['numbers for bits', () => twoStageTopK(corpus, corpus as unknown as BinaryCodes, 1), /binary or ubinary codes/],
    [
      'a query that is none',
      () => twoStageTopK(matrixOf([Array<number>(9).fill(NaN)]), bits, 1),
      /`queries`.*row 0 has NaN/,
    ],
    [
      'a row that is none',
      () => search(6, { rescore: { ...corpus, data: corpus.data.map((value, i) => (i === 9 ? NaN : value)) } }),
      /`rescore`.*row 1 has NaN/,
    ],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(refused('INPUT_INVALID', message))
  })

  it.each<[string, TwoStageOptions | undefined, RegExp]>([
    ['a multiplier of 0', { rescoreMultiplier: 0 }, /`rescoreMultiplier` to be an integer of at least 1; got 0/],
    ['a broken multiplier', { rescoreMultiplier: 1.5 }, /got 1.5/],
    ['no way to rescore', { rescore: null as unknown as 'bits' }, /`rescore` to be 'bits'.*null/],
    ['an unknown way to rescore', { rescore: 'int8' as 'bits' }, /got "int8"/],
  ])('refuses %s', (_, options, message) => {
    expect(() => search(1, options)).toThrow(refused('OPTION_INVALID', message))
  })
})
