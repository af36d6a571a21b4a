/** Seeded numbers for tests of quantisers, and the arithmetic they are judged by, in float64. */
import fc from 'fast-check'

import { randomStreams } from '../../../../tools/checkpoints/random.js'

/** `count` normal deviates of this deviation; the same for the same name. */
export function normals(name: string, count: number, deviation = 1): Float32Array {
  const values = new Float32Array(count)
  randomStreams(20)(name).fillNormal(values, 0, deviation)
  return values
}

/** Finite float32, zeros and subnormals included, up to `limit` in magnitude. */
export function anyFloat(limit = 1e30): fc.Arbitrary<number> {
  const max = Math.fround(limit)
  return fc.oneof(
    { weight: 6, arbitrary: fc.float({ min: -1, max: 1, noNaN: true }) },
    { weight: 3, arbitrary: fc.float({ min: -max, max, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(0, -0, 2 ** -149, -(2 ** -126), 2 ** -127) },
  )
}

/** A matrix of such numbers. */
export function anyMatrix(most: { rows: number; columns: number }): fc.Arbitrary<Matrix> {
  return fc
    .tuple(fc.integer({ min: 1, max: most.rows }), fc.integer({ min: 1, max: most.columns }))
    .chain(([rows, columns]) => {
      const values = fc.array(anyFloat(), { minLength: rows * columns, maxLength: rows * columns })
      return values.map((numbers) => ({ rows, columns, values: Float32Array.from(numbers) }))
    })
}

export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float32Array
}

/** `√(Σ(a − b)² / Σb²)` */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let error = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    error += ((a[i] ?? NaN) - (b[i] ?? NaN)) ** 2
    norm += (b[i] ?? NaN) ** 2
  }
  return Math.sqrt(error / norm)
}

/** `x [tokens, columns] · wᵀ` with `w [rows, columns]`, in float64 → `[tokens, rows]`. */
export function product(x: ArrayLike<number>, w: ArrayLike<number>, columns: number): Float64Array {
  const [tokens, rows] = [x.length / columns, w.length / columns]
  const y = new Float64Array(tokens * rows)
  for (let t = 0; t < tokens; t++) {
    for (let r = 0; r < rows; r++) {
      let sum = 0
      for (let j = 0; j < columns; j++) sum += (x[t * columns + j] ?? 0) * (w[r * columns + j] ?? 0)
      y[t * rows + r] = sum
    }
  }
  return y
}

/** What `MatMulNBits` is documented to make of a row's codes: `(code − zero) × step`, 4 bits low half first. */
export function dequantized(
  codes: Uint8Array,
  steps: Float32Array,
  shape: { readonly rows: number; readonly columns: number; readonly block: number; readonly bits: 4 | 8 },
): Float64Array {
  const { rows, columns, block, bits } = shape
  const blocks = Math.ceil(columns / block)
  const rowBytes = (blocks * block * bits) / 8
  const values = new Float64Array(rows * columns)
  for (let i = 0; i < values.length; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns]
    const byte = codes[row * rowBytes + (bits === 8 ? column : column >> 1)] ?? NaN
    const code = bits === 8 ? byte - 128 : (column % 2 === 0 ? byte & 15 : byte >> 4) - 8
    values[i] = code * (steps[row * blocks + Math.floor(column / block)] ?? NaN)
  }
  return values
}
