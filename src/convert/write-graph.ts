/** Writes one graph of an artefact: the weights file first, then the graph that points into it. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'

import { writeFileDurably } from '../files/atomic.js'
import type { FileDigest } from '../files/hash.js'
import { packageVersion } from '../files/package-root.js'
import type { GraphData } from '../onnx/model.js'
import { encodeModel } from '../onnx/wire.js'
import type { ConvertProgress } from './convert-progress.js'
import { IR_VERSION, OPSETS, RECIPE } from './recipe.js'
import { TensorPlan } from './tensor-plan.js'
import { writeTensors } from './write-tensors.js'

/** Size and hash of each file made, by its path in the artefact. */
export type FilesMade = Record<string, FileDigest>

/** Where {@link writeGraph} puts files and enters them. */
export interface GraphTarget {
  readonly folder: string
  readonly files: FilesMade
  readonly model: string
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: ConvertProgress) => void) | undefined
  /** @default the cores this process may use */
  readonly threads?: number | undefined
}

/** Writes `file` and `file.data`, and enters both. */
export async function writeGraph(
  target: GraphTarget,
  file: string,
  build: (tensors: TensorPlan) => GraphData,
): Promise<void> {
  const { folder, files, model: key, signal, onProgress, threads } = target
  const dataFile = `${file}.data`
  const plan = new TensorPlan(dataFile.slice(dataFile.lastIndexOf('/') + 1))
  const model = encodeGraph(build(plan))
  files[dataFile] = await writeTensors(join(folder, dataFile), plan, {
    threads,
    signal,
    onBytes: (done) =>
      onProgress?.({ model: key, state: 'writing', file: dataFile, done, total: plan.bytes, unit: 'bytes' }),
  })
  await writeFileDurably(join(folder, file), model)
  files[file] = { bytes: model.byteLength, sha256: createHash('sha256').update(model).digest('hex') }
}

/** The bytes of an `.onnx` file. */
export function encodeGraph(graph: GraphData): Uint8Array {
  return encodeModel({
    irVersion: IR_VERSION,
    opsets: OPSETS,
    producer: { name: 'stella-pool', version: packageVersion() },
    metadata: { recipe: `${RECIPE.name}/${RECIPE.version}` },
    graph,
  })
}
