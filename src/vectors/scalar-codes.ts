/** Numbers as places in a range of 256 steps, and back. Knows numbers only. */
import type { ScalarCodes } from './codes.js'
import type { EmbeddingMatrix } from './matrix.js'
import { allocateFloats, checkLength, checkShape, invalid } from './matrix.js'
import type { EncodingRanges } from './ranges.js'
import { checkRanges } from './ranges.js'

/** Highest code of a byte: a range has as many steps. */
const STEPS = 255

/** What `int8` subtracts from each code of `uint8`. */
const INT8_OFFSET = 128

/** Where the codes of each dimension begin, and how far apart they are. */
export interface Steps {
  /** `[dimensions]` */
  readonly minimum: Float32Array
  /** `[dimensions]`; 1 where a dimension never changes, so that all its codes are 0 and nothing is divided by 0. */
  readonly step: Float32Array
}

/** The steps of ranges, rounded to float32 as numpy rounds them. */
export function stepsOf({ minimum, maximum }: EncodingRanges): Steps {
  const step = new Float32Array(minimum.length)
  for (let d = 0; d < step.length; d++) {
    const width = Math.fround(Math.fround((maximum[d] ?? 0) - (minimum[d] ?? 0)) / STEPS)
    step[d] = width === 0 ? 1 : width
  }
  return { minimum, step }
}

/**
 * Writes the codes of one vector. Each operation is rounded to float32, as numpy does it: a double would put some values
 * at the edge of a step into its neighbour.
 *
 * @param codes - Takes `[values.length]`.
 * @returns Whether all numbers are finite; where one is not, the codes mean nothing.
 */
export function fillScalarCodes(
  values: Float32Array,
  { minimum, step }: Steps,
  codes: Int8Array | Uint8Array,
  encoding: 'int8' | 'uint8',
): boolean {
  const offset = offsetOf(encoding)
  let unfinite = 0
  for (let d = 0; d < values.length; d++) {
    const value = values[d] ?? 0
    unfinite += 0 * value
    const place = Math.fround(Math.fround(value - (minimum[d] ?? 0)) / (step[d] ?? 1))
    // Outside the range is the end of the range: a byte would wrap around to the other one.
    codes[d] = Math.floor(place < 0 ? 0 : place > STEPS ? STEPS : place) - offset
  }
  return unfinite === 0
}

/**
 * The numbers that codes stand for: `code × step + minimum`, up to a step below what was encoded.
 *
 * @returns `[rows, dimensions]`
 * @throws {StellaError} INPUT_INVALID when these are no codes; MEMORY_EXHAUSTED when there is no room.
 */
export function decodeEmbeddings(codes: ScalarCodes): EmbeddingMatrix {
  checkScalarCodes(codes, 'codes')
  const { data, rows, dimensions } = codes
  const { minimum, step } = stepsOf(codes.ranges)
  const offset = offsetOf(codes.encoding)
  const values = allocateFloats(rows * dimensions)
  for (let row = 0; row < rows; row++) {
    const start = row * dimensions
    for (let d = 0; d < dimensions; d++) {
      values[start + d] = ((data[start + d] ?? 0) + offset) * (step[d] ?? 1) + (minimum[d] ?? 0)
    }
  }
  return { data: values, rows, dimensions }
}

/**
 * Dot product of a vector with the numbers that one row of codes stands for, in float64 as the library has it.
 *
 * @param query - `[dimensions]`
 * @param steps - Of the codes' ranges.
 */
export function productWithCodes(
  query: Float32Array,
  codes: ScalarCodes,
  { minimum, step }: Steps,
  row: number,
): number {
  const { data, dimensions, encoding } = codes
  const offset = offsetOf(encoding)
  const start = row * dimensions
  let sum = 0
  for (let d = 0; d < dimensions; d++) {
    sum += (query[d] ?? 0) * (((data[start + d] ?? 0) + offset) * (step[d] ?? 1) + (minimum[d] ?? 0))
  }
  return sum
}

function offsetOf(encoding: 'int8' | 'uint8'): number {
  return encoding === 'int8' ? INT8_OFFSET : 0
}

/** @throws {StellaError} INPUT_INVALID when these are no codes, or their array has not the size they state. */
export function checkScalarCodes(codes: ScalarCodes, name: string): void {
  const { encoding, data, rows, dimensions, ranges } = codes
  const kind = { int8: 'Int8Array', uint8: 'Uint8Array' }[encoding] as string | undefined
  if (kind === undefined || Object.prototype.toString.call(data) !== `[object ${kind}]`) {
    throw invalid(`Expected \`${name}\` to be int8 or uint8 codes, as encodeEmbeddings makes them`)
  }
  checkShape(name, rows, dimensions)
  checkLength(data, rows * dimensions, `\`${name}.data\``, `${rows} rows of ${dimensions} dimensions`)
  checkRanges(ranges, dimensions)
}
