/** The backbone of a Qwen2 that reads in both directions (the 1.5B): pre-norm, grouped key/value heads, gated SiLU. */
import type { Qwen2Architecture } from '../../../registry/types.js'
import type { Graph, Value } from '../../onnx/graph.js'
import { MICROSOFT, float } from '../../onnx/graph.js'
import { attention, forValues, isLongText } from '../layers/attention.js'
import { embeddingTable } from '../layers/embedding-table.js'
import { gatedMlp } from '../layers/gated-mlp.js'
import { rmsNorm } from '../layers/norm.js'
import { rotary, rotaryTables } from '../layers/rotary.js'
import type { Site } from '../backbone-plan.js'
import { reciprocal } from '../backbone-plan.js'
import type { BackboneParts } from './parts.js'

/** Token ids → hidden states `[tokens, hidden]`, after the final norm. */
export function qwen2Backbone(
  { graph, weights, layout, table, sites }: BackboneParts,
  architecture: Qwen2Architecture,
): Value {
  const { layers, heads, kvHeads, headDim, normEpsilon } = architecture
  const tables = rotaryTables(graph, layout, architecture.rope, headDim)
  const flash = isLongText(graph, layout)
  const shape = { heads, kvHeads, headDim }
  // Each norm is read by one site only: its gain takes that site's smoothing.
  const norm = (path: string, x: Value, module: string, site?: Site): Value => {
    const gain = site === undefined ? undefined : reciprocal(sites.plan(site).smoothing)
    return rmsNorm(graph, weights, path, x, module, normEpsilon, gain)
  }

  // embeddings → (norm → attention → Add → norm → gated MLP → Add) × layers → norm
  let x = embeddingTable(graph, weights, 'embed_tokens.weight', table, layout.inputIds)
  for (let layer = 0; layer < layers; layer++) {
    const at = `/layers.${layer}`
    const module = `layers.${layer}`
    const normed = norm(`${at}/input_layernorm`, x, `${module}.input_layernorm`, `layers.${layer}.attention.in`)
    const read = sites.input(`layers.${layer}.attention.in`, `${at}/attention/in`, normed, { smoothed: true })
    const { smoothing } = sites.plan(`layers.${layer}.attention.out`)
    const project = (name: string, outputScale?: Float32Array): Value =>
      sites.linear(`${at}/attention/${name}_proj`, read, {
        module: `${module}.self_attn.${name}_proj`,
        bias: true,
        outputScale,
      })
    const q = rotary(graph, `${at}/attention/q`, project('q'), tables, heads)
    const k = rotary(graph, `${at}/attention/k`, project('k'), tables, kvHeads)
    // Attention mixes tokens, never channels: what divides the values divides the mixture.
    const v = project('v', smoothing === undefined ? undefined : reciprocal(forValues(smoothing, shape)))
    const mixed = attention(graph, `${at}/attention`, { q, k, v }, layout, flash, shape)
    const out = sites.input(`layers.${layer}.attention.out`, `${at}/attention/out`, mixed, { smoothed: true })
    const o = sites.linear(`${at}/attention/o_proj`, out, { module: `${module}.self_attn.o_proj`, bias: false })
    x = graph.node(`${at}/attention/Add`, 'Add', [x, o])

    const post = `${module}.post_attention_layernorm`
    const after = norm(`${at}/post_attention_layernorm`, x, post, `layers.${layer}.mlp.in`)
    const input = sites.input(`layers.${layer}.mlp.in`, `${at}/mlp/in`, after, { smoothed: true })
    const down = gatedMlp(graph, sites, at, layer, input, {
      up: { module: `${module}.mlp.up_proj` },
      gate: { module: `${module}.mlp.gate_proj` },
      down: { module: `${module}.mlp.down_proj`, bias: false },
      activation: silu,
    })
    x = graph.node(`${at}/mlp/Add`, 'Add', [x, down])
  }
  return norm('/norm', x, 'norm')
}

/** `x · sigmoid(x)`, in one pass: QuickGelu with α = 1 is SiLU. */
function silu(graph: Graph, path: string, x: Value): Value {
  return graph.node(`${path}/SiLU`, 'QuickGelu', [x], { domain: MICROSOFT, attributes: { alpha: float(1) } })
}
