/** The model's own matrix products and nothing else, and one of them repeated: what the hardware allows. */
import type { InferenceSession } from 'onnxruntime-node'
import { Tensor } from 'onnxruntime-node'

import type { ArchitectureInfo } from '../../registry/types.js'
import type { Graph, Value } from '../../src/onnx/graph.js'
import { graphAttribute, int } from '../../src/onnx/graph.js'
import { corner, openGraph } from '../support/graphs.js'
import type { GemmKind } from './gemm.js'
import type { LinearShape } from './linear-shapes.js'
import { layerWeights, linearsOf } from './linear-shapes.js'

/**
 * Most weights of a bare graph, in bytes. A model with more has some of its layers measured and the time scaled: any
 * layer comes from memory, so time is linear in layers.
 */
const MAX_WEIGHT_BYTES = 2e9

/** Times the one product runs inside one call: enough that the call itself does not show. */
const HOT_REPEATS = 16

/** A graph of matrix products. */
export interface BareGemms {
  /** Milliseconds of all products of the model for runs of so many tokens, one run after the other. */
  readonly run: (runs: readonly number[]) => Promise<number>
  readonly close: () => Promise<void>
}

/**
 * Every linear layer of the model as a product of its real shape, each with a weight of its own, so that weights come
 * from memory as they do in the model. Inputs are ready: nothing else is measured.
 *
 * ```
 * x[hidden], x[attended], x[intermediate] → one product for each linear layer → an element of each → Concat
 * ```
 */
export async function openBareGemms(
  architecture: ArchitectureInfo,
  kind: GemmKind,
  threads: number,
): Promise<BareGemms> {
  const bytes = layerWeights(architecture) * kind.weightBytes
  const layers = Math.max(1, Math.min(architecture.layers, Math.floor(MAX_WEIGHT_BYTES / bytes)))
  const linears = linearsOf(architecture)
  const widths = [...new Set(linears.map(({ inputs }) => inputs))]
  const session = await openGraph('bare', threads, (graph, weights) => {
    const inputs = new Map(widths.map((width) => [width, declareInput(graph, kind, width)]))
    const corners: Value[] = []
    for (let layer = 0; layer < layers; layer++) {
      for (const linear of linears) {
        const path = `/layers.${layer}/${linear.name}`
        corners.push(corner(graph, path, kind.add(graph, weights, path, required(inputs.get(linear.inputs)), linear)))
      }
    }
    const joined = graph.node('/joined', 'Concat', corners, { attributes: { axis: int(0) } })
    graph.output(joined, 'corners', 'float32', [corners.length, 1])
  })
  const feeds = feedsOf(kind, widths)
  const run = async (runs: readonly number[]): Promise<number> => {
    const inputs = runs.map(feeds)
    const started = performance.now()
    for (const input of inputs) await session.run(input)
    return ((performance.now() - started) * architecture.layers) / layers
  }
  return { run, close: () => session.release() }
}

/**
 * The model's largest product on the same weight again and again, which then comes from the cache.
 *
 * @returns milliseconds of one product for so many tokens.
 */
export async function openHotGemm(architecture: ArchitectureInfo, kind: GemmKind, threads: number): Promise<BareGemms> {
  const { name, inputs, outputs } = hotShape(architecture)
  const session = await openGraph('hot', threads, (graph, weights) => {
    const x = declareInput(graph, kind, inputs)
    const body = graph.branch('/repeat')
    body.input('iteration', 'int64', [])
    const condition = body.input('condition', 'bool', [])
    body.output(condition, 'go_on', 'bool', [])
    const product = kind.add(body, weights, `/${name}`, x, { name, inputs, outputs })
    body.output(corner(body, `/${name}`, product), 'element', 'float32', [1, 1])
    const repeats = graph.scalar('int64', HOT_REPEATS)
    // An empty condition: the loop goes by its count.
    const elements = graph.node('/loop', 'Loop', [repeats, ''], { attributes: { body: graphAttribute(body) } })
    graph.output(elements, 'elements', 'float32', [HOT_REPEATS, 1, 1])
  })
  const feeds = feedsOf(kind, [inputs])
  const run = async (runs: readonly number[]): Promise<number> => {
    const ready = runs.map(feeds)
    const started = performance.now()
    for (const input of ready) await session.run(input)
    return (performance.now() - started) / HOT_REPEATS
  }
  return { run, close: () => session.release() }
}

/** The product with the most work. */
export function hotShape(architecture: ArchitectureInfo): LinearShape {
  const [first, ...rest] = linearsOf(architecture)
  return rest.reduce((best, next) => {
    return next.inputs * next.outputs > best.inputs * best.outputs ? next : best
  }, required(first))
}

function declareInput(graph: Graph, kind: GemmKind, width: number): Value {
  return graph.input(`x${width}`, kind.activations, ['tokens', width])
}

/** Inputs for so many tokens, made once for each count. */
function feedsOf(kind: GemmKind, widths: readonly number[]): (tokens: number) => InferenceSession.FeedsType {
  const made = new Map<number, InferenceSession.FeedsType>()
  return (tokens) => {
    const known = made.get(tokens)
    if (known !== undefined) return known
    const feeds = Object.fromEntries(widths.map((width) => [`x${width}`, activations(kind, tokens, width)]))
    made.set(tokens, feeds)
    return feeds
  }
}

function activations({ activations: dtype }: GemmKind, tokens: number, width: number): Tensor {
  const length = tokens * width
  if (dtype === 'uint8') {
    return new Tensor(
      'uint8',
      Uint8Array.from({ length }, () => Math.random() * 256),
      [tokens, width],
    )
  }
  return new Tensor(
    'float32',
    Float32Array.from({ length }, () => Math.random() - 0.5),
    [tokens, width],
  )
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a transformer layer without linear layers')
  return value
}
