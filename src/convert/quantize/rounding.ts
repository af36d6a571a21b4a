/** The arithmetic that all quantisers share. */

/**
 * Added to and taken from a double below 2^51 in magnitude, this rounds it to the nearest integer, ties to even:
 * 1.5 × 2^52 leaves no bits for a fraction. `Math.round` takes several times as long.
 */
export const ROUNDING = 6755399441055744

/**
 * Least step between two codes: float32's least normal number. Below it a step has few bits left, and engines that
 * flush subnormals would read zero.
 */
export const MIN_STEP = 2 ** -126

/** A step as float32 that an engine reads back as it is; for a row of zeros, where any would do, one. */
export function usableStep(step: number): number {
  return step === 0 ? 1 : Math.max(MIN_STEP, Math.fround(step))
}

/** Largest magnitude in `values[start, end)`. */
export function largestMagnitude(values: Float32Array, start: number, end: number): number {
  let largest = 0
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(values[i] ?? 0)
    if (magnitude > largest) largest = magnitude
  }
  return largest
}
