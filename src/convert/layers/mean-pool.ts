/** The mean over each text's tokens: prompt and special tokens included, padding excluded. */
import type { Graph, Value } from '../../onnx/graph.js'
import { int } from '../../onnx/graph.js'
import type { PackedLayout } from './packed-layout.js'
import { toPadded } from './packed-layout.js'

/**
 * `x [tokens, hidden]` → `[batch, hidden]`.
 *
 * A padded place holds the text's own first row, times weight zero: no other text's numbers ever reach the sum, so a
 * text that overflows cannot spoil its neighbours.
 *
 * ```
 * lengths → Less(0 … length−1) → Cast ──┐
 * x → Gather(padded_rows) ──────────────┴→ MatMul → Squeeze → Div(lengths)
 * ```
 */
export function meanPool(graph: Graph, layout: PackedLayout, x: Value): Value {
  const column = graph.constant('int64', [1])
  const length = graph.node('/pool/length', 'Shape', [layout.paddedRows], {
    attributes: { start: int(1), end: int(2) },
  })
  const places = graph.node('/pool/places', 'Range', [
    graph.scalar('int64', 0),
    graph.node('/pool/length/Squeeze', 'Squeeze', [length]),
    graph.scalar('int64', 1),
  ])
  const ends = graph.node('/pool/ends', 'Unsqueeze', [layout.keyLengths, column])
  const real = graph.cast('/pool/real', graph.node('/pool/Less', 'Less', [places, ends]), 'float32')
  const mask = graph.node('/pool/mask', 'Unsqueeze', [real, column])
  const sums = graph.node('/pool/MatMul', 'MatMul', [mask, toPadded(graph, '/pool', layout, x)])
  const counts = graph.cast('/pool/counts', ends, 'float32')
  return graph.node('/pool/Div', 'Div', [graph.node('/pool/Squeeze', 'Squeeze', [sums, column]), counts])
}
