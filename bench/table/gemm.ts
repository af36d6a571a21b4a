/** One bare matrix product in each precision: the operator the engine is fastest with, and nothing around it. */
import type { Graph, Value } from '../../src/onnx/graph.js'
import { MICROSOFT, int } from '../../src/onnx/graph.js'
import type { RandomWeights } from '../support/random-weights.js'
import type { LinearShape } from './linear-shapes.js'

/** How matrices can be multiplied. */
export interface GemmKind {
  /** Type of the activations `[tokens, inputs]`. */
  readonly activations: 'float32' | 'uint8'
  /** Bytes of a weight. */
  readonly weightBytes: number
  /** Adds `x [tokens, inputs]` × a random weight; gives float32 `[tokens, outputs]`. */
  readonly add: (graph: Graph, weights: RandomWeights, path: string, x: Value, shape: LinearShape) => Value
}

/** Inputs that share a scale in 4-bit weights. */
const INT4_BLOCK = 32

/** Zero point of the activations: the middle of uint8, which a symmetric scheme has. */
const MIDDLE = 128

const fp32: GemmKind = {
  activations: 'float32',
  weightBytes: 4,
  add: (graph, weights, path, x, { inputs, outputs }) => {
    const weight = weights.add(graph, `${path}/weight`, 'float32', [outputs, inputs])
    return graph.node(path, 'Gemm', [x, weight], { attributes: { transB: int(1) } })
  },
}

/** Unsigned activations with one scale, signed weights with a scale for each output. */
const int8: GemmKind = {
  activations: 'uint8',
  weightBytes: 1,
  add: (graph, weights, path, x, { inputs, outputs }) => {
    const inputsOf = [
      x,
      weights.add(graph, `${path}/weight`, 'int8', [inputs, outputs]),
      graph.scalar('float32', 1 / MIDDLE),
      weights.add(graph, `${path}/scales`, 'float32', [outputs]),
      zeroPoint(graph, path),
    ]
    return graph.node(path, 'MatMulIntegerToFloat', inputsOf, { domain: MICROSOFT })
  },
}

/** Blocks of 4-bit weights; the operator quantises its float input to 8 bits by itself (accuracy level 4). */
const int4: GemmKind = {
  activations: 'float32',
  weightBytes: 0.5 + 4 / INT4_BLOCK,
  add: (graph, weights, path, x, { inputs, outputs }) => {
    const blocks = Math.ceil(inputs / INT4_BLOCK)
    const weight = weights.add(graph, `${path}/weight`, 'uint8', [outputs, blocks, INT4_BLOCK / 2])
    const scales = weights.add(graph, `${path}/scales`, 'float32', [outputs * blocks])
    return graph.node(path, 'MatMulNBits', [x, weight, scales], {
      domain: MICROSOFT,
      attributes: {
        K: int(inputs),
        N: int(outputs),
        bits: int(4),
        block_size: int(INT4_BLOCK),
        accuracy_level: int(4),
      },
    })
  },
}

const KINDS: Readonly<Record<string, GemmKind>> = { fp32, int8, int4 }

/** The bare product of a precision; undefined for one that has none here. */
export function gemmKind(precision: string): GemmKind | undefined {
  return Object.hasOwn(KINDS, precision) ? KINDS[precision] : undefined
}

function zeroPoint(graph: Graph, path: string): Value {
  const storage = { kind: 'inline', data: Uint8Array.of(MIDDLE) } as const
  return graph.initializer({ name: `${path}/zero_point`, dtype: 'uint8', dims: [], storage })
}
