/**
 * Parses and checks the header of a safetensors file: what tensors it holds and where their bytes lie.
 * Reads no file; the bytes are handed in, and are trusted in nothing.
 *
 *   8 bytes: header length N, unsigned little-endian | N bytes: JSON object | tensor data, every byte in one tensor
 */
import { dtypeBits, knownDtypes } from './dtype.js'
import { clip, describe, quote } from '../../show.js'
import { checkpointInvalid } from './invalid.js'
import { isJsonObject, parseJsonObject, type JsonObject } from './json.js'

/** Bytes of the length field that a file begins with. */
export const LENGTH_FIELD_BYTES = 8

/**
 * Largest header accepted, in bytes: 128 for each of {@link MAX_TENSORS}. Hugging Face's Rust reader stops at 100 MB and
 * its JavaScript one at 25 MB, but the Stella headers are tens of kilobytes, and parsed JSON can take fifty times its
 * text in memory (measured for nested arrays), which this keeps near 100 MB.
 */
export const MAX_HEADER_BYTES = 2 * 1024 * 1024

/** Most tensors in one checkpoint. Stella 1.5B has 338; a dense transformer of 100 layers under 2,000. */
export const MAX_TENSORS = 16_384

/** Most dimensions of one tensor. A transformer's weights have 1 or 2; NumPy stops at 64. */
export const MAX_TENSOR_RANK = 16

/** Longest tensor name, in UTF-16 code units. */
export const MAX_TENSOR_NAME_LENGTH = 512

/** The one key of a header that names no tensor. */
const METADATA_KEY = '__metadata__'

/** Where one tensor lies. */
export interface TensorEntry {
  readonly name: string
  /** Element type as stored, such as `F32` or `I64`; one of the format's, not always one that can be read as float32. */
  readonly dtype: string
  /** Row-major; empty for a scalar. */
  readonly shape: readonly number[]
  /** File it lies in, relative to the checkpoint folder. */
  readonly file: string
  /** First byte in the file. */
  readonly start: number
  /** One past the last byte in the file. */
  readonly end: number
}

/** A checked header. */
export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>
  /** In the order of their bytes. */
  readonly tensors: readonly TensorEntry[]
}

/**
 * The header's length in bytes, checked against the file's size and {@link MAX_HEADER_BYTES}, so that it is safe to
 * allocate.
 *
 * @param bytes - the first {@link LENGTH_FIELD_BYTES} bytes of the file, or more.
 * @throws {StellaError} CHECKPOINT_INVALID when the file cannot hold such a header.
 */
export function parseHeaderLength(bytes: Uint8Array, fileSize: number, file: string): number {
  if (fileSize < LENGTH_FIELD_BYTES || bytes.byteLength < LENGTH_FIELD_BYTES) {
    throw checkpointInvalid(
      `${file} has ${fileSize} bytes, too few for a safetensors file; it is empty or was cut short. Download it again`,
      { file, size: fileSize },
    )
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_FIELD_BYTES).getBigUint64(0, true)
  const available = fileSize - LENGTH_FIELD_BYTES
  if (length > available) {
    const pointer = Buffer.from(bytes.subarray(0, LENGTH_FIELD_BYTES)).toString('latin1') === 'version '
    throw checkpointInvalid(
      pointer
        ? `${file} is a Git LFS pointer, not the tensors; run "git lfs pull" in the checkpoint folder`
        : `${file} announces a header of ${length.toString()} bytes, but only ${available} follow; ` +
            'it was cut short or is no safetensors file',
      { file, size: fileSize, headerBytes: length.toString() },
    )
  }
  if (length > MAX_HEADER_BYTES) {
    throw checkpointInvalid(
      `${file} announces a header of ${length.toString()} bytes; at most ${MAX_HEADER_BYTES} are accepted`,
      { file, headerBytes: length.toString(), limit: MAX_HEADER_BYTES },
    )
  }
  return Number(length)
}

/**
 * Parses a header and checks that its tensors cover the data section exactly: no overlap, no hole, nothing left over.
 *
 * @param bytes - the file from its first byte to the end of its header, or more.
 * @param fileSize - size of the whole file in bytes.
 * @param file - name for messages and for {@link TensorEntry.file}.
 * @throws {StellaError} CHECKPOINT_INVALID naming the file and, where one is at fault, the tensor.
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileSize: number, file: string): SafetensorsHeader {
  const dataStart = LENGTH_FIELD_BYTES + parseHeaderLength(bytes, fileSize, file)
  if (bytes.byteLength < dataStart) {
    throw checkpointInvalid(`${file} ended within its header, at byte ${bytes.byteLength} of ${dataStart}`, { file })
  }
  const json = bytes.subarray(LENGTH_FIELD_BYTES, dataStart)
  if (json[0] !== '{'.charCodeAt(0)) {
    throw checkpointInvalid(`The header of ${file} does not begin with "{"; it is no safetensors file`, { file })
  }
  const header = parseJsonObject(json, 'header', file)
  const members = Object.entries(header).filter(([name]) => name !== METADATA_KEY)
  if (members.length > MAX_TENSORS) {
    throw checkpointInvalid(`${file} lists ${members.length} tensors; at most ${MAX_TENSORS} are accepted`, {
      file,
      limit: MAX_TENSORS,
    })
  }
  const tensors = members
    .map(([name, value]) => parseTensor(name, value, dataStart, fileSize, file))
    // An empty tensor sorts before the one that begins where it does.
    .sort((a, b) => a.start - b.start || a.end - b.end)
  requireFullCover(tensors, dataStart, fileSize, file)
  return { metadata: parseMetadata(header[METADATA_KEY], file), tensors }
}

function parseMetadata(value: unknown, file: string): ReadonlyMap<string, string> {
  if (value === undefined) return new Map()
  if (!isJsonObject(value)) {
    throw checkpointInvalid(`"__metadata__" of ${file} is ${describe(value)}; expected an object of strings`, { file })
  }
  const metadata = new Map<string, string>()
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw checkpointInvalid(
        `"__metadata__" of ${file} holds ${describe(text)} under ${quote(key)}; expected a string`,
        { file, key: clip(key) },
      )
    }
    metadata.set(key, text)
  }
  return metadata
}

function parseTensor(name: string, value: unknown, dataStart: number, fileSize: number, file: string): TensorEntry {
  const refuse = (problem: string) =>
    checkpointInvalid(`Tensor ${quote(name)} in ${file} ${problem}`, { file, tensor: clip(name) })
  if (name.length > MAX_TENSOR_NAME_LENGTH) {
    throw refuse(`has a name of ${name.length} characters; at most ${MAX_TENSOR_NAME_LENGTH} are accepted`)
  }
  if (!isJsonObject(value)) throw refuse(`is ${describe(value)}; expected an object of dtype, shape and data_offsets`)
  const { dtype } = value
  const bits = typeof dtype === 'string' ? dtypeBits(dtype) : undefined
  if (typeof dtype !== 'string' || bits === undefined) {
    throw refuse(`has dtype ${describe(dtype)}; the format knows ${knownDtypes()}`)
  }
  const shape = parseShape(value, refuse)
  const [begin, end] = parseOffsets(value, refuse)
  const dataBytes = fileSize - dataStart
  if (end > dataBytes) {
    throw refuse(`ends at byte ${end} of the data, but the file has only ${dataBytes}; it was cut short`)
  }
  // Sixteen factors under 2^53 stay finite in a double, so a zero among them makes zero and never NaN.
  const elements = shape.reduce((product, dimension) => product * dimension, 1)
  if (!Number.isSafeInteger(elements * bits)) throw refuse(`has shape [${shape.join()}], more elements than fit 2^53`)
  if (elements * bits !== (end - begin) * 8) {
    throw refuse(
      `has ${end - begin} bytes (data_offsets [${begin},${end}]), ` +
        `but shape [${shape.join()}] of ${dtype} takes ${(elements * bits) / 8}`,
    )
  }
  return Object.freeze({
    name,
    dtype,
    shape: Object.freeze(shape),
    file,
    start: dataStart + begin,
    end: dataStart + end,
  })
}

type Refuse = (problem: string) => Error

function parseShape({ shape }: JsonObject, refuse: Refuse): number[] {
  if (!Array.isArray(shape)) throw refuse(`has shape ${describe(shape)}; expected an array of integers ≥ 0`)
  if (shape.length > MAX_TENSOR_RANK) {
    throw refuse(`has ${shape.length} dimensions; at most ${MAX_TENSOR_RANK} are accepted`)
  }
  return shape.map((dimension: unknown) => {
    if (!isCount(dimension)) throw refuse(`has dimension ${describe(dimension)}; expected an integer in [0, 2^53)`)
    return dimension
  })
}

function parseOffsets({ data_offsets: offsets }: JsonObject, refuse: Refuse): readonly [number, number] {
  const pair: readonly unknown[] = Array.isArray(offsets) && offsets.length === 2 ? offsets : []
  const [begin, end] = pair
  if (!isCount(begin) || !isCount(end) || begin > end) {
    const got = begin === undefined ? describe(offsets) : `[${describe(begin)},${describe(end)}]`
    throw refuse(`has data_offsets ${got}; expected [begin, end], integers with 0 ≤ begin ≤ end`)
  }
  return [begin, end]
}

/** The tensors, in the order of their bytes, must follow on one another from `dataStart` to the file's end. */
function requireFullCover(tensors: readonly TensorEntry[], dataStart: number, fileSize: number, file: string): void {
  let reached = dataStart
  let previous = 'the header'
  for (const { name, start, end } of tensors) {
    if (start !== reached) {
      const problem =
        start < reached
          ? `overlaps ${previous} by ${reached - start} bytes`
          : `leaves a hole of ${start - reached} bytes after ${previous}`
      throw checkpointInvalid(`Tensor ${quote(name)} in ${file} ${problem}`, { file, tensor: name, start, reached })
    }
    reached = end
    previous = `tensor ${quote(name)}`
  }
  if (reached !== fileSize) {
    throw checkpointInvalid(`${file} has ${fileSize - reached} bytes after ${previous} that belong to no tensor`, {
      file,
      reached,
      size: fileSize,
    })
  }
}

/** Whether `value` is a length or offset. Minus zero, which JSON can spell, is none. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && typeof value === 'number' && value >= 0 && !Object.is(value, -0)
}
