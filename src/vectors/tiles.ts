/** Walks over every pair of rows of two matrices, tile by tile, with their similarities. Knows numbers only. */
import { StellaError } from '../errors.js'
import { lengthsOf, refuseUnlessFinite } from './lengths.js'
import type { EmbeddingMatrix } from './matrix.js'
import { checkMatrix, checkSameDimensions } from './matrix.js'
import type { Metric } from './metric.js'
import { cosineOf } from './metric.js'
import type { LeftBlock } from './products.js'
import { LANES, TILE_ROWS, leftBlock, products } from './products.js'

/** Similarities of some rows of `a` with some rows of `b`. The array is used again for the next tile. */
export interface Tile {
  /** `[rows, lanes]`: of row `firstRow + i` of `b` and row `firstLane + j` of `a` at `i * lanes + j`. */
  readonly scores: Float64Array
  readonly firstLane: number
  readonly lanes: number
  readonly firstRow: number
  readonly rows: number
}

/** Two matrices to be compared, checked. */
export interface Pairing {
  readonly a: EmbeddingMatrix
  readonly b: EmbeddingMatrix
  /** What they are called in messages. */
  readonly names: readonly [string, string]
  readonly metric: Metric
  /** Lengths of their rows; undefined where the metric needs none. */
  readonly lengths: { readonly a: Float64Array; readonly b: Float64Array } | undefined
}

/**
 * Checks two matrices and takes what the metric needs of them.
 *
 * @param known - Lengths of the rows of `b`, where somebody has them.
 * @throws {StellaError} INPUT_INVALID when one is no matrix, their sizes differ, or `cosine` meets a number that is not
 * finite; `dot` meets those on the way.
 */
export function pair(
  a: EmbeddingMatrix,
  b: EmbeddingMatrix,
  names: readonly [string, string],
  metric: Metric,
  known?: Float64Array,
): Pairing {
  checkMatrix(a, names[0])
  if (a !== b) checkMatrix(b, names[1])
  checkSameDimensions(a, b, names)
  if (metric === 'dot') return { a, b, names, metric, lengths: undefined }
  const ofA = lengthsOf(a, names[0])
  return { a, b, names, metric, lengths: { a: ofA, b: a === b ? ofA : (known ?? lengthsOf(b, names[1])) } }
}

/**
 * Calls `visit` with every tile: a few rows of `a` after the other, each with all of `b` in ascending order.
 *
 * @param firstRowOf - From which row of `b` on, for rows of `a` from `firstLane`. @default 0
 * @throws {StellaError} INPUT_INVALID when a number is not finite.
 */
export function eachTile(
  pairing: Pairing,
  visit: (tile: Tile) => void,
  firstRowOf: (firstLane: number) => number = () => 0,
): void {
  const { a, b } = pairing
  const { dimensions } = a
  const scores = new Float64Array(LANES * TILE_ROWS)
  for (let firstLane = 0; firstLane < a.rows;) {
    const block = leftBlock(a.data, dimensions, firstLane)
    for (let firstRow = firstRowOf(firstLane); firstRow < b.rows; firstRow += TILE_ROWS) {
      const rows = Math.min(TILE_ROWS, b.rows - firstRow)
      // A view with small places in it: those of a large matrix are no 31-bit integers, which the engine has it best in.
      const data = b.data.subarray(firstRow * dimensions, (firstRow + rows) * dimensions)
      products(block, data, dimensions, scores)
      const tile = { scores, firstLane, lanes: block.lanes, firstRow, rows }
      finish(pairing, block, tile)
      visit(tile)
    }
    firstLane += block.lanes
  }
}

/** Products to similarities, in place. */
function finish(pairing: Pairing, { lanes }: LeftBlock, { scores, firstLane, firstRow, rows }: Tile): void {
  const { lengths } = pairing
  // 0 times anything finite adds 0; one NaN or Infinity makes the sum NaN.
  let unfinite = 0
  for (let i = 0; i < rows * lanes; i++) unfinite += 0 * (scores[i] ?? 0)
  if (unfinite !== 0) throw unfiniteError(pairing)
  if (lengths === undefined) return
  for (let row = 0; row < rows; row++) {
    const length = lengths.b[firstRow + row] ?? 0
    for (let lane = 0; lane < lanes; lane++) {
      const place = row * lanes + lane
      scores[place] = cosineOf(scores[place] ?? 0, (lengths.a[firstLane + lane] ?? 0) * length)
    }
  }
}

function unfiniteError({ a, b, names }: Pairing): StellaError {
  refuseUnlessFinite(a, names[0])
  refuseUnlessFinite(b, names[1])
  // Products of finite float32 numbers cannot overflow a float64: something wrote to a matrix meanwhile.
  return new StellaError('INPUT_INVALID', `Numbers of \`${names[0]}\` or \`${names[1]}\` changed while they were read`)
}
