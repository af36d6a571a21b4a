/**
 * The encodings there are, and how vectors lie in each. Knows numbers only.
 *
 * They are those of sentence-transformers' `quantize_embeddings` (sentence_transformers/util/quantization.py, 6.2.0).
 */
import type { EncodingRanges } from './ranges.js'

/**
 * The forms an embedding can take. `int8` and `uint8` are where a number lies between the lowest and the highest that
 * its dimension is known to have, in 256 steps; they need {@link EncodingRanges}. `binary` and `ubinary` are whether it
 * is above 0, eight dimensions to a byte.
 */
export const ENCODINGS = ['float32', 'int8', 'uint8', 'binary', 'ubinary'] as const

/**
 * One of {@link ENCODINGS}.
 *
 * @useDeclaredType
 */
export type Encoding = (typeof ENCODINGS)[number]

/** Encodings of one byte per dimension. */
export type ScalarEncoding = Extract<Encoding, 'int8' | 'uint8'>

/** Encodings of one bit per dimension. */
export type BinaryEncoding = Extract<Encoding, 'binary' | 'ubinary'>

/** Array of each encoding: `[dimensions]` numbers, or bytes of eight dimensions each. */
export interface EncodedArrays {
  /** `[dimensions]`, as it was. */
  readonly float32: Float32Array
  /** `[dimensions]` */
  readonly int8: Int8Array
  /** `[dimensions]` */
  readonly uint8: Uint8Array
  /** `[ceil(dimensions / 8)]` */
  readonly binary: Int8Array
  /** `[ceil(dimensions / 8)]` */
  readonly ubinary: Uint8Array
}

/** An encoded embedding. */
export type EncodedEmbedding = EncodedArrays[Encoding]

/** Vectors as one byte per dimension. */
export interface ScalarCodes {
  /** Whether the numbers have a sign. */
  readonly encoding: ScalarEncoding
  /** `[rows, dimensions]` */
  readonly data: Int8Array | Uint8Array
  /** How many vectors. */
  readonly rows: number
  /** Of each vector, and numbers of its code. */
  readonly dimensions: number
  /** Those they were encoded with: the codes mean nothing without them. */
  readonly ranges: EncodingRanges
}

/** Vectors as one bit per dimension. */
export interface BinaryCodes {
  /** Whether the bytes have a sign. */
  readonly encoding: BinaryEncoding
  /** `[rows, ceil(dimensions / 8)]` bytes; bits beyond the last dimension are those of 0. */
  readonly data: Int8Array | Uint8Array
  /** How many vectors. */
  readonly rows: number
  /** Of the vectors, not bytes. */
  readonly dimensions: number
}

/** Bits of a byte. */
const BITS = 8

/** Numbers that an embedding of so many dimensions has in this encoding: bits fill up their last byte with zeros. */
export function encodedLength(dimensions: number, encoding: Encoding): number {
  return isBinary(encoding) ? Math.ceil(dimensions / BITS) : dimensions
}

/** Whether an encoding has one bit per dimension. */
export function isBinary(encoding: Encoding): encoding is BinaryEncoding {
  return encoding === 'binary' || encoding === 'ubinary'
}
