/** A graph over weights of the test's own making: written as the converter writes one, and opened in the engine. */
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'

import { TensorPlan } from '../../src/convert/tensor-plan.js'
import { Weights } from '../../src/convert/weights.js'
import { encodeGraph } from '../../src/convert/write-graph.js'
import { writeTensors } from '../../src/convert/write-tensors.js'
import { writeFileDurably } from '../../src/files/atomic.js'
import { TensorReader } from '../../src/files/safetensors.js'
import { Graph } from '../../src/onnx/graph.js'
import { GraphSession } from '../../src/runtime/session.js'
import { writeSafetensors } from '../../tools/checkpoints/safetensors-writer.js'

/** A float32 tensor of the checkpoint. */
export interface SourceTensor {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** What a test adds to its graph: outputs of its own, and what it wants to know afterwards. */
export type BuildGraph<T> = (graph: Graph, weights: Weights, second: Weights) => T

/** A graph on disk, and what building it returned. */
export interface WrittenGraph<T> {
  readonly path: string
  readonly built: T
}

/** Writes a checkpoint of `tensors` below `parent`, and a graph over it. The `second` weights have a file of their own. */
export async function writeGraphOver<T>(
  parent: string,
  tensors: Readonly<Record<string, SourceTensor>>,
  build: BuildGraph<T>,
): Promise<WrittenGraph<T>> {
  const folder = await mkdtemp(join(parent, 'graph-'))
  const entries = Object.entries(tensors).map(([name, { shape, values }]) => {
    return { name, dtype: 'F32' as const, shape, data: () => [values] }
  })
  await writeSafetensors(join(folder, 'model.safetensors'), entries)
  await using reader = await TensorReader.open(folder)
  const plans = [new TensorPlan('first.data'), new TensorPlan('second.data')] as const
  const graph = new Graph('test')
  const built = build(graph, new Weights(reader, plans[0], ''), new Weights(reader, plans[1], ''))
  await writeTensors(join(folder, 'first.data'), plans[0])
  await writeTensors(join(folder, 'second.data'), plans[1])
  const path = join(folder, 'graph.onnx')
  await writeFileDurably(path, encodeGraph(graph.build()))
  return { path, built }
}

/** Rows as the graph's input `x`. */
export interface Rows {
  readonly data: Float32Array
  readonly columns: number
}

/** Opens a graph with an input `x [rows, columns]`. */
export async function openRows(path: string, threads = 1) {
  const session = await GraphSession.open(path, { threads })
  return {
    run: ({ data, columns }: Rows, outputs: readonly string[]) => {
      const dims = [data.length / columns, columns]
      return session.runAll({ x: { type: 'float32', data, dims } }, outputs)
    },
    [Symbol.asyncDispose]: () => session.close(),
  }
}
