/** Builds the backbone: token ids of a packed batch → the masked mean of the last hidden states. */
import type { ArchitectureInfo } from '../../registry/types.js'
import type { Value } from '../onnx/graph.js'
import { Graph } from '../onnx/graph.js'
import type { GraphData } from '../onnx/model.js'
import type { BackboneParts } from './architectures/parts.js'
import { newBackbone } from './architectures/new.js'
import { qwen2Backbone } from './architectures/qwen2.js'
import { meanPool } from './layers/mean-pool.js'
import { POOLED_OUTPUT } from '../packed/names.js'
import type { BackbonePlan } from './backbone-plan.js'
import { REFERENCE_PLAN } from './backbone-plan.js'
import { packedLayout } from './layers/packed-layout.js'
import type { SiteProbe } from './layers/sites.js'
import { Sites } from './layers/sites.js'
import type { TensorPlan } from './tensor-plan.js'
import { Weights } from './weights.js'
import type { TensorReader } from '../files/safetensors.js'

/** How to build a backbone, where it is not the plain one. */
export interface BackboneOptions {
  /** @default {@link REFERENCE_PLAN} */
  readonly plan?: BackbonePlan | undefined
  /** Told of every site while the graph is built; its nodes belong to the graph. */
  readonly probe?: ((graph: Graph, weights: Weights) => SiteProbe) | undefined
}

/**
 * The backbone's graph, and in `tensors` its weights file.
 *
 * @param prefix - What the checkpoint puts before every tensor name.
 */
export function buildBackbone(
  architecture: ArchitectureInfo,
  reader: TensorReader,
  prefix: string,
  tensors: TensorPlan,
  { plan = REFERENCE_PLAN, probe }: BackboneOptions = {},
): GraphData {
  const graph = new Graph('backbone')
  const weights = new Weights(reader, tensors, prefix)
  const layout = packedLayout(graph)
  const watch = probe?.(graph, weights)
  const sites = new Sites(graph, weights, plan, watch)
  const hidden = hiddenStates({ graph, weights, layout, table: plan.table, sites }, architecture)
  watch?.finish()
  graph.output(meanPool(graph, layout, hidden), POOLED_OUTPUT, 'float32', ['batch', architecture.hidden])
  return graph.build()
}

function hiddenStates(parts: BackboneParts, architecture: ArchitectureInfo): Value {
  switch (architecture.kind) {
    case 'new':
      return newBackbone(parts, architecture)
    case 'qwen2':
      return qwen2Backbone(parts, architecture)
  }
}
