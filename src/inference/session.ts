/**
 * The engine: opens ONNX graphs and runs them. The only file that imports onnxruntime-node, and it does so on first
 * use: a platform without a binary must fail as an error of a load, not of an import.
 */
import type * as OnnxRuntime from 'onnxruntime-node'
import type { InferenceSession, Tensor } from 'onnxruntime-node'

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

/** Runs packed batches through a backbone. */
export class BackboneSession {
  readonly #engine: Engine
  readonly #session: InferenceSession

  private constructor(engine: Engine, session: InferenceSession) {
    this.#engine = engine
    this.#session = session
  }

  static async open(path: string, options: SessionOptions): Promise<BackboneSession> {
    const engine = await importEngine()
    return new BackboneSession(engine, await openSession(engine, path, options))
  }

  /** The masked means, float32 `[batch, hidden]`, row after row. */
  async run({ ids, lengths }: PackedTexts): Promise<Float32Array> {
    const { positionIds, paddedRows, packedPlaces, length } = packedIndices(lengths)
    const tensor = (data: Int32Array, dims: readonly number[]): Tensor => new this.#engine.Tensor('int32', data, dims)
    const feeds = {
      [PACKED_INPUTS.inputIds]: tensor(ids, [ids.length]),
      [PACKED_INPUTS.positionIds]: tensor(positionIds, [ids.length]),
      [PACKED_INPUTS.paddedRows]: tensor(paddedRows, [lengths.length, length]),
      [PACKED_INPUTS.packedPlaces]: tensor(packedPlaces, [ids.length]),
      [PACKED_INPUTS.lengths]: tensor(lengths, [lengths.length]),
    }
    return floats(await this.#session.run(feeds), POOLED_OUTPUT)
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}

/** Projects pooled states with one head. */
export class HeadSession {
  readonly #engine: Engine
  readonly #session: InferenceSession

  private constructor(engine: Engine, session: InferenceSession) {
    this.#engine = engine
    this.#session = session
  }

  static async open(path: string, options: SessionOptions): Promise<HeadSession> {
    const engine = await importEngine()
    return new HeadSession(engine, await openSession(engine, path, options))
  }

  /** `pooled [batch, hidden]` → `[batch, dimensions]`. */
  async run(pooled: Float32Array, batch: number): Promise<Float32Array> {
    const input = new this.#engine.Tensor('float32', pooled, [batch, pooled.length / batch])
    return floats(await this.#session.run({ [POOLED_OUTPUT]: input }), HEAD_OUTPUT)
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}

async function importEngine(): Promise<Engine> {
  disableEngineTelemetry()
  return import('onnxruntime-node')
}

async function openSession(engine: Engine, path: string, { threads }: SessionOptions): Promise<InferenceSession> {
  return engine.InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // The graph is built as it should run: higher levels measured the same speed and load slower.
    graphOptimizationLevel: 'basic',
    logSeverityLevel: LOG_ERRORS,
    // Threads that spin between two operators starve the event loop and everything else on the machine; idle, they burn
    // a core. Waiting instead costs a few per cent on a quiet machine (`bench/spinning.ts`).
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  })
}

function floats(outputs: InferenceSession.OnnxValueMapType, name: string): Float32Array {
  const data = outputs[name]?.data
  if (data instanceof Float32Array) return data
  throw new Error(`the graph gave no float32 output called ${name}`)
}
