/**
 * The 400M's architecture as an ordinary ONNX graph, the kind that is published on hubs: padded batches of ids and a
 * mask in, normalised sentence embeddings out, all in float32. For engines that run such files. Its weights are the
 * checkpoint's; apart from the builder it shares nothing with the product's own graphs.
 */
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { HeadInfo, NewArchitecture } from '../../registry/types.js'
import { checkInventory } from '../../src/convert/inventory.js'
import { IR_VERSION, OPSETS } from '../../src/convert/recipe.js'
import { inverseFrequencies } from '../../src/convert/rope.js'
import type { RowRange } from '../../src/files/safetensors.js'
import { TensorReader } from '../../src/files/safetensors.js'
import type { Value } from '../../src/onnx/graph.js'
import { Graph, MICROSOFT, float, int } from '../../src/onnx/graph.js'
import { encodeModel } from '../../src/onnx/wire.js'

/** Names that transformers.js and others feed and read. */
const INPUTS = { ids: 'input_ids', mask: 'attention_mask' } as const
const PADDED_OUTPUT = 'sentence_embedding'

/** Each tensor starts on a memory page. */
const PAGE_BYTES = 4096

const MODEL_FILE = 'model.onnx'
const DATA_FILE = 'model.onnx_data'

/** Takes a tensor of the checkpoint, or rows of it, into the graph. */
type Take = (name: string, rows?: RowRange, dims?: readonly number[]) => Value

/** Writes `model.onnx` and `model.onnx_data` to `folder`, which is made. */
export async function writePaddedModel(
  checkpoint: string,
  architecture: NewArchitecture,
  head: HeadInfo,
  folder: string,
): Promise<void> {
  await using backbone = await TensorReader.open(checkpoint)
  await using dense = await TensorReader.open(checkpoint, { file: `${head.folder}/model.safetensors` })
  const graph = new Graph('padded')
  const data = new WeightFile(graph)
  const prefix = checkInventory(backbone, architecture)
  build(graph, architecture, data.taking(backbone, prefix), data.taking(dense, ''))
  await mkdir(folder, { recursive: true })
  const producer = { name: 'bench', version: '0' }
  const model = { irVersion: IR_VERSION, opsets: OPSETS, producer, metadata: {}, graph: graph.build() }
  await writeFile(join(folder, MODEL_FILE), encodeModel(model))
  await data.write(join(folder, DATA_FILE))
}

/**
 * ```
 * ids → embeddings → norm → (attention → Add → norm → gated MLP → Add → norm) × layers → masked mean → Dense → L2
 * ```
 */
function build(graph: Graph, architecture: NewArchitecture, take: Take, takeHead: Take): void {
  const { layers, hidden, intermediate, heads, headDim, normEpsilon } = architecture
  const ids = graph.input(INPUTS.ids, 'int64', ['batch', 'length'])
  const mask = graph.input(INPUTS.mask, 'int64', ['batch', 'length'])
  const keyMask = graph.cast('/mask', mask, 'int32')
  const rotary = rotaryTables(graph, architecture, ids)
  const attended = heads * headDim

  const norm = (path: string, x: Value, module: string): Value =>
    graph.node(path, 'LayerNormalization', [x, take(`${module}.weight`), take(`${module}.bias`)], {
      attributes: { axis: int(-1), epsilon: float(normEpsilon) },
    })
  const flat = (path: string, x: Value, width: number): Value =>
    graph.node(`${path}/flat`, 'Reshape', [x, graph.constant('int64', [-1, width])])
  // A dimension of 0 keeps the one before: `flat` has lost batch and length, which come from the ids' shape.
  const batched = (path: string, x: Value, width: number): Value => {
    const shape = graph.node(`${path}/shape`, 'Concat', [rotary.shape, graph.constant('int64', [width])], {
      attributes: { axis: int(0) },
    })
    return graph.node(`${path}/batched`, 'Reshape', [x, shape])
  }
  const linear = (path: string, x: Value, module: string, bias: boolean, rows?: RowRange): Value => {
    const inputs = [x, take(`${module}.weight`, rows), ...(bias ? [take(`${module}.bias`, rows)] : [])]
    return graph.node(path, 'Gemm', inputs, { attributes: { transB: int(1) } })
  }

  const words = graph.node('/words', 'Gather', [take('embeddings.word_embeddings.weight'), ids])
  const type = take('embeddings.token_type_embeddings.weight', { start: 0, end: 1 }, [hidden])
  let x = flat('/embeddings', graph.node('/typed', 'Add', [words, type]), hidden)
  x = norm('/embeddings/norm', x, 'embeddings.LayerNorm')
  for (let layer = 0; layer < layers; layer++) {
    const at = `/layers.${layer}`
    const module = `encoder.layer.${layer}`
    const part = (name: string, index: number): Value => {
      const rows = { start: index * attended, end: (index + 1) * attended }
      const projected = linear(`${at}/${name}`, x, `${module}.attention.qkv_proj`, true, rows)
      return batched(`${at}/${name}`, projected, attended)
    }
    const turned = (name: string, value: Value): Value =>
      graph.node(`${at}/${name}/rotary`, 'RotaryEmbedding', [value, rotary.positions, rotary.cos, rotary.sin], {
        domain: MICROSOFT,
        attributes: { num_heads: int(heads), interleaved: int(0) },
      })
    const qkv = [turned('q', part('q', 0)), turned('k', part('k', 1)), part('v', 2)]
    const mixed = graph.node(`${at}/attention`, 'MultiHeadAttention', [...qkv, '', keyMask], {
      domain: MICROSOFT,
      attributes: { num_heads: int(heads) },
    })
    const o = linear(`${at}/o`, flat(`${at}/o`, mixed, attended), `${module}.attention.o_proj`, true)
    x = norm(`${at}/attn_ln`, graph.node(`${at}/attention/add`, 'Add', [x, o]), `${module}.attn_ln`)

    const half = (name: string, index: number): Value => {
      const rows = { start: index * intermediate, end: (index + 1) * intermediate }
      return linear(`${at}/${name}`, x, `${module}.mlp.up_gate_proj`, false, rows)
    }
    const up = half('up', 0)
    const gated = graph.node(`${at}/gated`, 'Mul', [graph.node(`${at}/gelu`, 'Gelu', [half('gate', 1)]), up])
    const down = linear(`${at}/down`, gated, `${module}.mlp.down_proj`, true)
    x = norm(`${at}/mlp_ln`, graph.node(`${at}/mlp/add`, 'Add', [x, down]), `${module}.mlp_ln`)
  }

  const weights = graph.node('/pool/row', 'Unsqueeze', [
    graph.cast('/pool/real', mask, 'float32'),
    graph.constant('int64', [1]),
  ])
  const sums = graph.node('/pool/sums', 'MatMul', [weights, batched('/pool', x, hidden)])
  const counts = graph.node('/pool/counts', 'ReduceSum', [weights, graph.constant('int64', [2])])
  const mean = flat('/pool', graph.node('/pool/mean', 'Div', [sums, counts]), hidden)
  const dense = [mean, takeHead('linear.weight'), takeHead('linear.bias')]
  const projected = graph.node('/head', 'Gemm', dense, { attributes: { transB: int(1) } })
  const unit = graph.node('/unit', 'LpNormalization', [projected], { attributes: { axis: int(-1), p: int(2) } })
  graph.output(unit, PADDED_OUTPUT, 'float32', ['batch', 'dimensions'])
}

/** Tables of as many rows as the batch is long, and each token's row. */
function rotaryTables(graph: Graph, { rope, headDim }: NewArchitecture, ids: Value): Record<string, Value> & Rotary {
  const shape = graph.node('/shape', 'Shape', [ids])
  const length = graph.node('/length', 'Gather', [shape, graph.scalar('int64', 1)])
  const range = graph.node('/range', 'Range', [graph.scalar('int64', 0), length, graph.scalar('int64', 1)])
  const column = graph.node('/column', 'Unsqueeze', [
    graph.cast('/range', range, 'float32'),
    graph.constant('int64', [1]),
  ])
  const frequencies = graph.constant('float32', [...inverseFrequencies(rope, headDim)], [1, headDim / 2])
  const angles = graph.node('/angles', 'Mul', [column, frequencies])
  return {
    shape,
    positions: graph.node('/positions', 'Expand', [range, shape]),
    cos: graph.node('/cos', 'Cos', [angles]),
    sin: graph.node('/sin', 'Sin', [angles]),
  }
}

interface Rotary {
  /** int64 `[2]`: batch and length. */
  readonly shape: Value
  /** int64 `[batch, length]`. */
  readonly positions: Value
  /** float32 `[length, headDim / 2]`. */
  readonly cos: Value
  readonly sin: Value
}

/** Tensors of a checkpoint as float32, one after the other in one file. */
class WeightFile {
  readonly #graph: Graph
  readonly #jobs: { readonly reader: TensorReader; readonly name: string; readonly offset: number; rows?: RowRange }[] =
    []
  #end = 0

  constructor(graph: Graph) {
    this.#graph = graph
  }

  taking(reader: TensorReader, prefix: string): Take {
    return (name, rows, as) => {
      const stored = reader.entry(prefix + name)?.shape
      if (stored === undefined) throw new Error(`the checkpoint has no ${prefix}${name}`)
      const dims = as ?? (rows === undefined ? stored : [rows.end - rows.start, ...stored.slice(1)])
      const offset = Math.ceil(this.#end / PAGE_BYTES) * PAGE_BYTES
      const bytes = dims.reduce((product, dim) => product * dim, 4)
      this.#end = offset + bytes
      this.#jobs.push({ reader, name: prefix + name, offset, ...(rows === undefined ? {} : { rows }) })
      const label = rows === undefined ? name : `${name}[${rows.start}:${rows.end}]`
      const storage = { kind: 'external', file: DATA_FILE, offset, bytes } as const
      return this.#graph.initializer({ name: label, dtype: 'float32', dims, storage })
    }
  }

  async write(path: string): Promise<void> {
    const file = await open(path, 'w')
    try {
      for (const { reader, name, offset, rows } of this.#jobs) {
        let at = offset
        for await (const piece of reader.stream(name, rows)) {
          const bytes = new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)
          for (let done = 0; done < bytes.byteLength;) {
            const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, at)
            done += bytesWritten
            at += bytesWritten
          }
        }
      }
    } finally {
      await file.close()
    }
  }
}
