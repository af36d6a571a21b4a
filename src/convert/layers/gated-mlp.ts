/** The gated MLP: `down(activation(gate(x)) · up(x))`. */
import type { Graph, Value } from '../../onnx/graph.js'
import { reciprocal } from '../backbone-plan.js'
import type { LinearOptions } from './linear.js'
import type { OpenSite, Sites } from './sites.js'

/** The projections of an MLP and its activation. `up` and `gate` have no bias. */
export interface GatedMlp {
  readonly up: Pick<LinearOptions, 'module' | 'rows'>
  readonly gate: Pick<LinearOptions, 'module' | 'rows'>
  readonly down: Pick<LinearOptions, 'module' | 'bias'>
  readonly activation: (graph: Graph, path: string, x: Value) => Value
}

/**
 * `[tokens, hidden]` → `[tokens, hidden]`.
 *
 * The factor for each row that int8 leaves to be applied is applied to `gate`, whose activation is not linear, and
 * handed through `up` and the product into `down`: one pass over `[tokens, intermediate]` less.
 */
export function gatedMlp(graph: Graph, sites: Sites, at: string, layer: number, input: OpenSite, mlp: GatedMlp): Value {
  const { smoothing } = sites.plan(`layers.${layer}.mlp.out`)
  const up = sites.linearUnscaled(`${at}/mlp/up_proj`, input, { ...mlp.up, outputScale: reciprocal(smoothing) })
  const gate = sites.linear(`${at}/mlp/gate_proj`, input, { ...mlp.gate, bias: false })
  const active = mlp.activation(graph, `${at}/mlp`, gate)
  const gated = graph.node(`${at}/mlp/Mul`, 'Mul', [active, up.value])
  const out = sites.input(`layers.${layer}.mlp.out`, `${at}/mlp/out`, gated, { smoothed: true, unscaled: up.factor })
  return sites.linear(`${at}/mlp/down_proj`, out, mlp.down)
}
