/**
 * Reads the tensors of a checkpoint in the Hugging Face layout, one file or many shards, as float32 in bounded memory.
 * Knows no model: which tensors there must be, and of what shape, is for the caller to say.
 */
import { StellaError } from '../errors.js'
import type { DataFile } from './safetensors/data-file.js'
import { isTensorDtype, TENSOR_DTYPE_BYTES } from './safetensors/dtype.js'
import { streamFloats, type StoredFloats } from './safetensors/float-stream.js'
import type { TensorEntry } from './safetensors/header.js'
import { clip, quote } from '../show.js'
import { checkpointInvalid } from './safetensors/invalid.js'
import { closeFiles, openCheckpoint } from './safetensors/open-checkpoint.js'

export type { TensorDtype } from './safetensors/dtype.js'
export { READ_CHUNK_BYTES } from './safetensors/float-stream.js'
export { parseSafetensorsHeader, type SafetensorsHeader, type TensorEntry } from './safetensors/header.js'

/** Most bytes of float32 that {@link TensorReader.read} gathers: enough for the embedding table of the 1.5B (932 MB). */
export const MAX_READ_BYTES = 2 ** 31

/** Rows `[start, end)` of a tensor's first dimension; of a 1-D tensor, its elements. A scalar has one row. */
export interface RowRange {
  readonly start: number
  readonly end: number
}

/** What {@link TensorReader.open} takes beside the folder. */
export interface TensorReaderOptions {
  /**
   * One safetensors file to read instead, by its path relative to the folder with `/` between names, such as
   * `2_Dense_1024/model.safetensors`.
   *
   * @default model.safetensors.index.json and the shards it names; where there is none, model.safetensors
   */
  readonly file?: string
}

/** The tensors of one checkpoint, with its files held open until {@link TensorReader.close}. */
export class TensorReader {
  /** The checkpoint folder, as given. */
  readonly folder: string
  /** The files that hold the tensors, relative to the folder. */
  readonly files: readonly string[]
  readonly #dataFiles: ReadonlyMap<string, DataFile>
  readonly #entries: ReadonlyMap<string, TensorEntry>
  #closing: Promise<void> | undefined

  private constructor(folder: string, files: readonly DataFile[], entries: ReadonlyMap<string, TensorEntry>) {
    this.folder = folder
    this.files = files.map(({ name }) => name)
    this.#dataFiles = new Map(files.map((file) => [file.name, file]))
    this.#entries = entries
  }

  /**
   * Opens the checkpoint in `folder` and checks every header, and the index where there is one. Reads no tensor.
   *
   * @throws {StellaError} CHECKPOINT_INVALID when a file is missing, unreadable or malformed, or shards and index differ.
   */
  static async open(folder: string, options: TensorReaderOptions = {}): Promise<TensorReader> {
    const { files, entries } = await openCheckpoint(folder, options.file)
    return new TensorReader(folder, files, entries)
  }

  /** Names of all tensors, file by file, in the order of their bytes. */
  names(): IterableIterator<string> {
    return this.#entries.keys()
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  entry(name: string): TensorEntry | undefined {
    return this.#entries.get(name)
  }

  /**
   * Streams a tensor, or rows of it, as float32 in row-major order; shorter floats are widened exactly. At most
   * {@link READ_CHUNK_BYTES} of the file, and half as many values, are in memory at a time.
   *
   * Chunks are whole rows where a row fits those limits, and are cut anywhere where it does not. **A chunk is valid until
   * the next is asked for**: its memory is then filled anew. Copy what must last.
   *
   * @param range - rows to read. @default all
   * @throws {StellaError} CHECKPOINT_INVALID, at the first chunk, when there is no such tensor or rows or its dtype is
   * not one of F32, F16, BF16, F8_E4M3; at any chunk when the file was cut or cannot be read. INTERNAL after `close()`.
   */
  async *stream(name: string, range?: RowRange): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
    const stored = this.#locate(name, range)
    let left = stored.count
    for await (const chunk of streamFloats(stored)) {
      yield chunk
      left -= chunk.length
      if (left > 0) this.#requireOpen()
    }
  }

  /**
   * Reads a tensor, or rows of it, at once: for tensors that fit in memory. The array is the caller's own.
   *
   * @param range - rows to read. @default all
   * @throws {StellaError} CHECKPOINT_INVALID as {@link stream}, and where the values take over {@link MAX_READ_BYTES}.
   */
  async read(name: string, range?: RowRange): Promise<Float32Array<ArrayBuffer>> {
    const { tensor, file, count } = this.#locate(name, range)
    if (count * Float32Array.BYTES_PER_ELEMENT > MAX_READ_BYTES) {
      throw checkpointInvalid(
        `Tensor ${quote(tensor)} in ${file.name} is ${count} values, too many to read at once; ` +
          `stream it, or read at most ${MAX_READ_BYTES / Float32Array.BYTES_PER_ELEMENT}`,
        { file: file.name, tensor, values: count },
      )
    }
    const values = new Float32Array(count)
    let done = 0
    for await (const chunk of this.stream(name, range)) {
      values.set(chunk, done)
      done += chunk.length
    }
    return values
  }

  /** Closes the files. A stream under way fails at its next chunk. May be called again. */
  async close(): Promise<void> {
    this.#closing ??= closeFiles([...this.#dataFiles.values()])
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return
    throw new StellaError('INTERNAL', `The tensor reader of ${this.folder} is closed; open it again to read`)
  }

  #locate(name: string, range: RowRange | undefined): StoredFloats {
    this.#requireOpen()
    const entry = this.#entries.get(name)
    const file = entry && this.#dataFiles.get(entry.file)
    if (entry === undefined || file === undefined) throw this.#unknownTensor(name)
    const { dtype, shape } = entry
    const details = { file: entry.file, tensor: name }
    if (!isTensorDtype(dtype)) {
      const accepted = Object.keys(TENSOR_DTYPE_BYTES)
      throw checkpointInvalid(
        `Tensor ${quote(name)} in ${entry.file} is ${dtype}; only ${accepted.join(', ')} can be read as float32`,
        { ...details, dtype, accepted },
      )
    }
    const size = TENSOR_DTYPE_BYTES[dtype]
    const rows = shape[0] ?? 1
    const { start, end } = range ?? { start: 0, end: rows }
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start > end || end > rows) {
      throw checkpointInvalid(
        `Tensor ${quote(name)} in ${entry.file} has ${rows} rows (shape [${shape.join()}]); ` +
          `expected a range within them, got [${start}, ${end})`,
        { ...details, rows, start, end },
      )
    }
    const rowElements = rows === 0 ? 0 : (entry.end - entry.start) / size / rows
    const position = entry.start + start * rowElements * size
    return { tensor: name, file, dtype, position, count: (end - start) * rowElements, rowElements }
  }

  #unknownTensor(name: string): StellaError {
    // The same tensor under another prefix is the usual cause.
    const similar = [...this.#entries.keys()]
      .filter((other) => name !== '' && (other.endsWith(`.${name}`) || name.endsWith(`.${other}`)))
      .slice(0, 3)
    const hint = similar.length === 0 ? '' : `; it has ${similar.map(quote).join(', ')}`
    const [first = '', ...others] = this.files
    const where = others.length === 0 ? first : `${first} and ${others.length} more`
    return checkpointInvalid(
      `Tensor ${quote(name)} is not among the ${this.#entries.size} tensors of ${where} in ${this.folder}${hint}`,
      { file: where, tensor: clip(name), folder: this.folder, similar },
    )
  }
}
