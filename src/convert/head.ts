/** Builds one head: the Dense projection from the pooled hidden state to an embedding, not yet normalised. */
import type { HeadInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import type { TensorReader } from '../files/safetensors.js'
import type { ExternalData } from '../onnx/external-data.js'
import { Graph } from '../onnx/graph.js'
import type { GraphData } from '../onnx/model.js'
import { linear } from './layers/linear.js'
import { POOLED_OUTPUT } from './layers/packed-layout.js'
import { Weights } from './weights.js'

/** Name of a head's output, float32 `[batch, dimensions]`. */
export const HEAD_OUTPUT = 'projected'

/**
 * `pooled [batch, hidden]` → `[batch, dimensions]`.
 *
 * @throws {StellaError} CHECKPOINT_INVALID when `linear.weight` or `linear.bias` is missing or misshapen.
 */
export function buildHead(head: HeadInfo, hidden: number, reader: TensorReader, data: ExternalData): GraphData {
  checkShape(reader, 'linear.weight', [head.dimensions, hidden])
  checkShape(reader, 'linear.bias', [head.dimensions])
  const graph = new Graph(`head_${head.dimensions}`)
  const pooled = graph.input(POOLED_OUTPUT, 'float32', ['batch', hidden])
  const projected = linear(graph, new Weights(reader, data, ''), '/head', pooled, { module: 'linear', bias: true })
  graph.output(projected, HEAD_OUTPUT, 'float32', ['batch', head.dimensions])
  return graph.build()
}

function checkShape(reader: TensorReader, tensor: string, expected: readonly number[]): void {
  const shape = reader.entry(tensor)?.shape
  if (shape?.length === expected.length && shape.every((size, axis) => size === expected[axis])) return
  const file = reader.files.join(', ')
  const found = shape === undefined ? 'is missing' : `has shape [${shape.join(', ')}]`
  throw new StellaError('CHECKPOINT_INVALID', `${file}: tensor ${tensor} ${found}; expected [${expected.join(', ')}]`, {
    details: { file, tensor, shape, expected },
  })
}
