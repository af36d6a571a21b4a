/**
 * How a batch lies in memory. All tokens of all texts are the rows of one flat axis `[tokens, …]`, without padding;
 * only attention and pooling see the padded layout `[batch, length, …]`.
 */
import type { Graph, Value } from '../../onnx/graph.js'
import { PACKED_INPUTS } from '../../packed/names.js'

/** The inputs as values of a graph, and what several layers derive from them. */
export interface PackedLayout {
  readonly inputIds: Value
  readonly positionIds: Value
  readonly paddedRows: Value
  readonly packedPlaces: Value
  /** int32 `[batch]`. */
  readonly lengths: Value
  /** int64 `[batch]`: what the attention operator wants. */
  readonly keyLengths: Value
}

/** Declares the inputs. */
export function packedLayout(graph: Graph): PackedLayout {
  const lengths = graph.input(PACKED_INPUTS.lengths, 'int32', ['batch'])
  return {
    inputIds: graph.input(PACKED_INPUTS.inputIds, 'int32', ['tokens']),
    positionIds: graph.input(PACKED_INPUTS.positionIds, 'int32', ['tokens']),
    paddedRows: graph.input(PACKED_INPUTS.paddedRows, 'int32', ['batch', 'length']),
    packedPlaces: graph.input(PACKED_INPUTS.packedPlaces, 'int32', ['tokens']),
    lengths,
    keyLengths: graph.cast('/layout/key_lengths', lengths, 'int64'),
  }
}

/** `x [tokens, n]` → `[batch, length, n]`. */
export function toPadded(graph: Graph, path: string, layout: PackedLayout, x: Value): Value {
  return graph.node(`${path}/Pad`, 'Gather', [x, layout.paddedRows])
}

/** `x [batch, length, n]` → `[tokens, n]`. */
export function toPacked(graph: Graph, path: string, layout: PackedLayout, x: Value, width: number): Value {
  const rows = graph.node(`${path}/Flatten`, 'Reshape', [x, graph.constant('int64', [-1, width])])
  return graph.node(`${path}/Pack`, 'Gather', [rows, layout.packedPlaces])
}
