/** How alike each vector of one matrix is to each of another. Knows numbers only: no model, no text. */
import { StellaError } from '../errors.js'
import type { EmbeddingMatrix } from './matrix.js'
import { allocateFloats } from './matrix.js'
import type { MetricOptions } from './metric.js'
import { resolveMetric } from './metric.js'
import { eachTile, pair } from './tiles.js'

/** Numbers of a result: 4 GiB. */
export const MAX_SIMILARITIES = 2 ** 30

/** A number for each pair. */
export interface SimilarityMatrix {
  /** `[rows, columns]`: that of row `i` of the first and row `j` of the second at `i * columns + j`. */
  readonly data: Float32Array
  /** Rows of the first matrix. */
  readonly rows: number
  /** Rows of the second matrix. */
  readonly columns: number
}

/**
 * The similarity of every row of `a` with every row of `b`: that of `cosineSimilarity` or `dotProduct`, rounded to
 * float32. Without `b`, or with the same matrix as both, of each pair of rows of `a`; each pair is computed once then.
 *
 * It computes in your thread and holds it until done, see {@link topK}; where only the best few are wanted, that one
 * needs less memory.
 *
 * @param a - `[rows, dimensions]`
 * @param b - `[columns, dimensions]`; @default a
 * @returns `[rows, columns]`
 * @throws {StellaError} INPUT_INVALID when a matrix is none, sizes differ, a number is not finite, or there are too many
 * pairs; OPTION_INVALID for `metric`; MEMORY_EXHAUSTED when there is no room for the result.
 */
export function similarityMatrix(
  a: EmbeddingMatrix,
  b: EmbeddingMatrix = a,
  options: MetricOptions = {},
): SimilarityMatrix {
  const pairing = pair(a, b, ['a', 'b'], resolveMetric(options))
  const { rows } = a
  const columns = b.rows
  checkPairs(rows, columns)
  const data = allocateFloats(rows * columns)
  const symmetric = a === b
  eachTile(
    pairing,
    ({ scores, firstLane, lanes, firstRow, rows: count }) => {
      for (let lane = 0; lane < lanes; lane++) {
        const row = firstLane + lane
        for (let i = 0; i < count; i++) {
          const score = scores[i * lanes + lane] ?? 0
          const column = firstRow + i
          data[row * columns + column] = score
          if (symmetric) data[column * columns + row] = score
        }
      }
    },
    // The pairs before it were met from the other side.
    symmetric ? (firstLane) => firstLane : undefined,
  )
  return { data, rows, columns }
}

function checkPairs(rows: number, columns: number): void {
  const pairs = rows * columns
  if (pairs <= MAX_SIMILARITIES) return
  throw new StellaError(
    'INPUT_INVALID',
    `${rows} × ${columns} vectors are ${pairs} similarities; a call gives at most ${MAX_SIMILARITIES}. ` +
      'Use topK for the best of each, or work through `a` in parts',
    { details: { pairs, limit: MAX_SIMILARITIES } },
  )
}
