/** The rows of a corpus that are most like each query, exactly. Knows numbers only: no model, no text. */
import { StellaError } from '../errors.js'
import { show } from '../show.js'
import type { Match } from './best-rows.js'
import { BestRows } from './best-rows.js'
import type { EmbeddingMatrix } from './matrix.js'
import type { MetricOptions } from './metric.js'
import { resolveMetric } from './metric.js'
import type { Pairing, Tile } from './tiles.js'
import { eachTile, pair } from './tiles.js'

/** Matches of one call, over all its queries: each is an object, of about 40 bytes. */
export const MAX_MATCHES = 20_000_000

/**
 * The `k` rows of `corpus` most like each query, best first; of equally like ones the lower row. Every row is compared:
 * no index, no approximation. The scores are those of `cosineSimilarity` or `dotProduct`, to the bit.
 *
 * It computes in your thread and holds it until done: `queries.rows × corpus.rows × dimensions × 2` operations, at a few
 * thousand million a second. A server calls it in a worker thread where that is too long.
 *
 * @param queries - `[queries, dimensions]`
 * @param corpus - `[rows, dimensions]`; its rows' lengths are computed for every call, see {@link EmbeddingIndex}
 * @param k - An integer of at least 0; of a corpus with fewer rows all are given
 * @returns `[queries]` lists of `min(k, corpus.rows)` matches
 * @throws {StellaError} INPUT_INVALID when a matrix is none, sizes differ, or a number is not finite; OPTION_INVALID for
 * `k` and `metric`.
 */
export function topK(
  queries: EmbeddingMatrix,
  corpus: EmbeddingMatrix,
  k: number,
  options: MetricOptions = {},
): readonly (readonly Match[])[] {
  const metric = resolveMetric(options)
  checkCount(k)
  return bestOf(pair(queries, corpus, ['queries', 'corpus'], metric), k)
}

/** {@link topK} of matrices that are checked. */
export function bestOf(pairing: Pairing, k: number): readonly (readonly Match[])[] {
  const { a: queries, b: corpus } = pairing
  const capacity = Math.min(k, corpus.rows)
  checkMatches(queries.rows, capacity)
  const found: Match[][] = Array.from({ length: queries.rows }, () => [])
  if (capacity === 0) return found
  let kept: BestRows[] = []
  eachTile(pairing, (tile) => {
    if (tile.firstRow === 0) kept = Array.from({ length: tile.lanes }, () => new BestRows(capacity))
    offerAll(kept, tile)
    if (tile.firstRow + tile.rows < corpus.rows) return
    for (const [lane, best] of kept.entries()) found[tile.firstLane + lane] = best.take()
  })
  return found
}

/** @throws {StellaError} OPTION_INVALID unless `k` can be a number of matches. */
export function checkCount(k: number): void {
  if (Number.isSafeInteger(k) && k >= 0) return
  throw new StellaError('OPTION_INVALID', `Expected \`k\` to be an integer of at least 0; got ${show(k)}`, {
    details: { option: 'k' },
  })
}

/** @throws {StellaError} OPTION_INVALID when so many results would not fit into memory. */
export function checkMatches(queries: number, k: number): void {
  const matches = queries * k
  if (matches <= MAX_MATCHES) return
  throw new StellaError(
    'OPTION_INVALID',
    `${queries} queries with ${k} matches each are ${matches} results; a call gives at most ${MAX_MATCHES}. ` +
      'Ask with fewer queries at once, or for a smaller `k`',
    { details: { option: 'k', matches, limit: MAX_MATCHES } },
  )
}

function offerAll(kept: readonly BestRows[], { scores, lanes, firstRow, rows }: Tile): void {
  for (const [lane, best] of kept.entries()) {
    let threshold = best.threshold
    for (let row = 0; row < rows; row++) {
      const score = scores[row * lanes + lane] ?? 0
      // A heap that is not full has a threshold below every score.
      if (score <= threshold) continue
      best.offer(firstRow + row, score)
      threshold = best.threshold
    }
  }
}
