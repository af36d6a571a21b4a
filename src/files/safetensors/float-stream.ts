/**
 * Streams a run of stored elements of one file as float32, chunk by chunk, in fixed memory.
 * Knows no header: where the elements lie is handed in, checked.
 */
import { endianness } from 'node:os'

import { readExactly, type DataFile } from './data-file.js'
import { TENSOR_DTYPE_BYTES, type TensorDtype } from './dtype.js'
import { widenBF16, widenF16, widenF8E4M3 } from './widen.js'

/** Most bytes of a file that one stream holds in memory. A multiple of every element size. */
export const READ_CHUNK_BYTES = 4 * 1024 * 1024

/** Most values that one stream holds in memory, whatever they are widened from: 8 MiB of float32. */
const READ_CHUNK_VALUES = READ_CHUNK_BYTES / 2

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
  // F32 is read straight into the memory of the values; shorter floats are read beside it and widened into it.
  const short = dtype === 'F32' ? values.buffer : new ArrayBuffer(chunkElements * size)
  const bytes = new Uint8Array(short)
  for (let done = 0; done < count; done += chunkElements) {
    const elements = Math.min(chunkElements, count - done)
    const filled = bytes.subarray(0, elements * size)
    await readExactly(file, filled, position + done * size, tensor)
    toHostOrder(filled, size)
    if (dtype === 'F16') widenF16(new Uint16Array(short), bits, elements)
    if (dtype === 'BF16') widenBF16(new Uint16Array(short), bits, elements)
    if (dtype === 'F8_E4M3') widenF8E4M3(bytes, bits, elements)
    yield values.subarray(0, elements)
  }
}

/** Whole rows where one fits a chunk, else as many elements as do. */
function elementsPerChunk(rowElements: number, size: number): number {
  const most = Math.min(READ_CHUNK_BYTES / size, READ_CHUNK_VALUES)
  return rowElements === 0 || rowElements > most ? most : Math.floor(most / rowElements) * rowElements
}

/** The format is little-endian; on a host that is not, swaps the bytes of each element. */
function toHostOrder(bytes: Uint8Array<ArrayBuffer>, size: 1 | 2 | 4): void {
  if (endianness() === 'LE' || size === 1) return
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (size === 4) buffer.swap32()
  else buffer.swap16()
}
