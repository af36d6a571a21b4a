/** Builds one head: the Dense projection from the pooled hidden state to an embedding, not yet normalised. */
import type { HeadInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import type { TensorReader } from '../files/safetensors.js'
import { Graph } from '../onnx/graph.js'
import type { GraphData } from '../onnx/model.js'
import { gemm } from './layers/linear.js'
import { HEAD_OUTPUT, POOLED_OUTPUT } from '../packed/names.js'
import type { TensorPlan } from './tensor-plan.js'
import { tensorsRefused } from './tensors-refused.js'
import { Weights } from './weights.js'

/**
 * `pooled [batch, hidden]` → `[batch, dimensions]`.
 *
 * @throws {StellaError} CHECKPOINT_INVALID when `linear.weight` or `linear.bias` is missing or misshapen, or not alone.
 */
export function buildHead(head: HeadInfo, hidden: number, reader: TensorReader, plan: TensorPlan): GraphData {
  checkShape(reader, 'linear.weight', [head.dimensions, hidden])
  checkShape(reader, 'linear.bias', [head.dimensions])
  const surplus = [...reader.names()].filter((name) => name !== 'linear.weight' && name !== 'linear.bias')
  if (surplus.length > 0) throw tensorsRefused('of a Dense head has no place for', surplus, reader)
  const graph = new Graph(`head_${head.dimensions}`)
  const pooled = graph.input(POOLED_OUTPUT, 'float32', ['batch', hidden])
  const projected = gemm(graph, new Weights(reader, plan, ''), '/head', pooled, { module: 'linear', bias: true })
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
