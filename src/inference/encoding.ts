/** Smaller forms of an embedding: one bit per dimension. Knows vectors only. */
import { StellaError } from '../errors.js'

/**
 * The forms an embedding can take. `binary` and `ubinary` are those of sentence-transformers' `quantize_embeddings`
 * (sentence_transformers/quantization.py).
 */
export const ENCODINGS = ['float32', 'binary', 'ubinary'] as const

/** See {@link ENCODINGS}. */
export type Encoding = (typeof ENCODINGS)[number]

/** An encoded embedding: `[dimensions]` floats, or `[dimensions / 8]` bytes. */
export type EncodedEmbedding = Float32Array | Uint8Array | Int8Array

/** Bits of a byte. */
const BITS = 8

/** What `binary` subtracts from each byte of `ubinary`, so that it fits an int8. */
const INT8_OFFSET = 128

/**
 * Numbers that an embedding of so many dimensions has in this encoding.
 *
 * @throws {StellaError} DIMENSIONS_UNSUPPORTED when bits do not fill whole bytes.
 */
export function encodedLength(dimensions: number, encoding: Encoding): number {
  if (encoding === 'float32') return dimensions
  if (dimensions % BITS === 0) return dimensions / BITS
  throw new StellaError(
    'DIMENSIONS_UNSUPPORTED',
    `The encoding ${encoding} packs eight dimensions into a byte; ${dimensions} is no multiple of 8`,
    { details: { dimensions, encoding } },
  )
}

/**
 * Encodes one embedding. `ubinary`: bit 1 where a value is above 0, the first dimension in the highest bit, as numpy's
 * `packbits` lays them out. `binary`: the same bytes less 128, as int8.
 *
 * @param embedding - `[dimensions]`; returned as it is for `float32`
 * @throws {StellaError} DIMENSIONS_UNSUPPORTED when bits do not fill whole bytes.
 */
export function encodeEmbedding(embedding: Float32Array, encoding: Encoding): EncodedEmbedding {
  switch (encoding) {
    case 'float32':
      return embedding
    case 'ubinary':
      return packSigns(embedding, encoding)
    case 'binary':
      return Int8Array.from(packSigns(embedding, encoding), (byte) => byte - INT8_OFFSET)
  }
}

function packSigns(embedding: Float32Array, encoding: Encoding): Uint8Array {
  const bytes = new Uint8Array(encodedLength(embedding.length, encoding))
  for (const [index, value] of embedding.entries()) {
    if (value > 0) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (0x80 >> (index & 7))
  }
  return bytes
}
