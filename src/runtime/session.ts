/**
 * The engine: opens ONNX graphs and runs them. The only file that imports onnxruntime-node, and it does so on first
 * use: a platform without a binary must fail as an error of a load, not of an import. Knows graphs, no model.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import type * as OnnxRuntime from 'onnxruntime-node'
import type { InferenceSession } from 'onnxruntime-node'

import type { Device } from './devices.js'
import { disableEngineTelemetry } from './telemetry.js'
import { isFloat32Array } from '../realm.js'

type Engine = typeof OnnxRuntime

/**
 * What a session does with the constant tensors of a graph. The engine rearranges ("pre-packs") matrices for its
 * kernels, which copies them into memory of the session's own.
 */
export type SessionWeights =
  /** Rearranged into the session's own memory: full speed, one copy for each session. */
  | { readonly kind: 'own' }
  /**
   * Left as they are in the mapped file, which all sessions of a machine share: no copy, and slower.
   */
  | { readonly kind: 'unpacked' }
  /**
   * As `own`; the optimised graph and the rearranged tensors are written as well, to be opened as `packed`. Tensors
   * go to the file called `data` in the folder of `graph`. The data file is not to be opened as it is: its
   * blobs lie at any offset, where kernels that want aligned ones read garbage or crash. Align them first.
   */
  | { readonly kind: 'save'; readonly graph: string; readonly data: string }
  /** Those of a file written by `save`: rearranged already, and mapped. Full speed, one copy for each machine. */
  | { readonly kind: 'packed' }

/** How to open a session. */
export interface SessionOptions {
  /** Threads inside one run. */
  readonly threads: number
  /** @default { kind: 'own' } */
  readonly weights?: SessionWeights
  /** What it has no kernel for runs on the CPU. @default 'cpu' */
  readonly device?: Device
}

/** What a graph input gets. */
export interface Feed {
  readonly type: 'int32' | 'float32'
  readonly data: Int32Array | Float32Array
  readonly dims: readonly number[]
}

/** Feeds by the name of the input. */
export type Feeds = Readonly<Record<string, Feed>>

/** Errors only: the engine would otherwise print to stderr by itself. */
const LOG_ERRORS = 3

/** Tensors below this size stay inside a saved graph, in bytes. Larger ones go to the data file, which can be mapped. */
const MIN_SAVED_EXTERNAL_BYTES = 1024

/** Path of the engine's package.json. Does not load it. */
export function enginePackage(): string {
  return createRequire(import.meta.url).resolve('onnxruntime-node/package.json')
}

/** Version of the engine that is installed. Does not load it. */
export function engineVersion(): string {
  const path = enginePackage()
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version)
  throw new Error(`${path} has no version`)
}

/** What the engine says of itself. */
export interface EngineFacts {
  readonly version: string
  /** Execution providers; one that is not bundled needs libraries of its own. See `devices.ts`. */
  readonly providers: readonly { readonly name: string; readonly bundled: boolean }[]
}

/** Loads the engine and asks it. Where its binary does not suit the machine, that may end the process. */
export async function engineFacts(): Promise<EngineFacts> {
  const { env, listSupportedBackends } = await importEngine()
  return { version: env.versions.node ?? engineVersion(), providers: listSupportedBackends() }
}

/** An open graph. */
export class GraphSession {
  readonly #engine: Engine
  readonly #session: InferenceSession

  private constructor(engine: Engine, session: InferenceSession) {
    this.#engine = engine
    this.#session = session
  }

  /** Opens the graph at `path`. Blocks the thread while it does. */
  static async open(
    path: string,
    { threads, weights = { kind: 'own' }, device = 'cpu' }: SessionOptions,
  ): Promise<GraphSession> {
    const engine = await importEngine()
    const { session, ...options } = weightOptions(weights)
    const opened = await engine.InferenceSession.create(path, {
      executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: LOG_ERRORS,
      // Buffers planned for a shape are kept beside the arena: more memory, for no time that could be measured.
      enableMemPattern: false,
      ...options,
      // Threads that spin between two operators starve the event loop and everything else on the machine, and go on for
      // tens of milliseconds after a run. Waiting instead costs a few per cent on a quiet machine (`bench/spinning.ts`).
      extra: { session: { intra_op: { allow_spinning: '0' }, ...session } },
    })
    return new GraphSession(engine, opened)
  }

  /** The float32 output called `output`. Nothing is computed that only other outputs need. */
  async run(feeds: Feeds, output: string): Promise<Float32Array> {
    const outputs = await this.#run(feeds, [output])
    return floats(outputs, output)
  }

  /** Several float32 outputs of one run, by name. */
  async runAll(feeds: Feeds, outputs: readonly string[]): Promise<Readonly<Record<string, Float32Array>>> {
    const found = await this.#run(feeds, outputs)
    return Object.fromEntries(outputs.map((output) => [output, floats(found, output)]))
  }

  async close(): Promise<void> {
    await this.#session.release()
  }

  #run(feeds: Feeds, outputs: readonly string[]): Promise<InferenceSession.ReturnType> {
    const { Tensor } = this.#engine
    const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)])
    return this.#session.run(Object.fromEntries(tensors) as InferenceSession.FeedsType, outputs)
  }
}

/** The engine's settings for {@link SessionWeights}; `session` are its configuration keys below `session.`. */
function weightOptions(weights: SessionWeights): Pick<
  InferenceSession.SessionOptions,
  'graphOptimizationLevel' | 'optimizedModelFilePath'
> & {
  readonly session: Readonly<Record<string, string>>
} {
  // The graph is built as it should run: nothing is left to fuse.
  const graphOptimizationLevel = 'basic'
  switch (weights.kind) {
    case 'own':
      return { graphOptimizationLevel, session: {} }
    case 'unpacked':
      return { graphOptimizationLevel, session: { disable_prepacking: '1' } }
    case 'save':
      return {
        graphOptimizationLevel,
        optimizedModelFilePath: weights.graph,
        session: {
          save_external_prepacked_constant_initializers: '1',
          optimized_model_external_initializers_file_name: weights.data,
          optimized_model_external_initializers_min_size_in_bytes: String(MIN_SAVED_EXTERNAL_BYTES),
        },
      }
    case 'packed':
      // Optimised when it was saved. A second pass could replace a tensor, and with it lose its packed form.
      return { graphOptimizationLevel: 'disabled', session: {} }
  }
}

function floats(outputs: InferenceSession.ReturnType, name: string): Float32Array {
  const data = outputs[name]?.data
  if (isFloat32Array(data)) return data
  throw new Error(`the graph gave no float32 output called ${name}`)
}

async function importEngine(): Promise<Engine> {
  disableEngineTelemetry()
  return import('onnxruntime-node')
}
