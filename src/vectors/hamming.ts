/** Search among vectors of one bit per dimension, by the number of bits that differ. Knows bits only. */
import { StellaError } from '../errors.js'
import { show } from '../show.js'
import { BestRows } from './best-rows.js'
import type { BinaryCodes } from './codes.js'
import { encodedLength } from './codes.js'
import { checkLength, checkSameDimensions, checkShape, invalid } from './matrix.js'
import { differingBits } from './popcount.js'
import { checkCount, checkMatches } from './top-k.js'

/** A row of a corpus of bits, and how far it is. */
export interface HammingMatch {
  /** Row of the corpus, from 0. */
  readonly index: number
  /** Bits that differ: from 0 to the number of dimensions. */
  readonly distance: number
}

/** Rows whose distances are computed before the best of them are kept. */
const TILE_ROWS = 1024

/** Array type of each encoding, by the name that is the same in every realm. */
const KINDS = { binary: 'Int8Array', ubinary: 'Uint8Array' } as const

/**
 * Bits in which two codes differ.
 *
 * @param a - `[bytes]`, binary or ubinary
 * @param b - `[bytes]`, of the same encoding: the bytes of binary and ubinary differ in their highest bit
 * @throws {StellaError} INPUT_INVALID when they are of different encodings or sizes, or empty.
 */
export function hammingDistance(a: Int8Array | Uint8Array, b: Int8Array | Uint8Array): number {
  const kinds = [kindOf(a), kindOf(b)]
  if (kinds[0] !== kinds[1] || kinds[0] === undefined) {
    const what = 'Expected two Uint8Arrays, of ubinary, or two Int8Arrays, of binary'
    throw invalid(`${what}; got ${show(a)} and ${show(b)}`)
  }
  if (a.length !== b.length || a.length === 0) {
    throw new StellaError(
      'INPUT_INVALID',
      `Expected two codes of the same size, of at least a byte; got ${a.length} and ${b.length} bytes`,
      { details: { bytes: [a.length, b.length] } },
    )
  }
  const words = Math.ceil(a.length / Int32Array.BYTES_PER_ELEMENT)
  const out = new Int32Array(1)
  differingBits(padded(a, 1, a.length), 0, padded(b, 1, b.length), words, 1, out)
  return out[0] ?? 0
}

/**
 * The `k` rows of `corpus` that differ from each query in the fewest bits, nearest first; of equally near ones the lower
 * row. Exact, and in your thread, as {@link topK}.
 *
 * @param queries - As `encodeEmbeddings` makes them, in the encoding of `corpus`
 * @param k - An integer of at least 0; of a corpus with fewer rows all are given
 * @returns `[queries.rows]` lists of `min(k, corpus.rows)` matches
 * @throws {StellaError} INPUT_INVALID when codes are none, or of different sizes or encodings; OPTION_INVALID for `k`.
 */
export function hammingTopK(
  queries: BinaryCodes,
  corpus: BinaryCodes,
  k: number,
): readonly (readonly HammingMatch[])[] {
  checkBinaryCodes(queries, 'queries')
  checkBinaryCodes(corpus, 'corpus')
  checkSameDimensions(queries, corpus, ['queries', 'corpus'])
  if (queries.encoding !== corpus.encoding) {
    throw invalid(`Expected queries and corpus in one encoding; got ${queries.encoding} and ${corpus.encoding}`)
  }
  checkCount(k)
  const capacity = Math.min(k, corpus.rows)
  checkMatches(queries.rows, capacity)
  const bits = { left: wordsOf(queries), right: wordsOf(corpus) }
  return Array.from({ length: queries.rows }, (_, query) => nearest(bits, query, corpus, capacity))
}

/** @throws {StellaError} INPUT_INVALID when these are no codes, or their array has not the size they state. */
export function checkBinaryCodes(codes: BinaryCodes, name: string): void {
  const { encoding, data, rows, dimensions } = codes
  const kind = KINDS[encoding] as string | undefined
  if (kind === undefined || kindOf(data) !== kind) {
    throw invalid(`Expected \`${name}\` to be binary or ubinary codes, as encodeEmbeddings makes them`)
  }
  checkShape(name, rows, dimensions)
  const bytes = encodedLength(dimensions, encoding)
  checkLength(data, rows * bytes, `\`${name}.data\``, `${rows} rows of ${bytes} bytes`)
}

function nearest(
  { left, right }: { readonly left: Int32Array; readonly right: Int32Array },
  query: number,
  { rows, dimensions }: BinaryCodes,
  capacity: number,
): HammingMatch[] {
  const words = wordsOfRow(dimensions)
  const distances = new Int32Array(TILE_ROWS)
  const best = new BestRows(capacity)
  for (let first = 0; first < rows && capacity > 0; first += TILE_ROWS) {
    const count = Math.min(TILE_ROWS, rows - first)
    // A view, so that places in it stay small integers however large the corpus is.
    differingBits(left, query * words, right.subarray(first * words, (first + count) * words), words, count, distances)
    let limit = -best.threshold
    for (let row = 0; row < count; row++) {
      const distance = distances[row] ?? 0
      if (distance >= limit) continue
      best.offer(first + row, -distance)
      limit = -best.threshold
    }
  }
  return best.take().map(({ index, score }) => ({ index, distance: 0 - score }))
}

/** 32-bit words of a row: its bytes filled up with zeros. */
function wordsOfRow(dimensions: number): number {
  return Math.ceil(dimensions / 32)
}

/** `[rows, words]`: the codes' own memory where their rows lie on words, else a copy in which they do. */
function wordsOf({ data, rows, dimensions, encoding }: BinaryCodes): Int32Array {
  const bytes = encodedLength(dimensions, encoding)
  const word = Int32Array.BYTES_PER_ELEMENT
  if (bytes % word !== 0 || data.byteOffset % word !== 0) return padded(data, rows, bytes)
  return new Int32Array(data.buffer, data.byteOffset, (rows * bytes) / word)
}

/** Which byte is which in a word does not matter: both sides are read alike, and bits are only counted. */
function padded(data: Int8Array | Uint8Array, rows: number, bytes: number): Int32Array {
  const words = Math.ceil(bytes / Int32Array.BYTES_PER_ELEMENT)
  const copy = new Int32Array(rows * words)
  const target = new Int8Array(copy.buffer)
  const width = words * Int32Array.BYTES_PER_ELEMENT
  for (let row = 0; row < rows; row++) target.set(data.subarray(row * bytes, (row + 1) * bytes), row * width)
  return copy
}

function kindOf(data: unknown): 'Int8Array' | 'Uint8Array' | undefined {
  const tag = Object.prototype.toString.call(data)
  if (tag === '[object Int8Array]') return 'Int8Array'
  return tag === '[object Uint8Array]' ? 'Uint8Array' : undefined
}
