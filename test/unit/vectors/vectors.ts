/** What the tests of vectors share: random matrices, arrays of another realm, arrays that are gone, and errors. */
import { runInNewContext } from 'node:vm'

import fc from 'fast-check'
import { expect } from 'vitest'

import { normal } from '../../../bench/support/vectors.js'
import type { StellaErrorCode } from '../../../src/errors.js'
import type { EmbeddingMatrix } from '../../../src/vectors/matrix.js'

/** A float32 of any size that vectors have, with zeros of both signs among them. */
const numbers = fc.oneof(
  { weight: 8, arbitrary: fc.float({ min: -8, max: 8, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1, -1) },
  { weight: 1, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) },
)

/** Numbers among which many are equal, so that scores are. */
const fewNumbers = fc.constantFrom(-1, 0, 1)

/** Matrices of these sizes. */
export function matrices(rows: fc.Arbitrary<number>, dimensions: number, few = false): fc.Arbitrary<EmbeddingMatrix> {
  return rows.chain((count) =>
    fc
      .array(few ? fewNumbers : numbers, { minLength: count * dimensions, maxLength: count * dimensions, size: 'max' })
      .map((values) => ({ data: Float32Array.from(values), rows: count, dimensions })),
  )
}

/** The vectors of a matrix. */
export function rowsOf({ data, rows, dimensions }: EmbeddingMatrix): Float32Array[] {
  return Array.from({ length: rows }, (_, row) => data.subarray(row * dimensions, (row + 1) * dimensions))
}

/** A matrix of normally distributed numbers. */
export function normalMatrix(rows: number, dimensions: number, random: () => number): EmbeddingMatrix {
  const data = Float32Array.from({ length: rows * dimensions }, () => normal(random))
  return { data, rows, dimensions }
}

/** An array as another realm makes it, such as under Jest: `instanceof` is false for it. */
export function foreign(values: readonly number[], kind = 'Float32Array'): Float32Array {
  const array = runInNewContext(`new ${kind}(${JSON.stringify(values)})`) as Float32Array
  expect(array).not.toBeInstanceOf(Float32Array)
  return array
}

/** An array whose memory was handed to another thread. */
export function transferred(length: number): Float32Array {
  const array = new Float32Array(length)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}

/** Expects this error. */
export function refused(code: StellaErrorCode, message: RegExp): Error {
  return expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error
}
