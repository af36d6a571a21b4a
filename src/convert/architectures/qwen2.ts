/** The backbone of a Qwen2 that reads in both directions (the 1.5B): pre-norm, grouped key/value heads, gated SiLU. */
import type { Qwen2Architecture } from '../../../registry/types.js'
import type { Graph, Value } from '../../onnx/graph.js'
import { MICROSOFT, float } from '../../onnx/graph.js'
import { attention, isLongText } from '../layers/attention.js'
import { linear } from '../layers/linear.js'
import { rmsNorm } from '../layers/norm.js'
import type { PackedLayout } from '../layers/packed-layout.js'
import { rotary, rotaryTables } from '../layers/rotary.js'
import type { Weights } from '../weights.js'

/** Token ids → hidden states `[tokens, hidden]`, after the final norm. */
export function qwen2Backbone(
  graph: Graph,
  weights: Weights,
  architecture: Qwen2Architecture,
  layout: PackedLayout,
): Value {
  const { layers, heads, kvHeads, headDim, normEpsilon } = architecture
  const tables = rotaryTables(graph, layout, architecture.rope, headDim)
  const flash = isLongText(graph, layout)

  // embeddings → (norm → attention → Add → norm → gated MLP → Add) × layers → norm
  let x = graph.node('/embeddings/Gather', 'Gather', [weights.get(graph, 'embed_tokens.weight'), layout.inputIds])
  for (let layer = 0; layer < layers; layer++) {
    const at = `/layers.${layer}`
    const module = `layers.${layer}`
    const normed = rmsNorm(graph, weights, `${at}/input_layernorm`, x, `${module}.input_layernorm`, normEpsilon)
    const project = (name: string): Value =>
      linear(graph, weights, `${at}/attention/${name}_proj`, normed, {
        module: `${module}.self_attn.${name}_proj`,
        bias: true,
      })
    const q = rotary(graph, `${at}/attention/q`, project('q'), tables, heads)
    const k = rotary(graph, `${at}/attention/k`, project('k'), tables, kvHeads)
    const v = project('v')
    const mixed = attention(graph, `${at}/attention`, { q, k, v }, layout, flash, { heads, kvHeads, headDim })
    const o = linear(graph, weights, `${at}/attention/o_proj`, mixed, {
      module: `${module}.self_attn.o_proj`,
      bias: false,
    })
    x = graph.node(`${at}/attention/Add`, 'Add', [x, o])

    const path = `${module}.post_attention_layernorm`
    const read = rmsNorm(graph, weights, `${at}/post_attention_layernorm`, x, path, normEpsilon)
    const mlp = (name: string, input: Value): Value =>
      linear(graph, weights, `${at}/mlp/${name}_proj`, input, { module: `${module}.mlp.${name}_proj`, bias: false })
    const up = mlp('up', read)
    const gate = silu(graph, `${at}/mlp`, mlp('gate', read))
    const down = mlp('down', graph.node(`${at}/mlp/Mul`, 'Mul', [gate, up]))
    x = graph.node(`${at}/mlp/Add`, 'Add', [x, down])
  }
  return rmsNorm(graph, weights, '/norm', x, 'norm', normEpsilon)
}

/** `x · sigmoid(x)`, in one pass: QuickGelu with α = 1 is SiLU. */
function silu(graph: Graph, path: string, x: Value): Value {
  return graph.node(`${path}/SiLU`, 'QuickGelu', [x], { domain: MICROSOFT, attributes: { alpha: float(1) } })
}
