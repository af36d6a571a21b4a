/** Transposes bytes in tiles that stay in the processor's first cache. */

/** Rows and columns of a tile. */
const TILE = 64

/**
 * Writes `source [rows, columns]` as columns `[column, column + rows)` of `target [columns, width]`.
 *
 * @param width - Elements of a row of `target`.
 */
export function transposeInto(
  source: Int8Array,
  columns: number,
  target: Int8Array,
  width: number,
  column: number,
): void {
  const rows = source.length / columns
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(rows, top + TILE)
    for (let left = 0; left < columns; left += TILE) {
      const right = Math.min(columns, left + TILE)
      for (let j = left; j < right; j++) {
        const to = j * width + column
        for (let i = top; i < bottom; i++) target[to + i] = source[i * columns + j] ?? 0
      }
    }
  }
}
