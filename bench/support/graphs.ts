/** Opens graphs that a benchmark builds for itself, with the settings the product's sessions have. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { InferenceSession } from 'onnxruntime-node'

import { IR_VERSION, OPSETS } from '../../src/convert/recipe.js'
import type { Value } from '../../src/onnx/graph.js'
import { Graph } from '../../src/onnx/graph.js'
import { encodeModel } from '../../src/onnx/wire.js'
import { disableEngineTelemetry } from '../../src/runtime/telemetry.js'
import { RandomWeights } from './random-weights.js'

/**
 * Builds a graph and opens it. Its files are gone from disk when this returns; the engine has them mapped or packed.
 *
 * @param threads - Threads inside one run.
 */
export async function openGraph(
  name: string,
  threads: number,
  build: (graph: Graph, weights: RandomWeights) => void,
): Promise<InferenceSession> {
  disableEngineTelemetry()
  const graph = new Graph(name)
  const weights = new RandomWeights()
  build(graph, weights)
  const folder = await mkdtemp(join(tmpdir(), 'stella-pool-bench-'))
  try {
    const path = join(folder, 'graph.onnx')
    const producer = { name: 'bench', version: '0' }
    const model = { irVersion: IR_VERSION, opsets: OPSETS, producer, metadata: {}, graph: graph.build() }
    await writeFile(path, encodeModel(model))
    await weights.write(join(folder, RandomWeights.file))
    return await InferenceSession.create(path, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'basic',
      logSeverityLevel: 3,
      // As `src/runtime/session.ts` opens the model: a rate that the model's own threads cannot reach is no measure.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** One element of a matrix: reading it keeps the operator that made the matrix, and costs next to nothing. */
export function corner(graph: Graph, path: string, matrix: Value): Value {
  const [from, to] = [graph.constant('int64', [0, 0]), graph.constant('int64', [1, 1])]
  return graph.node(`${path}/corner`, 'Slice', [matrix, from, to])
}
