/**
 * Writes a safetensors file of any size from streams of float32, in bounded memory, for tests and stand-in checkpoints.
 * Knows no model: names, shapes and values come from the caller.
 */
import { randomUUID } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { endianness } from 'node:os'

import { StellaError } from '../../src/errors.js'
import { encodeFloats, WRITABLE_DTYPE_BYTES, type WritableDtype } from './encode-float.js'

/** Bytes gathered before one write. A multiple of every element size. */
const WRITE_BUFFER_BYTES = 4 * 1024 * 1024

/** The data section begins at a multiple of this many bytes, as the reference implementation lays it out. */
const DATA_ALIGNMENT_BYTES = 8

/** One tensor to write. */
export interface WriteEntry {
  readonly name: string
  readonly dtype: WritableDtype
  readonly shape: readonly number[]
  /**
   * Yields the values in row-major order, cut anywhere, `shape`'s product of them in all. Called once. A yielded chunk
   * is read before the next is asked for, so the generator may reuse its buffer.
   */
  readonly data: () => AsyncIterable<Float32Array> | Iterable<Float32Array>
}

/** Settings of {@link writeSafetensors}. */
export interface WriteSafetensorsOptions {
  /** The file's `__metadata__`. @default { format: 'pt' }, which Hugging Face's loaders ask for */
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * Writes `entries` to `path`, in the order given, as float32 or narrowed to float16 / bfloat16 (round to nearest even).
 * The file appears under its name only when complete; a failure leaves no temporary file behind.
 *
 * @returns size of the file in bytes.
 * @throws {StellaError} OPTION_INVALID for a duplicate or reserved name, a bad shape, or data that does not fill it.
 */
export async function writeSafetensors(
  path: string,
  entries: Iterable<WriteEntry>,
  options: WriteSafetensorsOptions = {},
): Promise<number> {
  const list = [...entries]
  const { header, dataBytes } = layOut(list, options.metadata ?? { format: 'pt' })
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    const handle = await open(temporary, 'wx')
    try {
      await writeAll(handle, header)
      const buffer = new Uint8Array(WRITE_BUFFER_BYTES)
      for (const entry of list) await writeTensor(handle, entry, buffer)
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  return header.byteLength + dataBytes
}

/** The length field and the JSON header, padded with spaces so that the data section is aligned. */
function layOut(
  entries: readonly WriteEntry[],
  metadata: Readonly<Record<string, string>>,
): { readonly header: Uint8Array; readonly dataBytes: number } {
  // Members are joined as text: an object would reorder names that look like integers.
  const members = [`"__metadata__":${JSON.stringify(metadata)}`]
  const seen = new Set<string>(['__metadata__'])
  let offset = 0
  for (const { name, dtype, shape } of entries) {
    if (seen.has(name)) throw invalid(`Tensor name ${JSON.stringify(name)} is used twice or reserved`, name)
    seen.add(name)
    const end = offset + elementCount(name, shape) * WRITABLE_DTYPE_BYTES[dtype]
    if (!Number.isSafeInteger(end)) throw invalid(`Tensor ${JSON.stringify(name)} ends past 2^53 bytes`, name)
    members.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`)
    offset = end
  }
  const json = Buffer.from(`{${members.join(',')}}`)
  const padded = Math.ceil(json.byteLength / DATA_ALIGNMENT_BYTES) * DATA_ALIGNMENT_BYTES
  const header = Buffer.alloc(8 + padded, ' ')
  header.writeBigUInt64LE(BigInt(padded), 0)
  json.copy(header, 8)
  return { header, dataBytes: offset }
}

async function writeTensor(handle: FileHandle, entry: WriteEntry, buffer: Uint8Array<ArrayBuffer>): Promise<void> {
  const { name, dtype, shape } = entry
  const size = WRITABLE_DTYPE_BYTES[dtype]
  const littleEndianHost = endianness() === 'LE'
  const expected = elementCount(name, shape)
  let received = 0
  let used = 0
  for await (const chunk of entry.data()) {
    received += chunk.length
    if (received > expected) break
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + (buffer.byteLength - used) / size)
      encodeFloats(dtype, part, buffer, used, littleEndianHost)
      at += part.length
      used += part.length * size
      if (used < buffer.byteLength) continue
      await writeAll(handle, buffer)
      used = 0
    }
  }
  if (received !== expected) {
    const got = received > expected ? `at least ${received}` : `${received}`
    throw invalid(`Expected ${expected} values for tensor ${JSON.stringify(name)}, got ${got}`, name)
  }
  await writeAll(handle, buffer.subarray(0, used))
}

/** `write` may take less than it is given. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.byteLength - at)
    at += bytesWritten
  }
}

function elementCount(name: string, shape: readonly number[]): number {
  let count = 1
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw invalid(
        `Expected the shape of tensor ${JSON.stringify(name)} to hold integers ≥ 0, got [${shape.join()}]`,
        name,
      )
    }
    count *= dimension
  }
  return count
}

function invalid(message: string, tensor: string): StellaError {
  return new StellaError('OPTION_INVALID', message, { details: { tensor } })
}
