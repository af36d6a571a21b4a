import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { generator } from '../../../bench/support/vectors.js'
import type { BinaryCodes } from '../../../src/vectors/codes.js'
import { encodeEmbeddings } from '../../../src/vectors/encoding.js'
import type { HammingMatch } from '../../../src/vectors/hamming.js'
import { hammingDistance, hammingTopK } from '../../../src/vectors/hamming.js'
import { foreign, normalMatrix, refused } from './vectors.js'

const ENCODINGS = ['binary', 'ubinary'] as const

/** The definition, bit by bit. */
function differing(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let bits = 0
  for (let i = 0; i < a.length * 8; i++) {
    const bit = 1 << (i & 7)
    if (((a[i >> 3] ?? 0) & bit) !== ((b[i >> 3] ?? 0) & bit)) bits++
  }
  return bits
}

function naive(queries: BinaryCodes, corpus: BinaryCodes, k: number): HammingMatch[][] {
  const rowsOf = ({ data, rows, dimensions }: BinaryCodes) => {
    const bytes = Math.ceil(dimensions / 8)
    return Array.from({ length: rows }, (_, row) => data.subarray(row * bytes, (row + 1) * bytes))
  }
  return rowsOf(queries).map((query) =>
    rowsOf(corpus)
      .map((row, index) => ({ index, distance: differing(query, row) }))
      .sort((a, b) => a.distance - b.distance || a.index - b.index)
      .slice(0, k),
  )
}

describe('hammingDistance', () => {
  it('counts the bits that differ, of any number of bytes, wherever they lie in memory', () => {
    const pairs = fc
      .integer({ min: 1, max: 300 })
      .chain((bytes) =>
        fc.tuple(
          fc.uint8Array({ minLength: bytes, maxLength: bytes }),
          fc.uint8Array({ minLength: bytes, maxLength: bytes }),
          fc.integer({ min: 0, max: 3 }),
        ),
      )
    fc.assert(
      fc.property(pairs, ([a, b, shift]) => {
        const shifted = new Uint8Array(b.length + shift)
        shifted.set(b, shift)
        expect(hammingDistance(a, shifted.subarray(shift))).toBe(differing(a, b))
        expect(hammingDistance(new Int8Array(a.buffer), Int8Array.from(b))).toBe(differing(a, b))
      }),
      { numRuns: 300 },
    )
  })

  it('is every bit between opposites, and 0 between equals', () => {
    for (const bytes of [1, 4, 31, 32, 33, 64, 128, 256, 1024]) {
      const [none, all] = [new Uint8Array(bytes), new Uint8Array(bytes).fill(255)]
      expect(hammingDistance(none, all)).toBe(bytes * 8)
      expect(hammingDistance(all, all)).toBe(0)
    }
  })

  it.each<[string, unknown, unknown, RegExp]>([
    ['codes of two encodings', Int8Array.of(1), Uint8Array.of(1), /Int8Array\) and an object \(Uint8Array/],
    ['vectors', Float32Array.of(1), Float32Array.of(1), /Expected two Uint8Arrays/],
    ['lists', [1], [1], /Expected two Uint8Arrays/],
    ['nothing', undefined, undefined, /Expected two Uint8Arrays/],
    ['sizes that differ', Uint8Array.of(1), Uint8Array.of(1, 2), /got 1 and 2 bytes/],
    ['empty codes', new Uint8Array(0), new Uint8Array(0), /of at least a byte/],
  ])('refuses %s', (_, a, b, message) => {
    expect(() => hammingDistance(a as Uint8Array, b as Uint8Array)).toThrow(refused('INPUT_INVALID', message))
  })

  it('reads codes of another realm', () => {
    const code = foreign([0, 255], 'Uint8Array') as unknown as Uint8Array
    expect(hammingDistance(code, Uint8Array.of(0, 0))).toBe(8)
  })
})

describe.each(ENCODINGS)('hammingTopK of %s', (encoding) => {
  it.each([1, 7, 8, 20, 32, 100, 256, 1000, 1024])(
    'gives what sorting all distances gives, with %i dimensions',
    (size) => {
      const random = generator(size)
      const corpus = encodeEmbeddings(normalMatrix(2100, size, random), encoding)
      const queries = encodeEmbeddings(normalMatrix(3, size, random), encoding)
      for (const k of [1, 10, 3000]) expect(hammingTopK(queries, corpus, k)).toEqual(naive(queries, corpus, k))
    },
  )

  it('reads codes that begin anywhere in memory', () => {
    const corpus = encodeEmbeddings(normalMatrix(50, 64, generator(7)), encoding)
    const memory = new Uint8Array(corpus.data.length + 3)
    memory.set(new Uint8Array(corpus.data.buffer), 3)
    const kind = encoding === 'binary' ? Int8Array : Uint8Array
    const moved = { ...corpus, data: new kind(memory.buffer, 3, corpus.data.length) }
    expect(hammingTopK(moved, moved, 5)).toEqual(hammingTopK(corpus, corpus, 5))
  })

  it('gives none for none', () => {
    const corpus = encodeEmbeddings(normalMatrix(5, 8, generator(8)), encoding)
    const none = { ...corpus, data: corpus.data.subarray(0, 0), rows: 0 }
    expect(hammingTopK(corpus, corpus, 0)).toEqual([[], [], [], [], []])
    expect(hammingTopK(none, corpus, 3)).toEqual([])
    expect(hammingTopK(corpus, none, 3)).toEqual([[], [], [], [], []])
  })
})

describe('hammingTopK', () => {
  const [binary, ubinary] = ENCODINGS.map((encoding) => encodeEmbeddings(normalMatrix(2, 16, generator(9)), encoding))
  if (binary === undefined || ubinary === undefined) throw new Error('no codes')

  it.each<[string, () => unknown, RegExp]>([
    ['codes of two encodings', () => hammingTopK(binary, ubinary, 1), /one encoding; got binary and ubinary/],
    ['other sizes', () => hammingTopK({ ...binary, dimensions: 9 }, binary, 1), /got 9 and 16 dimensions/],
    [
      'arrays of the other encoding',
      () => hammingTopK({ ...binary, data: ubinary.data }, binary, 1),
      /`queries` to be/,
    ],
    ['fewer bytes than it says', () => hammingTopK(binary, { ...binary, rows: 3 }, 1), /hold 6 numbers.*got 4/],
    ['no encoding', () => hammingTopK(binary, { ...binary, encoding: 'x' as 'binary' }, 1), /`corpus` to be binary/],
  ])('refuses %s', (_, search, message) => {
    expect(search).toThrow(refused('INPUT_INVALID', message))
  })

  it('refuses a k that is no number of matches', () => {
    expect(() => hammingTopK(binary, binary, -1)).toThrow(refused('OPTION_INVALID', /`k`/))
  })
})
