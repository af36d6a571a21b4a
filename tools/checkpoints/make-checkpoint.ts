/**
 * Makes a random checkpoint in the full Hugging Face layout, of either architecture and any size, in bounded memory.
 * The same spec gives the same bytes on every machine. Knows no model by name (see `specs.ts`).
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { StellaError } from '../../src/errors.js'
import { configFiles } from './config-files.js'
import { randomStreams } from './random.js'
import { writeSafetensors, type WriteEntry } from './safetensors-writer.js'
import type { CheckpointSpec } from './spec.js'
import { backboneTensors, DEFAULT_PREFIX, headTensors, OUTLIER_FACTOR, type TensorPlan } from './tensors.js'
import { tokenizerFiles } from './tokenizers.js'

/** Values drawn at a time: 4 MiB of float32, however large the tensor. Even, because deviates are drawn in pairs. */
const CHUNK_VALUES = 1_048_576

/** One file that was written. */
export interface WrittenFile {
  /** Path inside the folder, with forward slashes. */
  readonly path: string
  readonly bytes: number
}

/** A tensor's name in the file, and the name its random stream goes by. */
interface TensorNames {
  readonly stored: string
  readonly stream: string
}

/** What was made. */
export interface MadeCheckpoint {
  readonly files: readonly WrittenFile[]
  /** Tensors of the backbone, the unused pooler included. */
  readonly tensors: number
  /** Sum of the files' sizes. */
  readonly bytes: number
}

/**
 * Writes `spec` into `folder`, which is made where missing; files of the same names are replaced.
 *
 * @throws {StellaError} OPTION_INVALID where the spec contradicts itself.
 */
export async function makeCheckpoint(folder: string, spec: CheckpointSpec): Promise<MadeCheckpoint> {
  const { architecture, weights, prefix = DEFAULT_PREFIX[architecture.kind] } = spec
  const tokenizer = tokenizerFiles(spec.tokenizer)
  checkSpec(spec, tokenizer.size)
  const streams = randomStreams(spec.seed)
  const files: WrittenFile[] = []

  for (const [path, text] of [...configFiles(spec, tokenizer.endOfText), ...tokenizer.files]) {
    files.push(await writeText(folder, path, text))
  }
  const plans = backboneTensors(architecture, weights, spec.pooler ?? true)
  // Streams are named without the prefix, so that prefix, dtype and sharding change the files and not the model.
  const entries = sortByName(
    plans.map((plan) => entryOf(plan, { stored: prefix + plan.name, stream: plan.name }, spec, streams)),
  )
  files.push(...(await writeBackbone(folder, entries, spec.shards ?? 1)))
  for (const dimensions of spec.heads) {
    const path = `2_Dense_${dimensions}/model.safetensors`
    const head = headTensors(architecture.hidden, dimensions, weights)
    const headEntries = head.map((plan) =>
      entryOf(plan, { stored: plan.name, stream: `2_Dense_${dimensions}.${plan.name}` }, spec, streams),
    )
    files.push({ path, bytes: await writeSafetensors(join(folder, path), sortByName(headEntries)) })
  }
  return { files, tensors: entries.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) }
}

async function writeBackbone(folder: string, entries: readonly WriteEntry[], shards: number): Promise<WrittenFile[]> {
  if (shards === 1) {
    return [{ path: 'model.safetensors', bytes: await writeSafetensors(join(folder, 'model.safetensors'), entries) }]
  }
  const perShard = Math.ceil(entries.length / shards)
  const files: WrittenFile[] = []
  const map: Record<string, string> = {}
  for (let shard = 0; shard < shards; shard++) {
    const path = `model-${number5(shard + 1)}-of-${number5(shards)}.safetensors`
    const part = entries.slice(shard * perShard, (shard + 1) * perShard)
    for (const { name } of part) map[name] = path
    files.push({ path, bytes: await writeSafetensors(join(folder, path), part) })
  }
  const values = entries.reduce((sum, entry) => sum + valueCount(entry.shape), 0)
  const bytesPerValue = entries[0]?.dtype === 'F32' ? 4 : 2
  const index = { metadata: { total_size: values * bytesPerValue }, weight_map: map }
  files.push(await writeText(folder, 'model.safetensors.index.json', `${JSON.stringify(index, null, 2)}\n`))
  return files
}

type Streams = ReturnType<typeof randomStreams>

function entryOf(plan: TensorPlan, names: TensorNames, { dtype }: CheckpointSpec, streams: Streams): WriteEntry {
  return { name: names.stored, dtype, shape: plan.shape, data: () => draw(plan, names.stream, streams) }
}

function* draw({ draw, shape }: TensorPlan, stream: string, streams: Streams): Generator<Float32Array> {
  const total = valueCount(shape)
  const random = streams(stream)
  if (draw.kind === 'gamma') {
    const gains = new Float32Array(total)
    random.fillNormal(gains, 1, draw.deviation)
    scaleBy(gains, outlierFactors(stream, draw.outliers, total, streams), 1)
    if (draw.undoes !== undefined) {
      scaleBy(gains, outlierFactors(`${draw.undoes.name}.weight`, draw.undoes.outliers, total, streams), -1)
    }
    yield gains
    return
  }
  const chunk = new Float32Array(Math.min(total, CHUNK_VALUES))
  for (let done = 0; done < total; done += chunk.length) {
    const part = chunk.subarray(0, total - done)
    random.fillNormal(part, 0, draw.deviation)
    yield part
  }
}

/** The outlier channels of the norm gains drawn from `stream`, each with its factor; they have a stream of their own. */
function outlierFactors(stream: string, count: number, channels: number, streams: Streams): Map<number, number> {
  const random = streams(`${stream}.outliers`)
  const factors = new Map<number, number>()
  while (factors.size < count) {
    const channel = random.nextUint32() % channels
    const factor = OUTLIER_FACTOR.min + random.nextFloat() * (OUTLIER_FACTOR.max - OUTLIER_FACTOR.min)
    if (!factors.has(channel)) factors.set(channel, factor)
  }
  return factors
}

function scaleBy(gains: Float32Array, factors: ReadonlyMap<number, number>, direction: 1 | -1): void {
  for (const [channel, factor] of factors) {
    const gain = gains[channel] ?? 0
    gains[channel] = direction === 1 ? gain * factor : gain / factor
  }
}

async function writeText(folder: string, path: string, text: string): Promise<WrittenFile> {
  const target = join(folder, path)
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target, text)
  return { path, bytes: Buffer.byteLength(text) }
}

function checkSpec(
  { name, architecture, heads, defaultHead, tokenizer, shards = 1 }: CheckpointSpec,
  size: number,
): void {
  const problems = [
    architecture.heads * architecture.headDim === architecture.hidden || 'heads × headDim must equal hidden',
    architecture.headDim % 2 === 0 || 'headDim must be even, rotary positions turn pairs',
    architecture.kind === 'new' ||
      architecture.heads % architecture.kvHeads === 0 ||
      'heads must be a multiple of kvHeads',
    size <= architecture.vocab || `the tokenizer's ${size} entries must fit in ${architecture.vocab} embedding rows`,
    (architecture.kind === 'new') === (tokenizer.kind === 'wordpiece') ||
      `${tokenizer.kind} does not go with ${architecture.kind}`,
    heads.includes(defaultHead) || `defaultHead ${defaultHead} must be one of heads [${heads.join()}]`,
    (Number.isInteger(shards) && shards >= 1) || `shards must be an integer ≥ 1, got ${shards}`,
  ].filter((problem) => problem !== true)
  if (problems.length === 0) return
  throw new StellaError('OPTION_INVALID', `Cannot make checkpoint ${name}: ${problems.join('; ')}`)
}

function sortByName(entries: readonly WriteEntry[]): WriteEntry[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function valueCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

function number5(value: number): string {
  return String(value).padStart(5, '0')
}
