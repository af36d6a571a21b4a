/**
 * Makes the bytes that a transform stores of a tensor, from rows as they come. Pure: it reads and writes no file, and
 * its memory is one run of rows, but for `row8`, whose transposed codes are complete only with the last row.
 */
import { quantizeBlocks8 } from './quantize/blocks.js'
import { quantizeBlocks4 } from './quantize/blocks4.js'
import { quantizeBlocks4WithFeedback } from './quantize/error-feedback.js'
import { narrowToFloat16 } from './quantize/float16.js'
import { factorHessian } from './quantize/hessian-factor.js'
import { quantizeRows8 } from './quantize/rows8.js'
import { transposeInto } from './quantize/transpose.js'
import type { TensorTransform } from './tensor-transform.js'
import { outputsOf } from './tensor-transform.js'

/** Bytes of one output of a transform, by its index, from byte `at` of that output on. */
export interface EncodedPiece {
  readonly output: number
  readonly at: number
  readonly bytes: Uint8Array
}

/** Encodes the rows of one tensor in order. What it returns is overwritten by the next call. */
export interface TensorEncoder {
  /** Whether it needs whole rows; else a run may begin and end anywhere. */
  readonly wholeRows: boolean
  /** @param position - Elements of the tensor before `values`. */
  encode(values: Float32Array, position: number): readonly EncodedPiece[]
  /** What is left after the last row. */
  finish(): readonly EncodedPiece[]
}

/**
 * An encoder for `rows` rows of `columns` elements.
 *
 * @throws Error when the statistics for error feedback do not fit or are not finite.
 */
export function createEncoder(transform: TensorTransform, rows: number, columns: number): TensorEncoder {
  switch (transform.kind) {
    case 'float32':
      return elementwise((values) => values)
    case 'float16':
      return elementwise(narrower())
    case 'row8':
      return transposed(rows, columns)
    case 'table8':
      return rowwise(transform, columns, (values, codes, steps) => {
        quantizeRows8(values, columns, new Int8Array(codes.buffer, codes.byteOffset, codes.length), steps)
      })
    case 'block8':
      return rowwise(transform, columns, (values, codes, steps) => {
        quantizeBlocks8(values, columns, transform.block, codes, steps)
      })
    case 'block4': {
      const { block, hessian } = transform
      if (hessian === undefined) {
        return rowwise(transform, columns, (values, codes, steps) => {
          quantizeBlocks4(values, columns, block, codes, steps)
        })
      }
      const factors = factorHessian(hessian, columns, block)
      return rowwise(transform, columns, (values, codes, steps) => {
        quantizeBlocks4WithFeedback(values, columns, block, factors, codes, steps)
      })
    }
  }
}

const NOTHING = (): readonly EncodedPiece[] => []

function elementwise(convert: (values: Float32Array) => Float32Array | Uint16Array): TensorEncoder {
  return {
    wholeRows: false,
    encode: (values, position) => {
      const made = convert(values)
      return [{ output: 0, at: position * made.BYTES_PER_ELEMENT, bytes: bytesOf(made) }]
    },
    finish: NOTHING,
  }
}

function narrower(): (values: Float32Array) => Uint16Array {
  let halves = new Uint16Array()
  return (values) => {
    if (halves.length < values.length) halves = new Uint16Array(values.length)
    const made = halves.subarray(0, values.length)
    narrowToFloat16(values, made)
    return made
  }
}

/** Codes and steps of each run of rows follow those of the run before. */
function rowwise(
  transform: TensorTransform,
  columns: number,
  quantize: (values: Float32Array, codes: Uint8Array, steps: Float32Array) => void,
): TensorEncoder {
  const [codesPerRow = 0, stepBytes = 0] = outputsOf(transform, 1, columns).map(({ rowBytes }) => rowBytes ?? 0)
  const stepsPerRow = stepBytes / Float32Array.BYTES_PER_ELEMENT
  let codes = new Uint8Array()
  let steps = new Float32Array()
  return {
    wholeRows: true,
    encode: (values, position) => {
      const rows = values.length / columns
      if (codes.length < rows * codesPerRow) {
        codes = new Uint8Array(rows * codesPerRow)
        steps = new Float32Array(rows * stepsPerRow)
      }
      const madeCodes = codes.subarray(0, rows * codesPerRow)
      const madeSteps = steps.subarray(0, rows * stepsPerRow)
      quantize(values, madeCodes, madeSteps)
      const row = position / columns
      return [
        { output: 0, at: row * codesPerRow, bytes: madeCodes },
        { output: 1, at: row * stepBytes, bytes: bytesOf(madeSteps) },
      ]
    },
    finish: NOTHING,
  }
}

/** The bytes of one run of rows lie far apart in `[in, out]`: they are gathered, and written once. */
function transposed(rows: number, columns: number): TensorEncoder {
  const all = new Int8Array(rows * columns)
  const steps = new Float32Array(rows)
  let codes = new Int8Array()
  return {
    wholeRows: true,
    encode: (values, position) => {
      if (codes.length < values.length) codes = new Int8Array(values.length)
      const made = codes.subarray(0, values.length)
      const row = position / columns
      quantizeRows8(values, columns, made, steps.subarray(row))
      transposeInto(made, columns, all, rows, row)
      return []
    },
    finish: () => [
      { output: 0, at: 0, bytes: bytesOf(all) },
      { output: 1, at: 0, bytes: bytesOf(steps) },
    ],
  }
}

function bytesOf(values: Float32Array | Uint16Array | Int8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
