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
  let row = 0
  for (; row + ROWS_AT_ONCE <= rows; row += ROWS_AT_ONCE) {
    const four = data.subarray(row * dimensions, (row + ROWS_AT_ONCE) * dimensions)
    squaresOfFour(four, dimensions, lengths, row)
  }
  for (; row < rows; row++) lengths[row] = squares(data.subarray(row * dimensions, (row + 1) * dimensions))
  // No sum of squares of finite float32 numbers overflows a float64.
  if (!lengths.every(Number.isFinite)) refuseUnlessFinite(matrix, name)
  return lengths.map(Math.sqrt)
}

function squares(values: Float32Array): number {
  let sum = 0
  for (let d = 0; d < values.length; d++) sum += (values[d] ?? 0) * (values[d] ?? 0)
  return sum
}

/** Sums of the squares of four rows side by side: that of one row alone would wait for itself at every dimension. */
function squaresOfFour(rows: Float32Array, dimensions: number, out: Float64Array, to: number): void {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  const r1 = dimensions
  const r2 = r1 + dimensions
  const r3 = r2 + dimensions
  for (let d = 0; d < dimensions; d++) {
    const a = rows[d] ?? 0
    const b = rows[r1 + d] ?? 0
    const c = rows[r2 + d] ?? 0
    const e = rows[r3 + d] ?? 0
    s0 += a * a
    s1 += b * b
    s2 += c * c
    s3 += e * e
  }
  out[to] = s0
  out[to + 1] = s1
  out[to + 2] = s2
  out[to + 3] = s3
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
