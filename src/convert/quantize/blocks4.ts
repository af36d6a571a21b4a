/**
 * Quantises rows to 4 bits in blocks, in the layout of ONNX Runtime's `MatMulNBits`: two codes a byte, the first in the
 * low half, unsigned around 8. Knows numbers, no tensor and no file.
 */
import type { BlockSize } from './blocks.js'
import { blockLayout } from './blocks.js'
import { ROUNDING, usableStep } from './rounding.js'

/** Codes are −8 … 7; stored with 8 added, the operator's default zero point. */
const LEAST_CODE = -8
const MAX_CODE = 7
const ZERO_4 = 8

/** Two codes of zero. */
const ZERO_BYTE = ZERO_4 | (ZERO_4 << 4)

/** How the step of a block is found: from its largest value, or by trying several. */
export type StepSearch = 'largest' | 'search'

/**
 * `values [rows, columns]` → `codes [rows, blocks, block / 2]` and `steps [rows, blocks]`. A step may be negative.
 */
export function quantizeBlocks4(
  values: Float32Array,
  columns: number,
  block: BlockSize,
  codes: Uint8Array,
  steps: Float32Array,
  search: StepSearch = 'search',
): void {
  const { blocks, codeBytes } = blockLayout(columns, block, 4)
  const rounded = new Int8Array(columns)
  const row64 = new Float64Array(columns)
  for (let row = 0, first = 0; first < values.length; row++, first += columns) {
    for (let i = 0; i < columns; i++) row64[i] = values[first + i] ?? 0
    for (let index = 0; index < blocks; index++) {
      const start = index * block
      const end = Math.min(start + block, columns)
      const step = search === 'search' ? searchedStep(row64, start, end) : largestStep(row64, start, end)
      const inverse = 1 / step
      for (let i = start; i < end; i++) rounded[i] = code4((row64[i] ?? 0) * inverse)
      steps[row * blocks + index] = step
    }
    pack4(rounded, codes, row * codeBytes, codeBytes)
  }
}

/** The code nearest to a value in steps. */
export function code4(value: number): number {
  const code = value + ROUNDING - ROUNDING
  return code > MAX_CODE ? MAX_CODE : code < LEAST_CODE ? LEAST_CODE : code
}

/** Packs a row's codes into `bytes` from `at` on; what is left of the `length` bytes reads as zero. */
export function pack4(codes: Int8Array, bytes: Uint8Array, at: number, length: number): void {
  const pairs = codes.length >> 1
  for (let i = 0; i < pairs; i++) {
    bytes[at + i] = ((codes[2 * i] ?? 0) + ZERO_4) | (((codes[2 * i + 1] ?? 0) + ZERO_4) << 4)
  }
  bytes.fill(ZERO_BYTE, at + pairs, at + length)
  if (codes.length % 2 === 1) bytes[at + pairs] = ((codes[codes.length - 1] ?? 0) + ZERO_4) | (ZERO_4 << 4)
}

/** The step that gives the value of largest magnitude the code −8, the only one of that size. */
export function largestStep(values: Float64Array, start: number, end: number): number {
  return signedStep(extreme(values, start, end) / LEAST_CODE)
}

function signedStep(step: number): number {
  return step < 0 ? -usableStep(-step) : usableStep(step)
}

function extreme(values: Float64Array, start: number, end: number): number {
  let extreme = 0
  for (let i = start; i < end; i++) {
    const value = values[i] ?? 0
    if (Math.abs(value) > Math.abs(extreme)) extreme = value
  }
  return extreme
}

/**
 * Codes that the value of largest magnitude is tried at, in tenths: ten of them. Every tenth from −9.9 to −4.5 would take
 * four times as long and lower the error on normal weights by another 0.1 %, in blocks of 32, or 0.4 %, of 128.
 */
const TRIED_TENTHS = { from: -92, to: -56, by: 4 }

/**
 * The best of several steps: for each place the largest value could take among the codes, the codes of the others
 * follow, and from them the step of least squared error, `Σwxq / Σwq²` (as llama.cpp's `make_qx_quants` does).
 *
 * @param importance - float64 `[columns]`, how much the square of each column's error counts. @default all the same
 */
export function searchedStep(values: Float64Array, start: number, end: number, importance?: Float64Array): number {
  const largest = extreme(values, start, end)
  if (largest === 0) return 1
  let best = signedStep(largest / LEAST_CODE)
  let most = -1
  for (let tenths = TRIED_TENTHS.from; tenths <= TRIED_TENTHS.to; tenths += TRIED_TENTHS.by) {
    const inverse = tenths / 10 / largest
    let product = 0
    let square = 0
    for (let i = start; i < end; i++) {
      const value = values[i] ?? 0
      const code = code4(value * inverse)
      const weighted = code * (importance === undefined ? 1 : (importance[i] ?? 0))
      product += weighted * value
      square += weighted * code
    }
    // What the codes explain of the squares; the rest is the error.
    if (square > 0 && product * product > most * square) {
      most = (product * product) / square
      best = signedStep(product / square)
    }
  }
  return best
}
