/**
 * Dot products of many vectors with many, in loops that keep the processor busy: the innermost holds several sums at
 * once, each over one pair of vectors from the first dimension to the last. So no sum waits for the one before it, and
 * each is to the bit what a plain loop over that pair gives. Sums are float64, whose rounding (2⁻⁵³ of the terms) is
 * nothing beside that of the float32 vectors (2⁻²⁴); V8 has no faster float32 ones, as each would be rounded on its own.
 * Knows numbers only.
 */

/** Vectors on the left side that are worked on at once. */
export const LANES = 4

/** Rows of a tile: as its own view, so that places in it stay small integers however large the matrix is. */
export const TILE_ROWS = 256

/** Rows that a block of {@link LANES} vectors meets at once. */
const ROWS_A_BLOCK = 2

/** Rows that a single vector meets at once. */
const ROWS_A_VECTOR = 8

/**
 * One to {@link LANES} vectors of the left side, ready for {@link products}: widened once, and interleaved so that the
 * loop reads them in order.
 */
export interface LeftBlock {
  /** `[dimensions, lanes]` */
  readonly values: Float64Array
  readonly lanes: number
}

/** The vectors from `first`, at most {@link LANES} of them and none beyond the last. */
export function leftBlock(data: Float32Array, dimensions: number, first: number): LeftBlock {
  const left = data.length / dimensions - first
  // Two or three are done one by one: a block with unused lanes would take as long as a full one.
  const lanes = left >= LANES ? LANES : 1
  const values = new Float64Array(dimensions * lanes)
  for (let lane = 0; lane < lanes; lane++) {
    const start = (first + lane) * dimensions
    for (let d = 0; d < dimensions; d++) values[d * lanes + lane] = data[start + d] ?? 0
  }
  return { values, lanes }
}

/**
 * Dot products of a block with every row of a tile.
 *
 * @param tile - `[rows, dimensions]`
 * @param out - Takes `[rows, lanes]`.
 */
export function products(block: LeftBlock, tile: Float32Array, dimensions: number, out: Float64Array): void {
  const { values, lanes } = block
  const rows = tile.length / dimensions
  const single = lanes === 1
  const step = single ? ROWS_A_VECTOR : ROWS_A_BLOCK
  let row = 0
  for (; row + step <= rows; row += step) {
    if (single) oneByEight(values, tile, row * dimensions, dimensions, out, row)
    else fourByTwo(values, tile, row * dimensions, dimensions, out, row * LANES)
  }
  for (; row < rows; row++) {
    for (let lane = 0; lane < lanes; lane++) {
      out[row * lanes + lane] = oneByOne(values, lane, lanes, tile, row * dimensions, dimensions)
    }
  }
}

function fourByTwo(
  left: Float64Array,
  tile: Float32Array,
  first: number,
  dimensions: number,
  out: Float64Array,
  to: number,
): void {
  // V8 reads a module's constant again in every turn of a loop, a local one once: worth a sixth of the time here.
  const lanes = LANES
  let a0 = 0
  let a1 = 0
  let a2 = 0
  let a3 = 0
  let b0 = 0
  let b1 = 0
  let b2 = 0
  let b3 = 0
  const second = first + dimensions
  for (let d = 0, at = 0; d < dimensions; d++, at += lanes) {
    const a = tile[first + d] ?? 0
    const b = tile[second + d] ?? 0
    const q0 = left[at] ?? 0
    const q1 = left[at + 1] ?? 0
    const q2 = left[at + 2] ?? 0
    const q3 = left[at + 3] ?? 0
    a0 += q0 * a
    a1 += q1 * a
    a2 += q2 * a
    a3 += q3 * a
    b0 += q0 * b
    b1 += q1 * b
    b2 += q2 * b
    b3 += q3 * b
  }
  out[to] = a0
  out[to + 1] = a1
  out[to + 2] = a2
  out[to + 3] = a3
  out[to + 4] = b0
  out[to + 5] = b1
  out[to + 6] = b2
  out[to + 7] = b3
}

function oneByEight(
  left: Float64Array,
  tile: Float32Array,
  first: number,
  dimensions: number,
  out: Float64Array,
  to: number,
): void {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let s4 = 0
  let s5 = 0
  let s6 = 0
  let s7 = 0
  const r1 = first + dimensions
  const r2 = r1 + dimensions
  const r3 = r2 + dimensions
  const r4 = r3 + dimensions
  const r5 = r4 + dimensions
  const r6 = r5 + dimensions
  const r7 = r6 + dimensions
  for (let d = 0; d < dimensions; d++) {
    const q = left[d] ?? 0
    s0 += q * (tile[first + d] ?? 0)
    s1 += q * (tile[r1 + d] ?? 0)
    s2 += q * (tile[r2 + d] ?? 0)
    s3 += q * (tile[r3 + d] ?? 0)
    s4 += q * (tile[r4 + d] ?? 0)
    s5 += q * (tile[r5 + d] ?? 0)
    s6 += q * (tile[r6 + d] ?? 0)
    s7 += q * (tile[r7 + d] ?? 0)
  }
  out[to] = s0
  out[to + 1] = s1
  out[to + 2] = s2
  out[to + 3] = s3
  out[to + 4] = s4
  out[to + 5] = s5
  out[to + 6] = s6
  out[to + 7] = s7
}

function oneByOne(
  left: Float64Array,
  lane: number,
  lanes: number,
  tile: Float32Array,
  first: number,
  dimensions: number,
): number {
  let sum = 0
  for (let d = 0; d < dimensions; d++) sum += (left[d * lanes + lane] ?? 0) * (tile[first + d] ?? 0)
  return sum
}
