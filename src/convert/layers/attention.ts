/** Bidirectional attention over packed rows: the padded way for batches, the flash way for one long text. */
import { PADDED_TOKENS } from '../../../registry/memory.js'
import type { Graph, Value } from '../../onnx/graph.js'
import { MICROSOFT, graphAttribute, int } from '../../onnx/graph.js'
import type { PackedLayout } from './packed-layout.js'
import { toPacked, toPadded } from './packed-layout.js'

/**
 * A text with at least this many tokens runs alone and takes the flash path: which path a text takes depends on its own
 * length only, never on its neighbours'. Flash is the faster one from far below this on Sapphire Rapids and from about
 * here on Zen 5, and its scores need no memory (`bench/attention-paths.ts`). A text this long fills a run by itself.
 */
export const FLASH_MIN_TOKENS = PADDED_TOKENS

/** Head counts and width. */
export interface AttentionShape {
  readonly heads: number
  /** Divides `heads`; each key/value head serves `heads / kvHeads` query heads in a row. */
  readonly kvHeads: number
  readonly headDim: number
}

/** Whether the batch is one long text, as a bool scalar. */
export function isLongText(graph: Graph, layout: PackedLayout): Value {
  const texts = graph.node('/attention/texts', 'Size', [layout.lengths])
  const tokens = graph.node('/attention/tokens', 'Size', [layout.inputIds])
  const alone = graph.node('/attention/alone', 'Equal', [texts, graph.scalar('int64', 1)])
  const long = graph.node('/attention/long', 'GreaterOrEqual', [tokens, graph.scalar('int64', FLASH_MIN_TOKENS)])
  return graph.node('/attention/flash', 'And', [alone, long])
}

/**
 * `q [tokens, heads × headDim]`, `k` and `v [tokens, kvHeads × headDim]` → `[tokens, heads × headDim]`.
 *
 * ```
 * If(one long text) ─ then → Unsqueeze → MultiHeadAttention (no mask: flash)      → Squeeze
 *                   └ else → Gather    → Attention (keys cut at each text's end)  → Gather
 * ```
 *
 * Neither branch holds weights, so the choice costs no memory.
 */
export function attention(
  graph: Graph,
  path: string,
  qkv: { readonly q: Value; readonly k: Value; readonly v: Value },
  layout: PackedLayout,
  flash: Value,
  shape: AttentionShape,
): Value {
  const long = graph.branch(`${path}/flash`)
  branchOutput(long, flashAttention(long, `${path}/flash`, qkv, shape), `${path}/flash/rows`)
  const batch = graph.branch(`${path}/padded`)
  branchOutput(batch, paddedAttention(batch, `${path}/padded`, qkv, layout, shape), `${path}/padded/rows`)
  return graph.node(`${path}/If`, 'If', [flash], {
    attributes: { then_branch: graphAttribute(long), else_branch: graphAttribute(batch) },
  })
}

function branchOutput(branch: Graph, value: Value, name: string): void {
  branch.output(value, name, 'float32', ['tokens', 'attended'])
}

function paddedAttention(
  graph: Graph,
  path: string,
  { q, k, v }: { readonly q: Value; readonly k: Value; readonly v: Value },
  layout: PackedLayout,
  shape: AttentionShape,
): Value {
  const inputs = [
    toPadded(graph, `${path}/q`, layout, q),
    toPadded(graph, `${path}/k`, layout, k),
    toPadded(graph, `${path}/v`, layout, v),
    '' as const,
    '' as const,
    '' as const,
    layout.keyLengths,
  ]
  const attended = graph.node(`${path}/Attention`, 'Attention', inputs, {
    attributes: { q_num_heads: int(shape.heads), kv_num_heads: int(shape.kvHeads), is_causal: int(0) },
  })
  return toPacked(graph, path, layout, attended, shape.heads * shape.headDim)
}

function flashAttention(
  graph: Graph,
  path: string,
  { q, k, v }: { readonly q: Value; readonly k: Value; readonly v: Value },
  shape: AttentionShape,
): Value {
  const first = graph.constant('int64', [0])
  const inputs = [
    graph.node(`${path}/q/Unsqueeze`, 'Unsqueeze', [q, first]),
    graph.node(`${path}/k/Unsqueeze`, 'Unsqueeze', [repeatHeads(graph, `${path}/k`, k, shape), first]),
    graph.node(`${path}/v/Unsqueeze`, 'Unsqueeze', [repeatHeads(graph, `${path}/v`, v, shape), first]),
  ]
  const attended = graph.node(`${path}/MultiHeadAttention`, 'MultiHeadAttention', inputs, {
    domain: MICROSOFT,
    attributes: { num_heads: int(shape.heads) },
  })
  return graph.node(`${path}/Squeeze`, 'Squeeze', [attended, first])
}

/** `[tokens, kvHeads × headDim]` → `[tokens, heads × headDim]`, each head repeated for its group, in a row. */
function repeatHeads(graph: Graph, path: string, x: Value, { heads, kvHeads, headDim }: AttentionShape): Value {
  if (heads === kvHeads) return x
  const apart = graph.constant('int64', [-1, kvHeads, 1, headDim])
  const repeated = graph.constant('int64', [1, 1, heads / kvHeads, 1])
  const grouped = graph.node(`${path}/Reshape`, 'Reshape', [x, apart])
  const expanded = graph.node(`${path}/Expand`, 'Expand', [grouped, repeated])
  return graph.node(`${path}/Join`, 'Reshape', [expanded, graph.constant('int64', [-1, heads * headDim])])
}

/**
 * Of factors for `[tokens, heads × headDim]`, equal for all heads that share values, those for the values themselves:
 * `[kvHeads × headDim]`.
 */
export function forValues(factors: Float32Array, { heads, kvHeads, headDim }: AttentionShape): Float32Array {
  return Float32Array.from({ length: kvHeads * headDim }, (_, channel) => {
    const first = Math.floor(channel / headDim) * (heads / kvHeads)
    return factors[first * headDim + (channel % headDim)] ?? 1
  })
}
