/** Runs the graphs of an artefact: which inputs a backbone and a head take, and which output they give. */
import type { Feed, Feeds, GraphSession } from '../runtime/session.js'
import { HEAD_OUTPUT, PACKED_INPUTS, POOLED_OUTPUT } from './names.js'
import type { PackedTexts } from './packing.js'
import { packedIndices } from './packing.js'

/** Runs a packed batch through a backbone: the masked means, float32 `[batch, hidden]`, row after row. */
export function runBackbone(backbone: GraphSession, texts: PackedTexts): Promise<Float32Array> {
  return backbone.run(backboneFeeds(texts), POOLED_OUTPUT)
}

/** Projects `pooled [batch, hidden]` with one head: float32 `[batch, dimensions]`. */
export function runHead(head: GraphSession, pooled: Float32Array, batch: number): Promise<Float32Array> {
  const feed: Feed = { type: 'float32', data: pooled, dims: [batch, pooled.length / batch] }
  return head.run({ [POOLED_OUTPUT]: feed }, HEAD_OUTPUT)
}

/** The inputs of a backbone for `texts`. */
export function backboneFeeds({ ids, lengths }: PackedTexts): Feeds {
  const { positionIds, paddedRows, packedPlaces, length } = packedIndices(lengths)
  const ints = (data: Int32Array, ...dims: readonly number[]): Feed => ({ type: 'int32', data, dims })
  return {
    [PACKED_INPUTS.inputIds]: ints(ids, ids.length),
    [PACKED_INPUTS.positionIds]: ints(positionIds, ids.length),
    [PACKED_INPUTS.paddedRows]: ints(paddedRows, lengths.length, length),
    [PACKED_INPUTS.packedPlaces]: ints(packedPlaces, ids.length),
    [PACKED_INPUTS.lengths]: ints(lengths, lengths.length),
  }
}
