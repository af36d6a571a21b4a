/** Multiplies scales into a weight before it is quantised or stored. Knows numbers, no tensor and no file. */

/** Factors for the columns and rows of a weight `[out, in]`. */
export interface WeightScales {
  /** float32 `[in]`: column `j` is multiplied by `inputScale[j]`. */
  readonly inputScale?: Float32Array | undefined
  /** float32 `[out]`: row `i` is multiplied by `outputScale[i]`. */
  readonly outputScale?: Float32Array | undefined
}

/**
 * Multiplies the scales into a run of a weight, in place, rounding once.
 *
 * @param position - Elements of the weight before `values`; a run may begin and end inside a row.
 * @param columns - Elements of a row.
 */
export function applyScales(values: Float32Array, position: number, columns: number, scales: WeightScales): void {
  const { inputScale, outputScale } = scales
  if (inputScale === undefined && outputScale === undefined) return
  for (let start = 0; start < values.length;) {
    const column = (position + start) % columns
    const row = (position + start - column) / columns
    const end = Math.min(values.length, start + columns - column)
    const output = outputScale === undefined ? 1 : (outputScale[row] ?? 1)
    if (inputScale === undefined) multiply(values, start, end, output)
    else multiplyEach(values, start, end, output, inputScale, column - start)
    start = end
  }
}

function multiply(values: Float32Array, start: number, end: number, factor: number): void {
  for (let i = start; i < end; i++) values[i] = (values[i] ?? 0) * factor
}

function multiplyEach(
  values: Float32Array,
  start: number,
  end: number,
  factor: number,
  factors: Float32Array,
  shift: number,
): void {
  for (let i = start; i < end; i++) values[i] = (values[i] ?? 0) * factor * (factors[i + shift] ?? 1)
}

/** Index of the first NaN or infinity, or −1. */
export function firstNonFinite(values: Float32Array): number {
  // Zero times a finite number is zero; times anything else it is NaN, which stays.
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i] ?? 0) * 0
  return sum === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value))
}
