/** Runs one operator of the engine on constants: a reference for layouts that nobody here wrote. */
import { InferenceSession, Tensor } from 'onnxruntime-node'

import type { OnnxDtype } from '../../../../src/onnx/dtype.js'
import { tensorBytes } from '../../../../src/onnx/dtype.js'
import type { Value } from '../../../../src/onnx/graph.js'
import { Graph } from '../../../../src/onnx/graph.js'
import { encodeModel } from '../../../../src/onnx/wire.js'

/** A graph of constants. */
export class EngineGraph {
  readonly graph = new Graph('reference')
  #constants = 0

  /** A constant that keeps the bytes of `data`. */
  constant(dtype: OnnxDtype, dims: readonly number[], data: ArrayBufferView): Value {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    if (bytes.length !== tensorBytes(dtype, dims)) throw new Error(`${bytes.length} bytes are no [${dims.join()}]`)
    const name = `constant_${this.#constants++}`
    return this.graph.initializer({ name, dtype, dims, storage: { kind: 'inline', data: bytes } })
  }

  /** float32 `y`, computed with `x [rows, columns]` if the graph has that input. */
  async run(y: Value, x?: { readonly data: Float32Array; readonly dims: readonly number[] }): Promise<Float32Array> {
    this.graph.output(y, 'y', 'float32', ['rows', 'columns'])
    const model = encodeModel({
      irVersion: 12,
      opsets: { '': 24, 'com.microsoft': 1 },
      producer: { name: 'test', version: '0' },
      metadata: {},
      graph: this.graph.build(),
    })
    const session = await InferenceSession.create(model, { logSeverityLevel: 4 })
    try {
      const feeds = x === undefined ? {} : { x: new Tensor('float32', x.data, [...x.dims]) }
      const outputs = await session.run(feeds)
      return outputs.y?.data as Float32Array
    } finally {
      await session.release()
    }
  }
}
