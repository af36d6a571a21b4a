/** Vectors of one size in one block of memory, row after row. Knows numbers only: no model, no text. */
import { StellaError } from '../errors.js'
import { isFloat32Array } from '../realm.js'
import { show } from '../show.js'

/** Vectors of one size, row after row in one array. */
export interface EmbeddingMatrix {
  /** `[rows, dimensions]` */
  readonly data: Float32Array
  /** How many vectors. */
  readonly rows: number
  /** At least 1. */
  readonly dimensions: number
}

/** One vector: as the models give it, or as JSON does. */
export type Vector = Float32Array | readonly number[]

/**
 * A copy of `embeddings` in one block, for {@link topK} and its like. Numbers are rounded to float32.
 *
 * @param embeddings - At least one; each `[dimensions]`
 * @returns `[embeddings.length, dimensions]`
 * @throws {StellaError} INPUT_INVALID when there is none, or they are of different sizes, or something is no vector.
 */
export function matrixOf(embeddings: readonly Vector[]): EmbeddingMatrix {
  const given: unknown = embeddings
  if (!Array.isArray(given)) throw invalid(`Expected an array of vectors; got ${show(given)}`)
  const rows = embeddings.length
  if (rows === 0) {
    const none = '{ data: new Float32Array(0), rows: 0, dimensions }'
    throw invalid(`Expected at least one vector; a matrix without any is written ${none}`)
  }
  const dimensions = checkVector(embeddings[0], undefined, 'Vector 0')
  const data = allocateFloats(rows * dimensions)
  for (const [row, embedding] of embeddings.entries()) {
    checkVector(embedding, dimensions, `Vector ${row}`)
    data.set(embedding, row * dimensions)
  }
  return { data, rows, dimensions }
}

/**
 * The numbers of one row. They are the matrix's own: what is written to them is written to the matrix.
 *
 * @returns `[dimensions]`
 * @throws {StellaError} INPUT_INVALID when there is no such row.
 */
export function rowOf({ data, rows, dimensions }: EmbeddingMatrix, row: number): Float32Array {
  if (Number.isInteger(row) && row >= 0 && row < rows) return data.subarray(row * dimensions, (row + 1) * dimensions)
  throw invalid(`Expected a row from 0 to ${rows - 1}; got ${row}`)
}

/**
 * Checks what types alone cannot: the caller may be JavaScript, and an array may have been transferred to a thread since.
 *
 * @param name - What to call it in messages, such as `corpus`.
 * @throws {StellaError} INPUT_INVALID when it is no matrix, or its array has not the size it states.
 */
export function checkMatrix(matrix: EmbeddingMatrix, name: string): void {
  const { data, rows, dimensions } = requireObject(matrix, name)
  if (!isFloat32Array(data)) throw invalid(`Expected \`${name}.data\` to be a Float32Array; got ${show(data)}`)
  checkShape(name, rows, dimensions)
  checkLength(data, rows * dimensions, `\`${name}.data\``, `${rows} rows of ${dimensions} dimensions`)
}

/** @throws {StellaError} INPUT_INVALID unless these can be the numbers of rows and of dimensions of something. */
export function checkShape(name: string, rows: unknown, dimensions: unknown): void {
  if (!Number.isSafeInteger(rows) || Number(rows) < 0) {
    throw invalid(`Expected \`${name}.rows\` to be an integer of at least 0; got ${show(rows)}`)
  }
  if (!Number.isSafeInteger(dimensions) || Number(dimensions) < 1) {
    throw invalid(`Expected \`${name}.dimensions\` to be an integer of at least 1; got ${show(dimensions)}`)
  }
}

/** @throws {StellaError} INPUT_INVALID unless the array has so many numbers. */
export function checkLength(
  data: ArrayBufferView & ArrayLike<number>,
  length: number,
  name: string,
  why: string,
): void {
  if (data.length === length) return
  throw invalid(`Expected ${name} to hold ${length} numbers, for ${why}; got ${data.length}${detachedNote(data)}`)
}

/** @throws {StellaError} INPUT_INVALID unless both have vectors of one size. */
export function checkSameDimensions(
  a: { readonly dimensions: number },
  b: { readonly dimensions: number },
  names: readonly [string, string],
): void {
  if (a.dimensions === b.dimensions) return
  throw new StellaError(
    'INPUT_INVALID',
    `Expected \`${names[0]}\` and \`${names[1]}\` to be of the same size; got ${a.dimensions} and ${b.dimensions} ` +
      'dimensions. Embed both with one model and one `dimensions`',
    { details: { dimensions: [a.dimensions, b.dimensions] } },
  )
}

/**
 * @param given - From a caller who may be JavaScript.
 * @param dimensions - How many it must have; undefined for any number from 1.
 * @param name - What to call it in messages.
 * @returns How many it has.
 * @throws {StellaError} INPUT_INVALID unless it is a vector of that size.
 */
export function checkVector(given: unknown, dimensions: number | undefined, name: string): number {
  if (!isFloat32Array(given) && !isNumbers(given)) {
    throw invalid(`${name} is not a vector: expected a Float32Array or an array of numbers; got ${show(given)}`)
  }
  const { length } = given
  if (length === 0) throw invalid(`${name} is empty${ArrayBuffer.isView(given) ? detachedNote(given) : ''}`)
  if (dimensions === undefined || length === dimensions) return length
  throw new StellaError(
    'INPUT_INVALID',
    `${name} has ${length} dimensions; expected ${dimensions}. Embed all with one model and one \`dimensions\``,
    { details: { dimensions: [dimensions, length] } },
  )
}

/**
 * Room for so many numbers.
 *
 * @throws {StellaError} MEMORY_EXHAUSTED when there is none.
 */
export function allocateFloats(length: number): Float32Array {
  try {
    return new Float32Array(length)
  } catch (cause) {
    const bytes = length * Float32Array.BYTES_PER_ELEMENT
    throw new StellaError(
      'MEMORY_EXHAUSTED',
      `Cannot allocate ${bytes} bytes for vectors. Work through them in parts`,
      {
        cause,
        details: { bytes },
      },
    )
  }
}

/** An INPUT_INVALID with this message. */
export function invalid(message: string): StellaError {
  return new StellaError('INPUT_INVALID', message)
}

function requireObject(matrix: EmbeddingMatrix, name: string): EmbeddingMatrix {
  const given: unknown = matrix
  if (typeof given === 'object' && given !== null && !Array.isArray(given) && !ArrayBuffer.isView(given)) return matrix
  throw invalid(`Expected \`${name}\` to be an EmbeddingMatrix, as matrixOf makes it; got ${show(given)}`)
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number')
}

/** Transferring an array to another thread leaves it empty, which looks like a mistake of whoever made it. */
function detachedNote(data: ArrayBufferView): string {
  return data.buffer.byteLength === 0 ? '. An array that was transferred to another thread is empty here' : ''
}
