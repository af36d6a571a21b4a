/** Builds the backbone: token ids of a packed batch → the masked mean of the last hidden states. */
import type { ArchitectureInfo } from '../../registry/types.js'
import type { ExternalData } from '../onnx/external-data.js'
import type { Value } from '../onnx/graph.js'
import { Graph } from '../onnx/graph.js'
import type { GraphData } from '../onnx/model.js'
import { newBackbone } from './architectures/new.js'
import { qwen2Backbone } from './architectures/qwen2.js'
import { meanPool } from './layers/mean-pool.js'
import type { PackedLayout } from './layers/packed-layout.js'
import { POOLED_OUTPUT, packedLayout } from './layers/packed-layout.js'
import { Weights } from './weights.js'
import type { TensorReader } from '../files/safetensors.js'

/**
 * The backbone's graph, and in `data` the plan of its weights file.
 *
 * @param prefix - What the checkpoint puts before every tensor name.
 */
export function buildBackbone(
  architecture: ArchitectureInfo,
  reader: TensorReader,
  prefix: string,
  data: ExternalData,
): GraphData {
  const graph = new Graph('backbone')
  const weights = new Weights(reader, data, prefix)
  const layout = packedLayout(graph)
  const hidden = hiddenStates(graph, weights, architecture, layout)
  graph.output(meanPool(graph, layout, hidden), POOLED_OUTPUT, 'float32', ['batch', architecture.hidden])
  return graph.build()
}

function hiddenStates(graph: Graph, weights: Weights, architecture: ArchitectureInfo, layout: PackedLayout): Value {
  switch (architecture.kind) {
    case 'new':
      return newBackbone(graph, weights, architecture, layout)
    case 'qwen2':
      return qwen2Backbone(graph, weights, architecture, layout)
  }
}
