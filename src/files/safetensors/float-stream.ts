/**
 * Streams a run of stored elements of one file as float32, chunk by chunk, in fixed memory.
 * Knows no header: where the elements lie is handed in, checked.
 */
import { endianness } from 'node:os'

import { readExactly, type DataFile } from './data-file.js'
import { TENSOR_DTYPE_BYTES, type TensorDtype } from './dtype.js'
import { widenBF16, widenF16 } from './widen.js'

/** Most bytes of a file that one stream holds in memory. A multiple of every element size. */
export const READ_CHUNK_BYTES = 4 * 1024 * 1024

/** One tensor, or whole rows of it, in bytes of a file. */
export interface StoredFloats {
  /** Name for messages. */
  readonly tensor: string
  readonly file: DataFile
  readonly dtype: TensorDtype
  /** Absolute byte offset of the first element. */
  readonly position: number
  /** Elements to read. */
  readonly count: number
  /** Elements of one row. */
  readonly rowElements: number
}

/**
 * Yields the elements in order. Every chunk is a view of the same memory, which the next chunk overwrites.
 *
 * @throws {StellaError} CHECKPOINT_INVALID when the file ends first or cannot be read.
 */
export async function* streamFloats(stored: StoredFloats): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
  const { tensor, file, dtype, position, count, rowElements } = stored
  const size = TENSOR_DTYPE_BYTES[dtype]
  const chunkElements = Math.min(count, elementsPerChunk(rowElements, size))
  const values = new Float32Array(chunkElements)
  const bits = new Uint32Array(values.buffer)
  // F32 is read straight into the memory of the values; halves are read beside it and widened into it.
  const halves = new Uint16Array(dtype === 'F32' ? 0 : chunkElements)
  const bytes = new Uint8Array(dtype === 'F32' ? values.buffer : halves.buffer)
  for (let done = 0; done < count; done += chunkElements) {
    const elements = Math.min(chunkElements, count - done)
    const filled = bytes.subarray(0, elements * size)
    await readExactly(file, filled, position + done * size, tensor)
    toHostOrder(filled, size)
    if (dtype === 'F16') widenF16(halves, bits, elements)
    if (dtype === 'BF16') widenBF16(halves, bits, elements)
    yield values.subarray(0, elements)
  }
}

/** Whole rows where one fits a chunk, else as many elements as do. */
function elementsPerChunk(rowElements: number, size: number): number {
  const most = READ_CHUNK_BYTES / size
  return rowElements === 0 || rowElements > most ? most : Math.floor(most / rowElements) * rowElements
}

/** The format is little-endian; on a host that is not, swaps the bytes of each element. */
function toHostOrder(bytes: Uint8Array<ArrayBuffer>, size: 2 | 4): void {
  if (endianness() === 'LE') return
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (size === 4) buffer.swap32()
  else buffer.swap16()
}
