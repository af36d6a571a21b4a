/** A small graph of 4-bit and float32 products, written into a folder as the backbone of an artefact is. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { BACKBONE_FILE } from '../../src/convert/artefact-files.js'
import { IR_VERSION, OPSETS } from '../../src/convert/recipe.js'
import { ExternalData } from '../../src/onnx/external-data.js'
import type { Value } from '../../src/onnx/graph.js'
import { Graph, MICROSOFT, graphAttribute, int } from '../../src/onnx/graph.js'
import { encodeModel } from '../../src/onnx/wire.js'
import type { Feeds } from '../../src/runtime/session.js'
import { randomStreams } from '../../tools/checkpoints/random.js'

/** Columns of the input: a whole number of 4-bit blocks. */
const WIDTH = 96

/** Rows of each 4-bit matrix: a multiple of nothing, so that no packed form has a length of any alignment. */
const ODD_WIDTH = 97

/** Weights that share a scale. */
const BLOCK = 32

/** Products of each kind, one after another. */
const NODES = 4

const ROWS = 4

/** The graph's output, float32 `[rows, 96]`. */
export const OUTPUT = 'y'

/** An input of a few rows. */
export function quantisedFeeds(): Feeds {
  return { x: { type: 'float32', data: normals('x', ROWS * WIDTH), dims: [ROWS, WIDTH] } }
}

/** What a test may add to the graph. */
export interface QuantisedOptions {
  /** A sum of two constants, which the engine computes once and saves as a tensor of its own. */
  readonly folded?: boolean
  /** A constant inside the branch of an `If`, large enough for the engine to save it outside. */
  readonly branch?: boolean
}

/** Writes `backbone.onnx` and its weights into `folder`: x → 4-bit → Gemm → 4-bit → Gemm → … → y. */
export async function writeQuantisedGraph(folder: string, options: QuantisedOptions = {}): Promise<void> {
  const graph = new Graph('quantised')
  const data = new ExternalData(`${BACKBONE_FILE}.data`)
  const tensor = (name: string, dtype: 'float32' | 'uint8', dims: readonly number[], bytes: Uint8Array): Value =>
    graph.initializer(data.add(name, dtype, dims, () => once(bytes)))
  const floats = (name: string, dims: readonly number[], deviation: number): Value => {
    const count = dims.reduce((product, dim) => product * dim, 1)
    return tensor(name, 'float32', dims, bytesOf(normals(name, count, deviation)))
  }
  let x = graph.input('x', 'float32', ['rows', WIDTH])
  for (let node = 0; node < NODES; node++) {
    const blocks = WIDTH / BLOCK
    const nibbles = tensor(`4bit.${node}`, 'uint8', [ODD_WIDTH, blocks, BLOCK / 2], nibblesOf(`4bit.${node}`))
    const scales = floats(`scales.${node}`, [ODD_WIDTH * blocks], 0.02)
    const shape = { K: WIDTH, N: ODD_WIDTH, bits: 4, block_size: BLOCK, accuracy_level: 4 }
    const attributes = Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, int(value)]))
    const wide = graph.node(`/4bit/${node}`, 'MatMulNBits', [x, nibbles, scales], { domain: MICROSOFT, attributes })
    const weight = floats(`float.${node}`, [WIDTH, ODD_WIDTH], 0.1)
    x = graph.node(`/float/${node}`, 'Gemm', [wide, weight], { attributes: { transB: int(1) } })
  }
  if (options.folded === true) {
    const constants = ['a', 'b'].map((name) => floats(`constant.${name}`, [ROWS, WIDTH], 1))
    x = graph.node('/unfolded', 'Add', [x, graph.node('/folded', 'Add', constants)])
  }
  if (options.branch === true) x = addBranch(graph, x)
  graph.output(x, OUTPUT, 'float32', ['rows', WIDTH])
  const producer = { name: 'test', version: '0' }
  const model = encodeModel({ irVersion: IR_VERSION, opsets: OPSETS, producer, metadata: {}, graph: graph.build() })
  await writeFile(join(folder, BACKBONE_FILE), model)
  await data.write(join(folder, `${BACKBONE_FILE}.data`), () => undefined)
}

/** `x` plus a constant, in both branches of an `If`. */
function addBranch(graph: Graph, x: Value): Value {
  const branches = ['then', 'else'].map((name) => {
    const branch = graph.branch(name)
    const bytes = bytesOf(normals(name, ROWS * WIDTH))
    const storage = { kind: 'inline', data: bytes } as const
    const constant = branch.initializer({ name: `${name}.constant`, dtype: 'float32', dims: [ROWS, WIDTH], storage })
    branch.output(branch.node(`/${name}`, 'Add', [x, constant]), `${name}.rows`, 'float32', ['rows', WIDTH])
    return graphAttribute(branch)
  })
  const [then, otherwise] = branches
  if (then === undefined || otherwise === undefined) throw new Error('two branches were made')
  const size = graph.node('/size', 'Size', [x])
  const large = graph.node('/large', 'Greater', [size, graph.scalar('int64', 0)])
  return graph.node('/If', 'If', [large], { attributes: { then_branch: then, else_branch: otherwise } })
}

function normals(seed: string, count: number, deviation = 1): Float32Array {
  const values = new Float32Array(count)
  randomStreams(1)(seed).fillNormal(values, 0, deviation)
  return values
}

function nibblesOf(seed: string): Uint8Array {
  const { nextUint32 } = randomStreams(2)(seed)
  return Uint8Array.from({ length: (ODD_WIDTH * WIDTH) / 2 }, () => nextUint32() & 0xff)
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

// eslint-disable-next-line @typescript-eslint/require-await -- a source is read as a stream, whatever it is
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
