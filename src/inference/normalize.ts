/** L2 normalisation, the last step of an embedding. */

/**
 * Scales each row of `slab [rows, width]` to length 1, in place. Sums in float64. A row of zeros stays as it is.
 *
 * @returns the first row that holds a number that is not finite; undefined when all are.
 */
export function normalizeRows(slab: Float32Array, width: number): number | undefined {
  let broken: number | undefined
  forEachRow(slab, width, (row, squares, index) => {
    if (!Number.isFinite(squares)) broken ??= index
    const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares)
    for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) * scale
  })
  return broken
}

/** The first row of `slab [rows, width]` that holds a number that is not finite. */
export function findBrokenRow(slab: Float32Array, width: number): number | undefined {
  let broken: number | undefined
  forEachRow(slab, width, (_, squares, index) => {
    if (!Number.isFinite(squares)) broken ??= index
  })
  return broken
}

function forEachRow(
  slab: Float32Array,
  width: number,
  visit: (row: Float32Array, squares: number, index: number) => void,
): void {
  for (let start = 0, index = 0; start < slab.length; start += width, index++) {
    const row = slab.subarray(start, start + width)
    let squares = 0
    for (const value of row) squares += value * value
    visit(row, squares, index)
  }
}
