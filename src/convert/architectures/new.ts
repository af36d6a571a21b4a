/** The backbone of architecture `new` (Alibaba's NewModel, the 400M): post-norm, packed qkv, gated GELU. */
import type { NewArchitecture } from '../../../registry/types.js'
import type { Graph, Value } from '../../onnx/graph.js'
import { attention, isLongText } from '../layers/attention.js'
import { embeddingTable } from '../layers/embedding-table.js'
import { gatedMlp } from '../layers/gated-mlp.js'
import { layerNorm } from '../layers/norm.js'
import { rotary, rotaryTables } from '../layers/rotary.js'
import { reciprocal } from '../backbone-plan.js'
import type { Weights } from '../weights.js'
import type { BackboneParts } from './parts.js'

/** Token ids → hidden states `[tokens, hidden]`. There is no final norm. */
export function newBackbone(
  { graph, weights, layout, table, sites }: BackboneParts,
  architecture: NewArchitecture,
): Value {
  const { layers, intermediate, heads, headDim, normEpsilon } = architecture
  const tables = rotaryTables(graph, layout, architecture.rope, headDim)
  const flash = isLongText(graph, layout)
  const attended = heads * headDim

  // embeddings → attention → Add → norm → gated MLP → Add → norm → …
  // A norm's output is also the residual, so smoothing of a site that reads it cannot be folded into the norm.
  const words = embeddingTable(graph, weights, 'embeddings.word_embeddings.weight', table, layout.inputIds)
  let x = embeddings(graph, weights, architecture, words)
  for (let layer = 0; layer < layers; layer++) {
    const at = `/layers.${layer}`
    const module = `encoder.layer.${layer}`
    const read = sites.input(`layers.${layer}.attention.in`, `${at}/attention/in`, x)
    const { smoothing } = sites.plan(`layers.${layer}.attention.out`)
    const project = (name: string, part: number, outputScale?: Float32Array): Value =>
      sites.linear(`${at}/attention/${name}_proj`, read, {
        module: `${module}.attention.qkv_proj`,
        bias: true,
        rows: { start: part * attended, end: (part + 1) * attended },
        outputScale,
      })
    const q = rotary(graph, `${at}/attention/q`, project('q', 0), tables, heads)
    const k = rotary(graph, `${at}/attention/k`, project('k', 1), tables, heads)
    // Attention mixes tokens, never channels: what divides the values divides the mixture.
    const v = project('v', 2, reciprocal(smoothing))
    const shape = { heads, kvHeads: heads, headDim }
    const mixed = attention(graph, `${at}/attention`, { q, k, v }, layout, flash, shape)
    const out = sites.input(`layers.${layer}.attention.out`, `${at}/attention/out`, mixed, { smoothed: true })
    const o = sites.linear(`${at}/attention/o_proj`, out, { module: `${module}.attention.o_proj`, bias: true })
    const added = graph.node(`${at}/attention/Add`, 'Add', [x, o])
    x = layerNorm(graph, weights, `${at}/attn_ln`, added, `${module}.attn_ln`, normEpsilon)

    // The packed matrix holds `up` first and `gate` second; the activation is on the gate.
    const down = gatedMlp(graph, sites, at, layer, sites.input(`layers.${layer}.mlp.in`, `${at}/mlp/in`, x), {
      up: { module: `${module}.mlp.up_gate_proj`, rows: { start: 0, end: intermediate } },
      gate: { module: `${module}.mlp.up_gate_proj`, rows: { start: intermediate, end: 2 * intermediate } },
      down: { module: `${module}.mlp.down_proj`, bias: true },
      activation: gelu,
    })
    const sum = graph.node(`${at}/mlp/Add`, 'Add', [x, down])
    x = layerNorm(graph, weights, `${at}/mlp_ln`, sum, `${module}.mlp_ln`, normEpsilon)
  }
  return x
}

/** By the error function, not by tanh. */
function gelu(graph: Graph, path: string, x: Value): Value {
  return graph.node(`${path}/Gelu`, 'Gelu', [x])
}

/** Word plus token type 0, which counts even where a caller would send no token types. */
function embeddings(graph: Graph, weights: Weights, architecture: NewArchitecture, words: Value): Value {
  const type = weights.get(graph, 'embeddings.token_type_embeddings.weight', {
    rows: { start: 0, end: 1 },
    dims: [architecture.hidden],
  })
  const typed = graph.node('/embeddings/Add', 'Add', [words, type])
  return layerNorm(graph, weights, '/embeddings', typed, 'embeddings.LayerNorm', architecture.normEpsilon)
}
