/**
 * Quantises rows in blocks of consecutive inputs, each with a step of its own, in the layout of ONNX Runtime's
 * `MatMulNBits`. Knows numbers, no tensor and no file.
 */
import { ROUNDING, largestMagnitude, usableStep } from './rounding.js'

/** Block lengths the operator takes. */
export const BLOCK_SIZES = [16, 32, 64, 128, 256] as const

/** Inputs that share a step. */
export type BlockSize = (typeof BLOCK_SIZES)[number]

/** Largest code of 8 bits, and what is added to store it unsigned: the operator's default zero point. */
const MAX_CODE_8 = 127
const ZERO_8 = 128

/** How a row of so many values lies in memory. */
export interface BlockLayout {
  readonly blocks: number
  /** Bytes of one row's codes; the last block is filled with zeros where the row ends inside it. */
  readonly codeBytes: number
}

/** The layout of a row. */
export function blockLayout(columns: number, block: BlockSize, bits: 4 | 8): BlockLayout {
  const blocks = Math.ceil(columns / block)
  return { blocks, codeBytes: (blocks * block * bits) / 8 }
}

/**
 * `values [rows, columns]` → `codes [rows, blocks, block]`, unsigned around 128, and `steps [rows, blocks]`; off by at
 * most half a step.
 */
export function quantizeBlocks8(
  values: Float32Array,
  columns: number,
  block: BlockSize,
  codes: Uint8Array,
  steps: Float32Array,
): void {
  const { blocks, codeBytes } = blockLayout(columns, block, 8)
  for (let row = 0, first = 0; first < values.length; row++, first += columns) {
    for (let index = 0; index < blocks; index++) {
      const start = first + index * block
      const end = Math.min(start + block, first + columns)
      const step = usableStep(largestMagnitude(values, start, end) / MAX_CODE_8)
      const inverse = 1 / step
      const shift = row * codeBytes + index * block - start
      for (let i = start; i < end; i++) {
        const code = (values[i] ?? 0) * inverse + ROUNDING - ROUNDING
        codes[i + shift] = (code > MAX_CODE_8 ? MAX_CODE_8 : code < -MAX_CODE_8 ? -MAX_CODE_8 : code) + ZERO_8
      }
      codes.fill(ZERO_8, end + shift, start + block + shift)
      steps[row * blocks + index] = step
    }
  }
}
