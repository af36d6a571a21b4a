/** The lowest and highest number of each dimension, which int8 and uint8 codes are places in. Knows numbers only. */
import { StellaError } from '../errors.js'
import { isFloat32Array } from '../realm.js'
import { show } from '../show.js'
import { notFinite } from './lengths.js'
import type { EmbeddingMatrix } from './matrix.js'
import { checkMatrix, checkVector, invalid } from './matrix.js'

/** Lowest and highest number of each dimension over many vectors. */
export interface EncodingRanges {
  /** `[dimensions]` */
  readonly minimum: Float32Array
  /** `[dimensions]`, none below its minimum */
  readonly maximum: Float32Array
}

/** Vectors that ranges can be taken from at least: of one alone, every range would be empty. */
export const MIN_CALIBRATION_VECTORS = 2

/** Vectors below which sentence-transformers warns that ranges are not stable (util/quantization.py, 6.2.0). */
export const STABLE_CALIBRATION_VECTORS = 100

/**
 * The ranges of `calibration`: embeddings of texts like those to be encoded, made with the same model, dimensions and
 * normalisation. Some hundred are enough; below 100 they are not stable.
 *
 * @param calibration - `[rows, dimensions]`, at least 2 rows
 * @throws {StellaError} INPUT_INVALID when there are too few, or a number is not finite.
 */
export function encodingRanges(calibration: EmbeddingMatrix): EncodingRanges {
  checkMatrix(calibration, 'calibration')
  const { data, rows, dimensions } = calibration
  const tracker = new RangeTracker(dimensions)
  for (let row = 0; row < rows; row++) tracker.add(data.subarray(row * dimensions, (row + 1) * dimensions))
  return tracker.ranges()
}

/** {@link encodingRanges} of vectors that come one by one, as from a stream. */
export class RangeTracker {
  /** Size of the vectors. */
  readonly dimensions: number
  readonly #minimum: Float32Array
  readonly #maximum: Float32Array
  #count = 0

  /** @throws {StellaError} OPTION_INVALID */
  constructor(dimensions: number) {
    if (!Number.isSafeInteger(dimensions) || dimensions < 1) {
      const message = `Expected \`dimensions\` to be an integer of at least 1; got ${show(dimensions)}`
      throw new StellaError('OPTION_INVALID', message, { details: { option: 'dimensions' } })
    }
    this.dimensions = dimensions
    this.#minimum = new Float32Array(dimensions).fill(Number.POSITIVE_INFINITY)
    this.#maximum = new Float32Array(dimensions).fill(Number.NEGATIVE_INFINITY)
  }

  /** Vectors added. */
  get count(): number {
    return this.#count
  }

  /** @throws {StellaError} INPUT_INVALID when it is no vector of this size, or a number is not finite. */
  add(embedding: Float32Array): void {
    checkVector(embedding, this.dimensions, 'The embedding')
    if (!embedding.every(Number.isFinite)) throw notFinite(embedding)
    for (let d = 0; d < this.dimensions; d++) {
      const value = embedding[d] ?? 0
      if (value < (this.#minimum[d] ?? 0)) this.#minimum[d] = value
      if (value > (this.#maximum[d] ?? 0)) this.#maximum[d] = value
    }
    this.#count++
  }

  /**
   * The ranges of all that was added; further ones may follow.
   *
   * @throws {StellaError} INPUT_INVALID when there are too few.
   */
  ranges(): EncodingRanges {
    if (this.#count >= MIN_CALIBRATION_VECTORS) {
      return { minimum: this.#minimum.slice(), maximum: this.#maximum.slice() }
    }
    throw new StellaError(
      'INPUT_INVALID',
      `Ranges need at least ${MIN_CALIBRATION_VECTORS} vectors, and are stable from some ` +
        `${STABLE_CALIBRATION_VECTORS}; got ${this.#count}`,
      { details: { vectors: this.#count, minimum: MIN_CALIBRATION_VECTORS } },
    )
  }
}

/**
 * @param dimensions - How many they must have; undefined for any number from 1.
 * @throws {StellaError} INPUT_INVALID unless these are ranges of that size.
 */
export function checkRanges(ranges: EncodingRanges, dimensions: number | undefined): void {
  const { minimum, maximum } = ranges
  for (const [name, values] of Object.entries({ minimum, maximum })) {
    if (!isFloat32Array(values)) throw invalid(`Expected \`ranges.${name}\` to be a Float32Array; got ${show(values)}`)
  }
  const size = checkVector(minimum, dimensions, '`ranges.minimum`')
  checkVector(maximum, size, '`ranges.maximum`')
  for (let d = 0; d < size; d++) {
    const width = Math.fround((maximum[d] ?? Number.NaN) - (minimum[d] ?? Number.NaN))
    if (width >= 0 && width < Number.POSITIVE_INFINITY) continue
    const found = `${String(minimum[d])} and ${String(maximum[d])}`
    throw invalid(`Expected ranges from a minimum to a maximum not below it, in float32; dimension ${d} has ${found}`)
  }
}
