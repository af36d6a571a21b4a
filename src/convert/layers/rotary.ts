/** Rotary position embedding on flat rows, with tables made for just the positions of the batch. */
import type { RopeInfo } from '../../../registry/types.js'
import type { Graph, Value } from '../../onnx/graph.js'
import { MICROSOFT, int } from '../../onnx/graph.js'
import { inverseFrequencies } from '../rope.js'
import type { PackedLayout } from './packed-layout.js'

/** Tables shared by all layers. */
export interface RotaryTables {
  /** float32 `[tokens, headDim / 2]`. */
  readonly cos: Value
  readonly sin: Value
  /** int64 `[tokens, 1]`: the row of the tables for each token, which is the token's own number. */
  readonly rows: Value
}

/**
 * Angles are computed in the graph from the positions, in float32 as the reference does: no table of
 * `maxPositions` rows is stored, and no length is baked in.
 *
 * ```
 * position_ids → Cast → Unsqueeze → Mul(inverse frequencies) ─┬→ Cos
 *                                                             └→ Sin
 * ```
 */
export function rotaryTables(graph: Graph, layout: PackedLayout, rope: RopeInfo, headDim: number): RotaryTables {
  const frequencies = graph.constant('float32', [...inverseFrequencies(rope, headDim)], [1, headDim / 2])
  const positions = graph.cast('/rotary/positions', layout.positionIds, 'float32')
  const column = graph.node('/rotary/Unsqueeze', 'Unsqueeze', [positions, graph.constant('int64', [1])])
  const angles = graph.node('/rotary/angles', 'Mul', [column, frequencies])
  const tokens = graph.node('/rotary/tokens', 'Size', [layout.inputIds])
  const zero = graph.scalar('int64', 0)
  const one = graph.scalar('int64', 1)
  const range = graph.node('/rotary/range', 'Range', [zero, tokens, one])
  return {
    cos: graph.node('/rotary/Cos', 'Cos', [angles]),
    sin: graph.node('/rotary/Sin', 'Sin', [angles]),
    rows: graph.node('/rotary/rows', 'Unsqueeze', [range, graph.constant('int64', [1])]),
  }
}

/**
 * `x [tokens, heads × headDim]` with each head's halves turned by its position.
 *
 * The operator wants `[batch, sequence, hidden]`. Each token is its own batch of one: with all tokens in the sequence
 * axis it refuses more tokens than the tables have rows.
 */
export function rotary(graph: Graph, path: string, x: Value, tables: RotaryTables, heads: number): Value {
  const axis = graph.constant('int64', [1])
  const rows = graph.node(`${path}/Unsqueeze`, 'Unsqueeze', [x, axis])
  const turned = graph.node(`${path}/RotaryEmbedding`, 'RotaryEmbedding', [rows, tables.rows, tables.cos, tables.sin], {
    domain: MICROSOFT,
    attributes: { num_heads: int(heads), interleaved: int(0) },
  })
  return graph.node(`${path}/Squeeze`, 'Squeeze', [turned, axis])
}
