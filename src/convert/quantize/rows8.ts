/**
 * Quantises rows to signed bytes, symmetrically: one step per row, zero point 0, codes −127 … 127. Knows numbers, no
 * tensor and no file.
 *
 * The step always reaches the row's largest magnitude. A smaller one that clips, chosen for the least squared error,
 * was tried on rows of 1,536 and 8,960 normal, Laplace, log-normal mixed and Student-t (3) values: the error fell by
 * 0 to 0.6 %.
 */
import { ROUNDING, largestMagnitude, usableStep } from './rounding.js'

/** Largest code. −128 stays unused, so that negating a weight negates its code. */
export const MAX_CODE = 127

/**
 * `values [rows, columns]` → `codes [rows, columns]` and `steps [rows]` with `values ≈ codes × steps`; off by at most
 * half a step.
 *
 * @param values - Finite; rows = `values.length / columns`.
 */
export function quantizeRows8(values: Float32Array, columns: number, codes: Int8Array, steps: Float32Array): void {
  for (let start = 0, row = 0; start < values.length; start += columns, row++) {
    const end = start + columns
    const step = usableStep(largestMagnitude(values, start, end) / MAX_CODE)
    const inverse = 1 / step
    for (let i = start; i < end; i++) {
      const code = (values[i] ?? 0) * inverse + ROUNDING - ROUNDING
      codes[i] = code > MAX_CODE ? MAX_CODE : code < -MAX_CODE ? -MAX_CODE : code
    }
    steps[row] = step
  }
}
