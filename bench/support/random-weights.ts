/** Random constants for graphs of a benchmark, in a file that the engine maps. Values mean nothing, sizes do. */
import { open } from 'node:fs/promises'

import type { OnnxDtype } from '../../src/onnx/dtype.js'
import { tensorBytes } from '../../src/onnx/dtype.js'
import type { Graph, Value } from '../../src/onnx/graph.js'

/** Each constant starts on a memory page: the engine maps it there. */
const PAGE_BYTES = 4096

/** Bytes of the block of random numbers that weights repeat: what counts is that each weight has memory of its own. */
const BLOCK_BYTES = 1 << 18

/** Largest amount of a random float: no denormals, no overflow in a sum of thousands. */
const FLOAT_RANGE = 0.05

type RandomDtype = Extract<OnnxDtype, 'float32' | 'int8' | 'uint8'>

interface Place {
  readonly dtype: RandomDtype
  readonly offset: number
  readonly bytes: number
}

/** The random constants of one graph. */
export class RandomWeights {
  /** Name of their file, beside the graph. */
  static readonly file = 'weights.data'
  readonly #places: Place[] = []
  #end = 0

  /** Adds a constant to `graph`, in memory of its own. */
  add(graph: Graph, name: string, dtype: RandomDtype, dims: readonly number[]): Value {
    const offset = Math.ceil(this.#end / PAGE_BYTES) * PAGE_BYTES
    const bytes = tensorBytes(dtype, dims)
    this.#places.push({ dtype, offset, bytes })
    this.#end = offset + bytes
    return graph.initializer({
      ...{ name, dtype, dims },
      storage: { kind: 'external', file: RandomWeights.file, offset, bytes },
    })
  }

  /** Writes the file of all constants to `path`. */
  async write(path: string): Promise<void> {
    const floats = randomFloats()
    const integers = randomIntegers()
    const file = await open(path, 'w')
    try {
      for (const { dtype, offset, bytes } of this.#places) {
        const block = dtype === 'float32' ? floats : integers
        const end = offset + bytes
        for (let at = offset; at < end;) {
          at += (await file.write(block, 0, Math.min(block.byteLength, end - at), at)).bytesWritten
        }
      }
    } finally {
      await file.close()
    }
  }
}

function randomFloats(): Uint8Array {
  const floats = Float32Array.from({ length: BLOCK_BYTES / 4 }, () => (Math.random() - 0.5) * 2 * FLOAT_RANGE)
  return new Uint8Array(floats.buffer)
}

function randomIntegers(): Uint8Array {
  return Uint8Array.from({ length: BLOCK_BYTES }, () => Math.random() * 256)
}
