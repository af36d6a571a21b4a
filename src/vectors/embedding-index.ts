/** A corpus to search again and again: vectors in one block, their lengths computed once. Knows rows, not what they are. */
import { StellaError } from '../errors.js'
import { isFloat32Array } from '../realm.js'
import { show } from '../show.js'
import type { Match } from './best-rows.js'
import { lengthsOf, refuseUnlessFinite } from './lengths.js'
import type { EmbeddingMatrix, Vector } from './matrix.js'
import { allocateFloats, checkMatrix, checkSameDimensions, checkVector, matrixOf } from './matrix.js'
import type { Metric, MetricOptions } from './metric.js'
import { resolveMetric } from './metric.js'
import { pair } from './tiles.js'
import { bestOf, checkCount } from './top-k.js'

/** Rows that an index has room for when the first is added. */
const FIRST_ROWS = 64

/** What an index is for. */
export interface EmbeddingIndexOptions extends MetricOptions {
  /** Size of the vectors: `result.dimensions` of an embedding call. */
  readonly dimensions: number
}

/**
 * Vectors to be searched, in memory and in your thread. The search is exact: every row is compared with the query, as by
 * {@link topK}, which the results equal. A row is known by its number, in the order of adding; what it stands for is
 * yours to keep, in an array beside it. Rows cannot be taken out.
 */
export class EmbeddingIndex {
  /** Size of the vectors. */
  readonly dimensions: number
  /** What scores are. */
  readonly metric: Metric
  /** `[capacity, dimensions]`, of which `#rows` are there. */
  #data: Float32Array = new Float32Array(0)
  /** `[capacity]` */
  #lengths = new Float64Array(0)
  #rows = 0

  /** @throws {StellaError} OPTION_INVALID */
  constructor(options: EmbeddingIndexOptions) {
    const { dimensions } = options
    if (!Number.isSafeInteger(dimensions) || dimensions < 1) {
      throw new StellaError(
        'OPTION_INVALID',
        `Expected \`dimensions\` to be an integer of at least 1; got ${show(dimensions)}`,
        { details: { option: 'dimensions' } },
      )
    }
    this.dimensions = dimensions
    this.metric = resolveMetric(options)
  }

  /** Vectors it holds. */
  get rows(): number {
    return this.#rows
  }

  /** The vectors, as they are now: a view, not a copy, which does not see rows added later. Do not write to it. */
  get matrix(): EmbeddingMatrix {
    const { dimensions } = this
    return { data: this.#data.subarray(0, this.#rows * dimensions), rows: this.#rows, dimensions }
  }

  /**
   * Copies vectors in: all of them or, where one is refused, none.
   *
   * @param embeddings - `[n, dimensions]`: a list, such as `embeddings` of a result, or a matrix
   * @returns The row of the first; the others follow it.
   * @throws {StellaError} INPUT_INVALID when one is no vector of this size, or holds a number that is not finite;
   * MEMORY_EXHAUSTED when there is no room.
   */
  add(embeddings: readonly Vector[] | EmbeddingMatrix): number {
    const first = this.#rows
    if (Array.isArray(embeddings) && embeddings.length === 0) return first
    const matrix = isList(embeddings) ? matrixOf(embeddings) : embeddings
    checkMatrix(matrix, 'embeddings')
    checkSameDimensions(matrix, this, ['embeddings', 'index'])
    if (this.metric === 'dot') refuseUnlessFinite(matrix, 'embeddings')
    const lengths = this.metric === 'dot' ? undefined : lengthsOf(matrix, 'embeddings')
    this.#reserve(first + matrix.rows)
    this.#data.set(matrix.data, first * this.dimensions)
    if (lengths !== undefined) this.#lengths.set(lengths, first)
    this.#rows = first + matrix.rows
    return first
  }

  /**
   * The `k` rows most like the query, best first; of equally like ones the lower row.
   *
   * @param query - `[dimensions]`
   * @param k - An integer of at least 0; of fewer rows all are given
   * @throws {StellaError} INPUT_INVALID when it is no vector of this size, or not finite; OPTION_INVALID for `k`.
   */
  search(query: Vector, k: number): readonly Match[] {
    const dimensions = checkVector(query, this.dimensions, 'The query')
    const data = isFloat32Array(query) ? query : Float32Array.from(query)
    return this.searchAll({ data, rows: 1, dimensions }, k)[0] ?? []
  }

  /**
   * {@link EmbeddingIndex.search} for several queries, which together take less time than one by one.
   *
   * @param queries - `[n, dimensions]`
   * @returns `[n]` lists
   * @throws {StellaError} As for one.
   */
  searchAll(queries: EmbeddingMatrix, k: number): readonly (readonly Match[])[] {
    checkCount(k)
    return bestOf(pair(queries, this.matrix, ['queries', 'index'], this.metric, this.#lengths), k)
  }

  #reserve(rows: number): void {
    const capacity = this.#data.length / this.dimensions
    if (rows <= capacity) return
    // Doubled, so that adding one by one copies each row once or twice and not each time.
    const wanted = Math.max(rows, 2 * capacity, FIRST_ROWS)
    const data = allocateFloats(wanted * this.dimensions)
    data.set(this.#data)
    if (this.metric === 'cosine') {
      const lengths = new Float64Array(wanted)
      lengths.set(this.#lengths)
      this.#lengths = lengths
    }
    this.#data = data
  }
}

function isList(embeddings: readonly Vector[] | EmbeddingMatrix): embeddings is readonly Vector[] {
  return Array.isArray(embeddings)
}
