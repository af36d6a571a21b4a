/**
 * Reads and changes where an encoded model keeps its external tensors; everything else in the file passes through byte
 * for byte. Knows the wire format and how ONNX Runtime enters packed forms, no data file.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** A stretch of a data file. */
export interface ByteRange {
  readonly offset: number
  readonly bytes: number
}

/** A matrix rearranged for the kernels of one operator, as ONNX Runtime keeps it: one or more blobs. */
export interface PackedForm {
  /** Operator and hash of the rearranged bytes. A session looks the form up by it, whichever tensor it is entered at. */
  readonly key: string
  readonly blobs: readonly ByteRange[]
}

/** A tensor whose bytes are in a file beside the model. */
export interface ExternalTensor extends ByteRange {
  readonly name: string
  /** Name of the data file, relative to the model's folder. The packed forms are in it too. */
  readonly file: string
  readonly packed: readonly PackedForm[]
}

// Field numbers of `onnx.proto`, as in `wire.ts`.
const MODEL_GRAPH = 7
const GRAPH_INITIALIZER = 5
const TENSOR_NAME = 8
const TENSOR_EXTERNAL_DATA = 13
const ENTRY_KEY = 1
const ENTRY_VALUE = 2

/** ONNX Runtime numbers the forms of a tensor, from `prepacked_0`; it reads every entry whose key begins so. */
const PACKED_KEY = 'prepacked_'

/** The external tensors of a model's main graph, in order. */
export function readExternalTensors(model: Uint8Array): readonly ExternalTensor[] {
  const found: ExternalTensor[] = []
  relocateExternalTensors(model, (tensor) => {
    found.push(tensor)
    return tensor
  })
  return found
}

/**
 * The model with each external tensor of its main graph where `place` says it is.
 *
 * @throws Error when the bytes are no model, or enter an external tensor as ONNX Runtime does not.
 */
export function relocateExternalTensors(
  model: Uint8Array,
  place: (tensor: ExternalTensor) => ExternalTensor,
): Uint8Array {
  return rewrite(model, MODEL_GRAPH, (graph) =>
    rewrite(graph, GRAPH_INITIALIZER, (initializer) => {
      const tensor = readTensor(initializer)
      return tensor === undefined ? initializer : writeTensor(initializer, place(tensor))
    }),
  )
}

/** `message` with the content of every `field` replaced. */
function rewrite(message: Uint8Array, field: number, change: (content: Uint8Array) => Uint8Array): Uint8Array {
  const writer = new BinaryWriter()
  for (const { number, raw, content } of fieldsOf(message)) {
    if (number === field && content !== undefined) {
      writer.tag(field, WireType.LengthDelimited).bytes(change(content))
    } else writer.raw(raw)
  }
  return writer.finish()
}

interface Field {
  readonly number: number
  /** Tag and content, as they are. */
  readonly raw: Uint8Array
  /** What a length-delimited field holds. */
  readonly content: Uint8Array | undefined
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  const reader = new BinaryReader(message)
  while (reader.pos < reader.len) {
    const start = reader.pos
    const [number, type] = reader.tag()
    const content = type === WireType.LengthDelimited ? reader.bytes() : undefined
    if (content === undefined) reader.skip(type, number)
    yield { number, raw: message.subarray(start, reader.pos), content }
  }
}

function readTensor(initializer: Uint8Array): ExternalTensor | undefined {
  let name = ''
  const facts = new Map<string, string>()
  const packed: PackedForm[] = []
  for (const { number, content } of fieldsOf(initializer)) {
    if (number === TENSOR_NAME && content !== undefined) name = text(content)
    if (number !== TENSOR_EXTERNAL_DATA || content === undefined) continue
    const [key, value] = readEntry(content)
    if (key.startsWith(PACKED_KEY)) packed.push(readPackedForm(value))
    else facts.set(key, value)
  }
  const file = facts.get('location')
  if (file === undefined) return undefined
  return { name, file, offset: count(facts.get('offset') ?? '0'), bytes: count(facts.get('length') ?? ''), packed }
}

function writeTensor(initializer: Uint8Array, { file, offset, bytes, packed }: ExternalTensor): Uint8Array {
  const writer = new BinaryWriter()
  const entries: readonly (readonly [key: string, value: string])[] = [
    ['location', file],
    ['offset', String(offset)],
    ['length', String(bytes)],
    ...packed.map((form, index) => [`${PACKED_KEY}${index}`, showPackedForm(form)] as const),
  ]
  let written = false
  for (const { number, raw } of fieldsOf(initializer)) {
    if (number !== TENSOR_EXTERNAL_DATA) writer.raw(raw)
    else if (!written) {
      written = true
      for (const [key, value] of entries) writeEntry(writer, key, value)
    }
  }
  return writer.finish()
}

function writeEntry(writer: BinaryWriter, key: string, value: string): void {
  writer.tag(TENSOR_EXTERNAL_DATA, WireType.LengthDelimited).fork()
  writer.tag(ENTRY_KEY, WireType.LengthDelimited).string(key)
  writer.tag(ENTRY_VALUE, WireType.LengthDelimited).string(value)
  writer.join()
}

function readEntry(entry: Uint8Array): readonly [key: string, value: string] {
  let [key, value] = ['', '']
  for (const { number, content } of fieldsOf(entry)) {
    if (number === ENTRY_KEY && content !== undefined) key = text(content)
    if (number === ENTRY_VALUE && content !== undefined) value = text(content)
  }
  return [key, value]
}

/** `key|offset;length;checksum|offset;length;checksum…`; the checksum is always 0. */
function readPackedForm(value: string): PackedForm {
  const [key = '', ...blobs] = value.split('|')
  return {
    key,
    blobs: blobs.map((blob) => {
      const [offset = '', bytes = '', ...rest] = blob.split(';')
      if (rest.length !== 1) throw new Error(`no packed form of ONNX Runtime: ${value}`)
      return { offset: count(offset), bytes: count(bytes) }
    }),
  }
}

function showPackedForm({ key, blobs }: PackedForm): string {
  return [key, ...blobs.map(({ offset, bytes }) => `${offset};${bytes};0`)].join('|')
}

function count(digits: string): number {
  const value = Number(digits)
  if (/^\d+$/.test(digits) && Number.isSafeInteger(value)) return value
  throw new Error(`expected a number of bytes, got "${digits}"`)
}

function text(content: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(content)
}
