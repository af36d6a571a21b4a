/** The linear map `y = x Wᵀ + b` on flat rows. */
import type { Graph, Value } from '../../onnx/graph.js'
import { int } from '../../onnx/graph.js'
import type { RowRange, Weights } from '../weights.js'

/** Which part of which projection, and whether it has a bias. */
export interface LinearOptions {
  /** Name of the module in the checkpoint, without `.weight`. */
  readonly module: string
  readonly bias: boolean
  /** Output rows to take, where the checkpoint packs several projections into one matrix. */
  readonly rows?: RowRange
}

/**
 * `x [tokens, in]` → `[tokens, out]`. The weight keeps the checkpoint's `[out, in]` layout: the engine transposes
 * once, when it packs the constant.
 */
export function linear(graph: Graph, weights: Weights, path: string, x: Value, options: LinearOptions): Value {
  const { module, bias, rows } = options
  const part = rows === undefined ? {} : { rows }
  const inputs = [x, weights.get(graph, `${module}.weight`, part)]
  if (bias) inputs.push(weights.get(graph, `${module}.bias`, part))
  return graph.node(`${path}/Gemm`, 'Gemm', inputs, { attributes: { transB: int(1) } })
}
