/** What the backbone of any architecture is built from. */
import type { Graph } from '../../onnx/graph.js'
import type { TableForm } from '../backbone-plan.js'
import type { PackedLayout } from '../layers/packed-layout.js'
import type { Sites } from '../layers/sites.js'
import type { Weights } from '../weights.js'

/** See the fields. */
export interface BackboneParts {
  readonly graph: Graph
  /** Norms, biases and the embedding table; matrices come by way of `sites`. */
  readonly weights: Weights
  readonly layout: PackedLayout
  /** How the embedding table is stored. */
  readonly table: TableForm
  readonly sites: Sites
}
