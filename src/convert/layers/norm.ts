/** Normalisation of each row: LayerNorm and RMSNorm. */
import type { Graph, Value } from '../../onnx/graph.js'
import { float, int } from '../../onnx/graph.js'
import type { Weights } from '../weights.js'

/** `(x − mean) / √(var + ε) · γ + β` over the last axis of `x [tokens, hidden]` (https://arxiv.org/abs/1607.06450). */
export function layerNorm(
  graph: Graph,
  weights: Weights,
  path: string,
  x: Value,
  module: string,
  epsilon: number,
): Value {
  const inputs = [x, weights.get(graph, `${module}.weight`), weights.get(graph, `${module}.bias`)]
  const attributes = { axis: int(-1), epsilon: float(epsilon) }
  return graph.node(`${path}/LayerNormalization`, 'LayerNormalization', inputs, { attributes })
}

/**
 * `x / √(mean(x²) + ε) · γ` over the last axis of `x [tokens, hidden]` (https://arxiv.org/abs/1910.07467).
 *
 * @param gain - float32 `[hidden]`: multiplied into γ.
 */
export function rmsNorm(
  graph: Graph,
  weights: Weights,
  path: string,
  x: Value,
  module: string,
  epsilon: number,
  gain?: Float32Array,
): Value {
  const attributes = { axis: int(-1), epsilon: float(epsilon) }
  // ONNX Runtime's own operator, in the default domain: it predates the standard's RMSNormalization.
  return graph.node(
    `${path}/SimplifiedLayerNormalization`,
    'SimplifiedLayerNormalization',
    [x, weights.get(graph, `${module}.weight`, { outputScale: gain })],
    { attributes },
  )
}
