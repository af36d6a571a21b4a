/** The backbone of architecture `new` (Alibaba's NewModel, the 400M): post-norm, packed qkv, gated GELU. */
import type { NewArchitecture } from '../../../registry/types.js'
import type { Graph, Value } from '../../onnx/graph.js'
import { attention, isLongText } from '../layers/attention.js'
import { linear } from '../layers/linear.js'
import { layerNorm } from '../layers/norm.js'
import type { PackedLayout } from '../layers/packed-layout.js'
import { rotary, rotaryTables } from '../layers/rotary.js'
import type { Weights } from '../weights.js'

/** Token ids → hidden states `[tokens, hidden]`. There is no final norm. */
export function newBackbone(
  graph: Graph,
  weights: Weights,
  architecture: NewArchitecture,
  layout: PackedLayout,
): Value {
  const { layers, intermediate, heads, headDim, normEpsilon } = architecture
  const tables = rotaryTables(graph, layout, architecture.rope, headDim)
  const flash = isLongText(graph, layout)
  const attended = heads * headDim

  // embeddings → attention → Add → norm → gated MLP → Add → norm → …
  let x = embeddings(graph, weights, architecture, layout)
  for (let layer = 0; layer < layers; layer++) {
    const at = `/layers.${layer}`
    const module = `encoder.layer.${layer}`
    const project = (name: string, part: number): Value =>
      linear(graph, weights, `${at}/attention/${name}_proj`, x, {
        module: `${module}.attention.qkv_proj`,
        bias: true,
        rows: { start: part * attended, end: (part + 1) * attended },
      })
    const q = rotary(graph, `${at}/attention/q`, project('q', 0), tables, heads)
    const k = rotary(graph, `${at}/attention/k`, project('k', 1), tables, heads)
    const v = project('v', 2)
    const shape = { heads, kvHeads: heads, headDim }
    const mixed = attention(graph, `${at}/attention`, { q, k, v }, layout, flash, shape)
    const o = linear(graph, weights, `${at}/attention/o_proj`, mixed, {
      module: `${module}.attention.o_proj`,
      bias: true,
    })
    const added = graph.node(`${at}/attention/Add`, 'Add', [x, o])
    x = layerNorm(graph, weights, `${at}/attn_ln`, added, `${module}.attn_ln`, normEpsilon)

    // The packed matrix holds `up` first and `gate` second; the activation is on the gate.
    const half = (name: string, part: number): Value =>
      linear(graph, weights, `${at}/mlp/${name}_proj`, x, {
        module: `${module}.mlp.up_gate_proj`,
        bias: false,
        rows: { start: part * intermediate, end: (part + 1) * intermediate },
      })
    const up = half('up', 0)
    const gate = graph.node(`${at}/mlp/Gelu`, 'Gelu', [half('gate', 1)])
    const gated = graph.node(`${at}/mlp/Mul`, 'Mul', [gate, up])
    const down = linear(graph, weights, `${at}/mlp/down_proj`, gated, { module: `${module}.mlp.down_proj`, bias: true })
    const sum = graph.node(`${at}/mlp/Add`, 'Add', [x, down])
    x = layerNorm(graph, weights, `${at}/mlp_ln`, sum, `${module}.mlp_ln`, normEpsilon)
  }
  return x
}

/** Word plus token type 0, which counts even where a caller would send no token types. */
function embeddings(graph: Graph, weights: Weights, architecture: NewArchitecture, layout: PackedLayout): Value {
  const table = weights.get(graph, 'embeddings.word_embeddings.weight')
  const type = weights.get(graph, 'embeddings.token_type_embeddings.weight', {
    rows: { start: 0, end: 1 },
    dims: [architecture.hidden],
  })
  const words = graph.node('/embeddings/Gather', 'Gather', [table, layout.inputIds])
  const typed = graph.node('/embeddings/Add', 'Add', [words, type])
  return layerNorm(graph, weights, '/embeddings', typed, 'embeddings.LayerNorm', architecture.normEpsilon)
}
