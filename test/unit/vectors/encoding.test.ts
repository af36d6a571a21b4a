import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { generator } from '../../../bench/support/vectors.js'
import type { Encoding, ScalarEncoding } from '../../../src/vectors/codes.js'
import { ENCODINGS, encodedLength } from '../../../src/vectors/codes.js'
import { encodeEmbedding, encodeEmbeddings } from '../../../src/vectors/encoding.js'
import { matrixOf, rowOf } from '../../../src/vectors/matrix.js'
import type { EncodingRanges } from '../../../src/vectors/ranges.js'
import { encodingRanges } from '../../../src/vectors/ranges.js'
import { decodeEmbeddings } from '../../../src/vectors/scalar-codes.js'
import { foreign, matrices, normalMatrix, refused, rowsOf, transferred } from './vectors.js'

// Signs by hand: 1 0 0 1 0 1 1 0 = 0x96 = 150, then 0 1 1 1 1 1 1 1 = 0x7f = 127. Zero is not above zero.
const SIXTEEN = Float32Array.of(1, -1, 0, 0.5, -0, 1e-30, 2, -3, -1, 1, 1, 1, 1, 1, 1, 1)

/** One step of the first dimension is 1, of the second 2⁻⁸ of nothing: it never changes. */
const RANGES: EncodingRanges = { minimum: Float32Array.of(-100, 7), maximum: Float32Array.of(155, 7) }

describe('encodeEmbedding', () => {
  it('packs signs with the first dimension in the highest bit', () => {
    expect(encodeEmbedding(SIXTEEN, 'ubinary')).toEqual(Uint8Array.of(150, 127))
  })

  it('shifts binary by 128 into an int8', () => {
    expect(encodeEmbedding(SIXTEEN, 'binary')).toEqual(Int8Array.of(22, -1))
    expect(encodeEmbedding(new Float32Array(8), 'binary')).toEqual(Int8Array.of(-128))
    expect(encodeEmbedding(new Float32Array(8).fill(1), 'binary')).toEqual(Int8Array.of(127))
  })

  it('fills up the last byte with zeros', () => {
    expect(encodeEmbedding(SIXTEEN.subarray(0, 12), 'ubinary')).toEqual(Uint8Array.of(150, 0x70))
    expect(encodeEmbedding(new Float32Array(1).fill(1), 'binary')).toEqual(Int8Array.of(0))
    expect(ENCODINGS.map((encoding) => encodedLength(12, encoding))).toEqual([12, 12, 12, 2, 2])
    expect(encodedLength(1024, 'binary')).toBe(128)
  })

  it('returns float32 as it is', () => {
    expect(encodeEmbedding(SIXTEEN, 'float32')).toBe(SIXTEEN)
  })

  it('rounds down to a step, and ends where the range ends', () => {
    const codes = (value: number) => encodeEmbedding(Float32Array.of(value, 7), 'uint8', { ranges: RANGES })[0]
    expect([-100, -99.5, -99, 0, 154.9, 155, 156, 3e38, -101, -3e38].map(codes)).toEqual([
      0, 0, 1, 100, 254, 255, 255, 255, 0, 0,
    ])
  })

  it('int8 is uint8 less 128', () => {
    fc.assert(
      fc.property(matrices(fc.constant(1), 2), ({ data }) => {
        const [int8, uint8] = (['int8', 'uint8'] as const).map((encoding) =>
          encodeEmbedding(data, encoding, { ranges: RANGES }),
        )
        expect([...(int8 ?? [])]).toEqual([...(uint8 ?? [])].map((code) => code - 128))
      }),
    )
  })

  it('gives a dimension that never changes one code, and two beside it', () => {
    const codes = (value: number) => encodeEmbedding(Float32Array.of(0, value), 'uint8', { ranges: RANGES })[1]
    expect([7, 6, 9, 1e30].map(codes)).toEqual([0, 0, 2, 255])
  })

  it.each(['int8', 'uint8'] as const)('refuses %s without ranges, and says how to get them', (encoding) => {
    expect(() => encodeEmbedding(SIXTEEN, encoding)).toThrow(
      refused('OPTION_INVALID', new RegExp(`${encoding} needs \`ranges\`.*Take them with encodingRanges`)),
    )
  })

  it.each(['float32', 'binary', 'ubinary'] as const)('refuses ranges for %s', (encoding) => {
    expect(() => encodeEmbedding(SIXTEEN, encoding, { ranges: RANGES })).toThrow(
      refused('OPTION_INVALID', new RegExp(`${encoding} needs none`)),
    )
  })

  it('refuses ranges of another size, and an encoding there is not', () => {
    expect(() => encodeEmbedding(SIXTEEN, 'int8', { ranges: RANGES })).toThrow(
      refused('INPUT_INVALID', /`ranges.minimum` has 2 dimensions; expected 16/),
    )
    expect(() => encodeEmbedding(SIXTEEN, 'int4' as Encoding)).toThrow(
      refused('OPTION_INVALID', /float32, int8, uint8, binary, ubinary; got "int4"/),
    )
  })

  it.each(['int8', 'uint8', 'binary', 'ubinary'] as const)('refuses as %s what is no number', (encoding) => {
    const ranges = encoding.endsWith('int8') ? RANGES : undefined
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      expect(() => encodeEmbedding(Float32Array.of(1, value), encoding, { ranges })).toThrow(
        refused('INPUT_INVALID', /dimension 1 is (NaN|-?Infinity)/),
      )
    }
    expect(() => encodeEmbedding(transferred(2), encoding, { ranges })).toThrow(refused('INPUT_INVALID', /transferred/))
    const doubles = Float64Array.of(1, 2) as unknown as Float32Array
    expect(() => encodeEmbedding(doubles, encoding, { ranges })).toThrow(refused('INPUT_INVALID', /Float64Array/))
    const list = [1, 2] as unknown as Float32Array
    expect(() => encodeEmbedding(list, encoding, { ranges })).toThrow(refused('INPUT_INVALID', /to be a Float32Array/))
  })

  it('reads vectors of another realm', () => {
    expect(encodeEmbedding(foreign([...SIXTEEN]), 'ubinary')).toEqual(Uint8Array.of(150, 127))
  })
})

describe('encodeEmbeddings', () => {
  it('encodes each row as it would alone', () => {
    const matrix = normalMatrix(9, 13, generator(4))
    const ranges = encodingRanges(normalMatrix(50, 13, generator(5)))
    for (const encoding of ['int8', 'uint8'] as const) {
      const codes = encodeEmbeddings(matrix, encoding, { ranges })
      expect(codes).toMatchObject({ encoding, rows: 9, dimensions: 13, ranges })
      expect([...codes.data]).toEqual(rowsOf(matrix).flatMap((row) => [...encodeEmbedding(row, encoding, { ranges })]))
    }
    for (const encoding of ['binary', 'ubinary'] as const) {
      const codes = encodeEmbeddings(matrix, encoding)
      expect(codes).toMatchObject({ encoding, rows: 9, dimensions: 13 })
      expect([...codes.data]).toEqual(rowsOf(matrix).flatMap((row) => [...encodeEmbedding(row, encoding)]))
    }
  })

  it('names the row of what is no number', () => {
    const bad = matrixOf([
      [1, 2],
      [3, Number.NaN],
    ])
    expect(() => encodeEmbeddings(bad, 'binary')).toThrow(refused('INPUT_INVALID', /row 1 has NaN in dimension 1/))
    expect(() => encodeEmbeddings(bad, 'int8', { ranges: RANGES })).toThrow(refused('INPUT_INVALID', /row 1 has NaN/))
  })

  it('refuses float32, which a matrix is already', () => {
    expect(() => encodeEmbeddings(matrixOf([[1]]), 'float32' as 'binary')).toThrow(
      refused('OPTION_INVALID', /use it as it is/),
    )
  })

  it('gives no codes for no rows', () => {
    const none = { data: new Float32Array(0), rows: 0, dimensions: 2 }
    expect(encodeEmbeddings(none, 'binary').data).toEqual(new Int8Array(0))
    expect(encodeEmbeddings(none, 'uint8', { ranges: RANGES }).data).toEqual(new Uint8Array(0))
  })
})

describe('decodeEmbeddings', () => {
  it.each(['int8', 'uint8'] as const)('gives back what was encoded as %s, less than a step below', (encoding) => {
    const matrix = normalMatrix(100, 8, generator(6))
    const ranges = encodingRanges(matrix)
    const decoded = decodeEmbeddings(encodeEmbeddings(matrix, encoding, { ranges }))
    for (let row = 0; row < matrix.rows; row++) {
      for (const [d, value] of rowOf(matrix, row).entries()) {
        const step = ((ranges.maximum[d] ?? NaN) - (ranges.minimum[d] ?? NaN)) / 255
        const error = (value - (rowOf(decoded, row)[d] ?? NaN)) / step
        // Rounding of the quotient and of the result, each a float32's.
        expect(error).toBeGreaterThan(-1e-3)
        expect(error).toBeLessThan(1 + 1e-3)
      }
    }
  })

  it('refuses what is no codes', () => {
    const codes = encodeEmbeddings(matrixOf([[1, 2]]), 'int8', { ranges: RANGES })
    const uint8 = { ...codes, encoding: 'uint8' as ScalarEncoding }
    expect(() => decodeEmbeddings(uint8)).toThrow(refused('INPUT_INVALID', /int8 or uint8 codes/))
    expect(() => decodeEmbeddings({ ...codes, rows: 2 })).toThrow(refused('INPUT_INVALID', /hold 4 numbers.*got 2/))
    expect(() => decodeEmbeddings({ ...codes, encoding: 'toString' as ScalarEncoding })).toThrow(
      refused('INPUT_INVALID', /int8 or uint8 codes/),
    )
    const narrow = { minimum: Float32Array.of(0), maximum: Float32Array.of(1) }
    expect(() => decodeEmbeddings({ ...codes, ranges: narrow })).toThrow(refused('INPUT_INVALID', /1 dimensions/))
  })
})
