/**
 * Rounds to 4 bits so that the error a column makes in a layer's output is made up for by the columns after it.
 * Knows numbers, no tensor and no file.
 */
import type { BlockSize } from './blocks.js'
import { blockLayout } from './blocks.js'
import { code4, pack4, searchedStep } from './blocks4.js'
import type { GroupFactor } from './hessian-factor.js'

/**
 * As `quantizeBlocks4`, for inputs that are correlated as `factors` say.
 *
 * @param factors - Of `factorHessian`, for these columns and this block.
 */
export function quantizeBlocks4WithFeedback(
  values: Float32Array,
  columns: number,
  block: BlockSize,
  factors: readonly GroupFactor[],
  codes: Uint8Array,
  steps: Float32Array,
): void {
  const { blocks, codeBytes } = blockLayout(columns, block, 4)
  const rounded = new Int8Array(columns)
  const longest = Math.max(...factors.map(({ order }) => order.length))
  const scratch = { targets: new Float64Array(longest), errors: new Float64Array(longest) }
  for (let row = 0, first = 0; first < values.length; row++, first += columns) {
    let start = 0
    for (const factor of factors) {
      roundGroup(values, first + start, factor, block, scratch, rounded, start, steps, row * blocks)
      start += factor.order.length
    }
    pack4(rounded, codes, row * codeBytes, codeBytes)
  }
}

function roundGroup(
  values: Float32Array,
  first: number,
  { order, feedback, importance }: GroupFactor,
  block: number,
  { targets, errors }: { readonly targets: Float64Array; readonly errors: Float64Array },
  rounded: Int8Array,
  start: number,
  steps: Float32Array,
  firstStep: number,
): void {
  const n = order.length
  for (let from = 0; from < n;) {
    // A block's inputs lie together in the rounding order; the last block of a row may be short.
    const index = Math.floor((order[from] ?? 0) / block)
    const to = Math.min(from + Math.min(block, n - index * block), n)
    for (let k = from; k < to; k++)
      targets[k] = (values[first + (order[k] ?? 0)] ?? 0) + dot(feedback, k * n, errors, 0, from)
    const step = searchedStep(targets, from, to, importance)
    const inverse = 1 / step
    steps[firstStep + Math.floor(start / block) + index] = step
    for (let k = from; k < to; k++) {
      const target = (targets[k] ?? 0) + dot(feedback, k * n, errors, from, k)
      const code = code4(target * inverse)
      const input = order[k] ?? 0
      errors[k] = (values[first + input] ?? 0) - code * step
      rounded[start + input] = code
    }
    from = to
  }
}

/** `Σ a[shift + i] b[i]` over `[start, end)`, in four sums: one would wait for itself at every step. */
function dot(a: Float64Array, shift: number, b: Float64Array, start: number, end: number): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let i = start
  for (; i + 3 < end; i += 4) {
    s0 += (a[shift + i] ?? 0) * (b[i] ?? 0)
    s1 += (a[shift + i + 1] ?? 0) * (b[i + 1] ?? 0)
    s2 += (a[shift + i + 2] ?? 0) * (b[i + 2] ?? 0)
    s3 += (a[shift + i + 3] ?? 0) * (b[i + 3] ?? 0)
  }
  for (; i < end; i++) s0 += (a[shift + i] ?? 0) * (b[i] ?? 0)
  return s0 + s1 + s2 + s3
}
