/** Lengths of vectors, and which number of a matrix is none. Knows numbers only. */
import { StellaError } from '../errors.js'
import type { EmbeddingMatrix } from './matrix.js'

/** Rows whose squares are added up side by side. */
const ROWS_AT_ONCE = 4

/**
 * L2 length of every row, in float64: the roots that {@link cosineSimilarity} takes.
 *
 * @param name - What to call the matrix in messages, such as `corpus`.
 * @returns `[rows]`
 * @throws {StellaError} INPUT_INVALID naming the first number that is not finite.
 */
export function lengthsOf(matrix: EmbeddingMatrix, name: string): Float64Array {
  const { data, rows, dimensions } = matrix
  const lengths = new Float64Array(rows)
  const squares = new Float64Array(ROWS_AT_ONCE)
  for (let first = 0; first < rows; first += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, rows - first)
    addSquares(data.subarray(first * dimensions, (first + count) * dimensions), dimensions, squares)
    for (let row = 0; row < count; row++) {
      const sum = squares[row] ?? 0
      // No sum of squares of finite float32 numbers overflows a float64.
      if (!Number.isFinite(sum)) refuseUnlessFinite(matrix, name)
      lengths[first + row] = Math.sqrt(sum)
    }
  }
  return lengths
}

/**
 * Sums of squares of up to {@link ROWS_AT_ONCE} rows: several at once, as the sum of one row alone would wait for itself
 * at every dimension.
 */
function addSquares(values: Float32Array, dimensions: number, out: Float64Array): void {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  if (values.length < ROWS_AT_ONCE * dimensions) {
    for (let at = 0, row = 0; at < values.length; at += dimensions, row++) {
      s0 = 0
      for (let d = at; d < at + dimensions; d++) s0 += (values[d] ?? 0) * (values[d] ?? 0)
      out[row] = s0
    }
    return
  }
  const r1 = dimensions
  const r2 = r1 + dimensions
  const r3 = r2 + dimensions
  for (let d = 0; d < dimensions; d++) {
    const a = values[d] ?? 0
    const b = values[r1 + d] ?? 0
    const c = values[r2 + d] ?? 0
    const e = values[r3 + d] ?? 0
    s0 += a * a
    s1 += b * b
    s2 += c * c
    s3 += e * e
  }
  out[0] = s0
  out[1] = s1
  out[2] = s2
  out[3] = s3
}

/** The error of a vector that holds a number that is not finite. */
export function notFinite(values: Float32Array): StellaError {
  const dimension = values.findIndex((value) => !Number.isFinite(value))
  const message = `Expected a vector of finite numbers; dimension ${dimension} is ${String(values[dimension])}`
  return new StellaError('INPUT_INVALID', message, { details: { dimension } })
}

/** @throws {StellaError} INPUT_INVALID naming the first number that is not finite. */
export function refuseUnlessFinite({ data, dimensions }: EmbeddingMatrix, name: string): void {
  const place = data.findIndex((value) => !Number.isFinite(value))
  if (place === -1) return
  const row = Math.floor(place / dimensions)
  throw new StellaError(
    'INPUT_INVALID',
    `Expected \`${name}\` to hold finite numbers; row ${row} has ${String(data[place])} in dimension ${place % dimensions}`,
    { details: { row, dimension: place % dimensions } },
  )
}
