/**
 * Vectors to their smaller forms: one byte or one bit per dimension. Knows numbers only.
 * `tools/reference/quantization.py` makes the codes that tests compare with.
 */
import { StellaError } from '../errors.js'
import { isFloat32Array } from '../realm.js'
import { show } from '../show.js'
import { packSigns } from './bits.js'
import type {
  BinaryCodes,
  BinaryEncoding,
  EncodedArrays,
  EncodedEmbedding,
  Encoding,
  ScalarCodes,
  ScalarEncoding,
} from './codes.js'
import { ENCODINGS, encodedLength, isBinary } from './codes.js'
import { notFinite, refuseUnlessFinite } from './lengths.js'
import type { EmbeddingMatrix } from './matrix.js'
import { checkMatrix, checkVector, invalid } from './matrix.js'
import type { EncodingRanges } from './ranges.js'
import { checkRanges } from './ranges.js'
import { fillScalarCodes, stepsOf } from './scalar-codes.js'

/** What an encoding needs besides the numbers. */
export interface EncodingOptions {
  /** Of vectors like these, see {@link encodingRanges}. Needed for int8 and uint8, and for these only. */
  readonly ranges?: EncodingRanges | undefined
}

/**
 * Encodes one embedding. `uint8`: `floor((value - minimum) / step)` in float32, where `step` is a 255th of the range;
 * what lies outside the range becomes 0 or 255. `int8`: the same less 128. `ubinary`: bit 1 where a value is above 0,
 * the first dimension in the highest bit. `binary`: the same bytes less 128, as int8.
 *
 * @param embedding - `[dimensions]`; returned as it is for `float32`
 * @throws {StellaError} OPTION_INVALID when int8 or uint8 have no ranges, or others have; INPUT_INVALID when the ranges
 * are of another size, or a number is not finite.
 */
export function encodeEmbedding<E extends Encoding>(
  embedding: Float32Array,
  encoding: E,
  options: EncodingOptions = {},
): EncodedArrays[E] {
  const dimensions = checkVector(embedding, undefined, 'The embedding')
  return embeddingEncoder(encoding, dimensions, options)(embedding)
}

/**
 * Encodes every row of a matrix, see {@link encodeEmbedding}.
 *
 * @param embeddings - `[rows, dimensions]`
 * @throws {StellaError} As for one.
 */
export function encodeEmbeddings(
  embeddings: EmbeddingMatrix,
  encoding: ScalarEncoding,
  options: EncodingOptions & { readonly ranges: EncodingRanges },
): ScalarCodes
export function encodeEmbeddings(embeddings: EmbeddingMatrix, encoding: BinaryEncoding): BinaryCodes
export function encodeEmbeddings(
  embeddings: EmbeddingMatrix,
  encoding: ScalarEncoding | BinaryEncoding,
  options: EncodingOptions = {},
): ScalarCodes | BinaryCodes {
  checkMatrix(embeddings, 'embeddings')
  const { data, rows, dimensions } = embeddings
  refuseFloats(encoding)
  const columns = encodedLength(dimensions, encoding)
  const fill = fillerOf(encoding, dimensions, options)
  const codes = new ARRAYS[encoding](rows * columns)
  for (let row = 0; row < rows; row++) {
    const values = data.subarray(row * dimensions, (row + 1) * dimensions)
    const finite = fill(values, codes.subarray(row * columns, (row + 1) * columns))
    if (!finite) refuseUnlessFinite(embeddings, 'embeddings')
  }
  return isBinary(encoding)
    ? { encoding, data: codes, rows, dimensions }
    : { encoding, data: codes, rows, dimensions, ranges: requireRanges(encoding, options) }
}

/**
 * {@link encodeEmbedding} for many vectors of one size that come one by one: what can be refused is refused here, and the
 * steps of the ranges are worked out once.
 *
 * @param dimensions - Of every vector.
 * @throws {StellaError} OPTION_INVALID or INPUT_INVALID for the ranges.
 */
export function embeddingEncoder<E extends Encoding>(
  encoding: E,
  dimensions: number,
  options: EncodingOptions = {},
): (embedding: Float32Array) => EncodedArrays[E] {
  return encoderOf(encoding, dimensions, options) as (embedding: Float32Array) => EncodedArrays[E]
}

const ARRAYS = {
  float32: Float32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  binary: Int8Array,
  ubinary: Uint8Array,
} as const satisfies Record<Encoding, unknown>

function encoderOf(
  encoding: Encoding,
  dimensions: number,
  options: EncodingOptions,
): (embedding: Float32Array) => EncodedEmbedding {
  checkEncoding(encoding)
  if (encoding === 'float32') {
    refuseRanges(encoding, options)
    return (embedding) => embedding
  }
  const fill = fillerOf(encoding, dimensions, options)
  return (embedding) => {
    if (!isFloat32Array(embedding)) throw invalid(`Expected the embedding to be a Float32Array; got ${show(embedding)}`)
    checkVector(embedding, dimensions, 'The embedding')
    const codes = new ARRAYS[encoding](encodedLength(dimensions, encoding))
    if (fill(embedding, codes)) return codes
    throw notFinite(embedding)
  }
}

/** Writes the codes of one vector, and says whether all its numbers are finite. */
type Fill = (values: Float32Array, codes: Int8Array | Uint8Array) => boolean

function fillerOf(encoding: Exclude<Encoding, 'float32'>, dimensions: number, options: EncodingOptions): Fill {
  checkEncoding(encoding)
  if (isBinary(encoding)) {
    refuseRanges(encoding, options)
    return (values, codes) => packSigns(values, codes, encoding)
  }
  const ranges = requireRanges(encoding, options)
  checkRanges(ranges, dimensions)
  const steps = stepsOf(ranges)
  return (values, codes) => fillScalarCodes(values, steps, codes, encoding)
}

function checkEncoding(encoding: Encoding): void {
  if (ENCODINGS.includes(encoding)) return
  throw new StellaError(
    'OPTION_INVALID',
    `Expected \`encoding\` to be one of ${ENCODINGS.join(', ')}; got ${show(encoding)}`,
    { details: { option: 'encoding', accepted: ENCODINGS } },
  )
}

/** By its type it cannot be given; JavaScript can. */
function refuseFloats(encoding: Encoding): void {
  if (encoding !== 'float32') return
  throw new StellaError('OPTION_INVALID', 'A matrix is float32 already; use it as it is', {
    details: { option: 'encoding' },
  })
}

function requireRanges(encoding: ScalarEncoding, { ranges }: EncodingOptions): EncodingRanges {
  if (ranges !== undefined) return ranges
  throw new StellaError(
    'OPTION_INVALID',
    `The encoding ${encoding} needs \`ranges\`: the lowest and highest number of each dimension. Take them with ` +
      'encodingRanges from some hundred embeddings of texts like yours, and use the same for all vectors that are ' +
      'to be compared. Taken from the very vectors to encode, they would change with every call',
    { details: { option: 'ranges', encoding } },
  )
}

function refuseRanges(encoding: Encoding, { ranges }: EncodingOptions): void {
  if (ranges === undefined) return
  throw new StellaError('OPTION_INVALID', `\`ranges\` are for int8 and uint8; ${encoding} needs none`, {
    details: { option: 'ranges', encoding },
  })
}
