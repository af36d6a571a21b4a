/**
 * A checkpoint's tensors as initialisers of a graph. Nothing is read when a weight is asked for: its place in the
 * weights file is reserved, and its bytes stream there when the file is written.
 */
import type { TensorReader } from '../files/safetensors.js'
import type { ByteSource, ExternalData } from '../onnx/external-data.js'
import type { Graph, Value } from '../onnx/graph.js'

/** Rows `[start, end)` of a tensor. */
export interface RowRange {
  readonly start: number
  readonly end: number
}

/** Hands out weights of one checkpoint for one graph. */
export class Weights {
  readonly #reader: TensorReader
  readonly #data: ExternalData
  readonly #prefix: string

  /** @param prefix - What the checkpoint puts before every name. */
  constructor(reader: TensorReader, data: ExternalData, prefix: string) {
    this.#reader = reader
    this.#data = data
    this.#prefix = prefix
  }

  /**
   * The tensor called `name`, or some of its rows, as a float32 initialiser of the checkpoint's own layout.
   *
   * @param dims - Shape to declare when it is not the stored one; same number of elements.
   */
  get(graph: Graph, name: string, options: { rows?: RowRange; dims?: readonly number[] } = {}): Value {
    const stored = this.#prefix + name
    const shape = this.#reader.entry(stored)?.shape
    if (shape === undefined) throw new Error(`${stored} was not checked against the inventory`)
    const { rows } = options
    const dims = options.dims ?? (rows === undefined ? shape : [rows.end - rows.start, ...shape.slice(1)])
    const label = rows === undefined ? name : `${name}[${rows.start}:${rows.end}]`
    return graph.initializer(this.#data.add(label, 'float32', dims, this.#float32(stored, rows)))
  }

  #float32(name: string, rows: RowRange | undefined): ByteSource {
    const reader = this.#reader
    return async function* () {
      for await (const piece of reader.stream(name, rows)) {
        yield new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)
      }
    }
  }
}
