/** Codes and searches against sentence-transformers' own, which tools/reference/quantization.py wrote down. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { encodeEmbeddings } from '../../../src/vectors/encoding.js'
import { hammingTopK } from '../../../src/vectors/hamming.js'
import type { EmbeddingMatrix } from '../../../src/vectors/matrix.js'
import { rowOf } from '../../../src/vectors/matrix.js'
import { encodingRanges } from '../../../src/vectors/ranges.js'
import { decodeEmbeddings } from '../../../src/vectors/scalar-codes.js'
import { twoStageTopK } from '../../../src/vectors/two-stage.js'

interface EncodingCase {
  readonly dimensions: number
  readonly calibration: string
  readonly embeddings: string
  readonly minimum: string
  readonly maximum: string
  readonly codes: Readonly<Record<'int8' | 'uint8' | 'binary' | 'ubinary', string>>
  readonly decoded: Readonly<Record<'int8' | 'uint8', string>>
}

/** Rows with their distance or score, for each query. */
type Found = readonly (readonly (readonly [number, number])[])[]

interface SearchCase {
  readonly dimensions: number
  readonly k: number
  readonly rescoreMultiplier: number
  readonly corpus: string
  readonly queries: string
  readonly hamming: Found
  readonly bits: Found
  readonly int8: Found
}

const GOLDEN = JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/quantization.json'), 'utf8')) as {
  readonly version: string
  readonly encodings: readonly EncodingCase[]
  readonly searches: readonly SearchCase[]
}

/** Sums of the library and of this package add up in different orders. */
const MAX_RELATIVE_ERROR = 1e-12

function floats(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer)
}

function matrix(text: string, dimensions: number): EmbeddingMatrix {
  const data = floats(text)
  return { data, rows: data.length / dimensions, dimensions }
}

function bytes(text: string): number[] {
  return [...Buffer.from(text, 'base64')]
}

it('the reference is the release that saturates', () => {
  expect(GOLDEN.version).toBe('6.2.0')
})

describe.each(GOLDEN.encodings)('with $dimensions dimensions', (golden) => {
  const { dimensions } = golden
  const ranges = encodingRanges(matrix(golden.calibration, dimensions))
  const embeddings = matrix(golden.embeddings, dimensions)

  it('ranges are the same', () => {
    expect(ranges).toEqual({ minimum: floats(golden.minimum), maximum: floats(golden.maximum) })
  })

  it.each(['int8', 'uint8'] as const)('%s codes are the same, byte for byte, and stand for the same', (encoding) => {
    const codes = encodeEmbeddings(embeddings, encoding, { ranges })
    expect([...new Uint8Array(codes.data.buffer)]).toEqual(bytes(golden.codes[encoding]))
    const decoded = new Float64Array(Uint8Array.from(Buffer.from(golden.decoded[encoding], 'base64')).buffer)
    expect(decodeEmbeddings(codes).data).toEqual(Float32Array.from(decoded))
  })

  it.each(['binary', 'ubinary'] as const)('%s codes are the same, byte for byte', (encoding) => {
    const codes = encodeEmbeddings(embeddings, encoding)
    expect([...new Uint8Array(codes.data.buffer)]).toEqual(bytes(golden.codes[encoding]))
  })

  it('both ends of the range are met, and what lies beyond them', () => {
    const uint8 = encodeEmbeddings(embeddings, 'uint8', { ranges })
    const row = (index: number) => [...rowOf({ ...uint8, data: Float32Array.from(uint8.data) }, index)]
    expect(row(0)).toEqual(Array(dimensions).fill(0))
    expect(row(4)).toEqual(Array(dimensions).fill(255))
    expect(row(5)).toEqual(Array(dimensions).fill(0))
  })
})

describe.each(GOLDEN.searches)('of vectors with $dimensions dimensions', (golden) => {
  const { dimensions, k, rescoreMultiplier } = golden
  const corpus = matrix(golden.corpus, dimensions)
  const queries = matrix(golden.queries, dimensions)
  const codes = encodeEmbeddings(corpus, 'ubinary')

  it('the nearest by their bits are the same', () => {
    const found = hammingTopK(encodeEmbeddings(queries, 'ubinary'), codes, k)
    expect(found.map((matches) => matches.map(({ index, distance }) => [index, distance]))).toEqual(golden.hamming)
  })

  it.each(['bits', 'int8'] as const)('the best of them by %s are the same, with the same scores', (by) => {
    const ranges = encodingRanges(corpus)
    const rescore = by === 'bits' ? by : encodeEmbeddings(corpus, 'int8', { ranges })
    const found = twoStageTopK(queries, codes, k, { rescore, rescoreMultiplier })
    expect(found.map((matches) => matches.map(({ index }) => index))).toEqual(
      golden[by].map((hits) => hits.map(([index]) => index)),
    )
    const scores = found.flatMap((matches) => matches.map(({ score }) => score))
    for (const [place, expected] of golden[by].flat().entries()) {
      expect(Math.abs((scores[place] ?? NaN) / expected[1] - 1)).toBeLessThan(MAX_RELATIVE_ERROR)
    }
  })
})
