/** The rows of the embedding table for the tokens of a batch. */
import type { Graph, Value } from '../../onnx/graph.js'
import type { TableForm } from '../backbone-plan.js'
import type { Weights } from '../weights.js'

/**
 * `ids [tokens]` → `[tokens, hidden]`. The table is gathered from as it is stored; only the rows taken become float32.
 */
export function embeddingTable(graph: Graph, weights: Weights, name: string, form: TableForm, ids: Value): Value {
  const path = '/embeddings'
  if (form === 'float32') return graph.node(`${path}/Gather`, 'Gather', [weights.get(graph, name), ids])
  const { table, scale } = weights.embedding(graph, name, form)
  const rows = graph.cast(path, graph.node(`${path}/Gather`, 'Gather', [table, ids]), 'float32')
  if (scale === undefined) return rows
  const scales = graph.node(`${path}/scales/Gather`, 'Gather', [scale, ids])
  const column = graph.node(`${path}/scales/Unsqueeze`, 'Unsqueeze', [scales, graph.constant('int64', [1])])
  return graph.node(`${path}/Mul`, 'Mul', [rows, column])
}
