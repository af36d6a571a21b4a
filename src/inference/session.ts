/**
 * The engine: opens ONNX graphs and runs them. The only file that imports onnxruntime-node, and it does so on first
 * use: a platform without a binary must fail as an error of a load, not of an import.
 */
import type * as OnnxRuntime from 'onnxruntime-node'
import type { InferenceSession } from 'onnxruntime-node'

import { PACKED_INPUTS, POOLED_OUTPUT } from '../convert/layers/packed-layout.js'
import { HEAD_OUTPUT } from '../convert/head.js'
import type { PackedTexts } from './packing.js'
import { packedIndices } from './packing.js'
import { disableEngineTelemetry } from './telemetry.js'

type Engine = typeof OnnxRuntime

/** How to open a session. */
export interface SessionOptions {
  /** Threads inside one run. */
  readonly threads: number
}

/** Errors only: the engine would otherwise print to stderr by itself. */
const LOG_ERRORS = 3

/** Version of the engine. */
export async function engineVersion(): Promise<string> {
  const { env } = await importEngine()
  return env.versions.node ?? env.versions.common
}

/** What a graph input gets. */
interface Feed {
  readonly type: 'int32' | 'float32'
  readonly data: Int32Array | Float32Array
  readonly dims: readonly number[]
}

/** An open graph. */
export class GraphSession {
  readonly #engine: Engine
  readonly #session: InferenceSession

  private constructor(engine: Engine, session: InferenceSession) {
    this.#engine = engine
    this.#session = session
  }

  static async open(path: string, { threads }: SessionOptions): Promise<GraphSession> {
    const engine = await importEngine()
    const session = await engine.InferenceSession.create(path, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // The graph is built as it should run: nothing is left to fuse.
      graphOptimizationLevel: 'basic',
      logSeverityLevel: LOG_ERRORS,
      // Threads that spin between two operators starve the event loop and everything else on the machine; idle, they
      // burn a core. Waiting instead costs a few per cent on a quiet machine (`bench/spinning.ts`).
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    })
    return new GraphSession(engine, session)
  }

  /** The float32 output called `output`. */
  async run(feeds: Readonly<Record<string, Feed>>, output: string): Promise<Float32Array> {
    const { Tensor } = this.#engine
    const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)])
    const outputs = await this.#session.run(Object.fromEntries(tensors) as InferenceSession.FeedsType)
    const data = outputs[output]?.data
    if (data instanceof Float32Array) return data
    throw new Error(`the graph gave no float32 output called ${output}`)
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}

/** Runs a packed batch through a backbone: the masked means, float32 `[batch, hidden]`, row after row. */
export function runBackbone(backbone: GraphSession, { ids, lengths }: PackedTexts): Promise<Float32Array> {
  const { positionIds, paddedRows, packedPlaces, length } = packedIndices(lengths)
  const ints = (data: Int32Array, ...dims: readonly number[]): Feed => ({ type: 'int32', data, dims })
  const feeds = {
    [PACKED_INPUTS.inputIds]: ints(ids, ids.length),
    [PACKED_INPUTS.positionIds]: ints(positionIds, ids.length),
    [PACKED_INPUTS.paddedRows]: ints(paddedRows, lengths.length, length),
    [PACKED_INPUTS.packedPlaces]: ints(packedPlaces, ids.length),
    [PACKED_INPUTS.lengths]: ints(lengths, lengths.length),
  }
  return backbone.run(feeds, POOLED_OUTPUT)
}

/** Projects `pooled [batch, hidden]` with one head: float32 `[batch, dimensions]`. */
export function runHead(head: GraphSession, pooled: Float32Array, batch: number): Promise<Float32Array> {
  const feed: Feed = { type: 'float32', data: pooled, dims: [batch, pooled.length / batch] }
  return head.run({ [POOLED_OUTPUT]: feed }, HEAD_OUTPUT)
}

async function importEngine(): Promise<Engine> {
  disableEngineTelemetry()
  return import('onnxruntime-node')
}
