/**
 * Converts a checkpoint to an artefact: graphs, weights, tokenizer and manifest, in a folder that exists only when it
 * is complete. Weights stream through; no tensor is held whole.
 */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { ArchitectureInfo, HeadInfo, StellaModelInfo } from '../../registry/types.js'
import { StellaError, messageOf } from '../errors.js'
import { replaceFolder, writeFileDurably } from '../files/atomic.js'
import { throwIfAborted } from '../files/cancellation.js'
import { sha256File } from '../files/hash.js'
import type { Manifest } from '../files/manifest.js'
import { MANIFEST_FILE, MANIFEST_FORMAT } from '../files/manifest.js'
import { packageVersion } from '../files/package-root.js'
import { TensorReader } from '../files/safetensors.js'
import { ExternalData } from '../onnx/external-data.js'
import type { GraphData } from '../onnx/model.js'
import { encodeModel } from '../onnx/wire.js'
import { buildBackbone } from './backbone.js'
import { buildHead } from './head.js'
import { checkInventory } from './inventory.js'
import type { Precision } from './recipe.js'
import { IR_VERSION, OPSETS, RECIPE } from './recipe.js'

/** What a conversion reports while it runs. */
export interface ConvertProgress {
  readonly model: string
  /** `hashing` the checkpoint, `writing` the artefact. */
  readonly state: 'hashing' | 'writing'
  readonly file: string
  /** Bytes of this state done so far, over all files. */
  readonly bytes: number
  readonly total: number
}

/** How to convert. */
export interface ConvertOptions {
  readonly precision: Precision
  /** Heads to convert; their folders must be in the checkpoint. */
  readonly heads: readonly HeadInfo[]
  /** Folder of the artefact; replaced if it exists. The caller holds its lock. */
  readonly out: string
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined
}

/** Names inside an artefact. */
export const BACKBONE_FILE = 'backbone.onnx'
const TOKENIZER_FILE = 'tokenizer.json'

/** Name of a head's graph inside an artefact. */
export function headFile(dimensions: number): string {
  return `heads/${dimensions}.onnx`
}

type Files = Record<string, { bytes: number; sha256: string }>

/**
 * Converts the checkpoint in `folder` as `info` describes it.
 *
 * @throws {StellaError} CHECKPOINT_INVALID, or ABORTED; either way `options.out` is as it was.
 */
export async function convertCheckpoint(
  folder: string,
  info: StellaModelInfo,
  options: ConvertOptions,
): Promise<Manifest> {
  const { precision, heads, out, signal } = options
  await using reader = await TensorReader.open(folder)
  const prefix = checkInventory(reader, info.architecture)
  return await replaceFolder(out, async (partial) => {
    const sources = await hashSources(folder, [...reader.files, TOKENIZER_FILE], info, options)
    const files: Files = {}
    const target = { folder: partial, files, model: info.key, signal, onProgress: options.onProgress }
    await writeGraph(target, BACKBONE_FILE, (data) => buildBackbone(info.architecture, reader, prefix, data))
    const converted = []
    for (const head of heads) converted.push(await convertHead(folder, info, head, target))
    await copyFile(join(folder, TOKENIZER_FILE), join(partial, TOKENIZER_FILE))
    files[TOKENIZER_FILE] = await sha256File(join(partial, TOKENIZER_FILE))
    const manifest: Manifest = {
      format: MANIFEST_FORMAT,
      model: { key: info.key, source: { ...info.source } },
      recipe: { ...RECIPE },
      precision,
      architecture: { ...info.architecture },
      heads: converted,
      sources,
      files,
      fidelity: null,
      fingerprint: fingerprintOf(precision, info.architecture, sources),
    }
    await writeFileDurably(join(partial, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`)
    throwIfAborted(signal, `converting ${info.key}`)
    return manifest
  })
}

/** Where {@link writeGraph} puts files and enters them. */
export interface GraphTarget {
  readonly folder: string
  readonly files: Files
  readonly model: string
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: ConvertProgress) => void) | undefined
}

/**
 * Converts one head into the artefact folder of `target`.
 *
 * @throws {StellaError} CHECKPOINT_INVALID
 */
export async function convertHead(
  folder: string,
  info: StellaModelInfo,
  head: HeadInfo,
  target: GraphTarget,
): Promise<Manifest['heads'][number]> {
  const source = `${head.folder}/model.safetensors`
  await using reader = await TensorReader.open(folder, { file: source })
  const file = headFile(head.dimensions)
  await mkdir(join(target.folder, 'heads'), { recursive: true })
  await writeGraph(target, file, (data) => buildHead(head, info.architecture.hidden, reader, data))
  const { sha256 } = await sha256File(join(folder, source), { signal: target.signal })
  return { dimensions: head.dimensions, file, sourceSha256: sha256 }
}

async function writeGraph(target: GraphTarget, file: string, build: (data: ExternalData) => GraphData): Promise<void> {
  const dataFile = `${file}.data`
  const data = new ExternalData(dataFile.slice(dataFile.lastIndexOf('/') + 1))
  const model = encodeModel({
    irVersion: IR_VERSION,
    opsets: OPSETS,
    producer: { name: 'stella-pool', version: packageVersion() },
    metadata: { recipe: `${RECIPE.name}/${RECIPE.version}` },
    graph: build(data),
  })
  const hash = createHash('sha256')
  let bytes = 0
  await data.write(join(target.folder, dataFile), (piece) => {
    throwIfAborted(target.signal, `writing ${dataFile}`)
    hash.update(piece)
    bytes += piece.byteLength
    target.onProgress?.({ model: target.model, state: 'writing', file: dataFile, bytes, total: data.bytes })
  })
  target.files[dataFile] = { bytes, sha256: hash.digest('hex') }
  await writeFileDurably(join(target.folder, file), model)
  target.files[file] = { bytes: model.byteLength, sha256: createHash('sha256').update(model).digest('hex') }
}

async function hashSources(
  folder: string,
  files: readonly string[],
  info: StellaModelInfo,
  { signal, onProgress }: ConvertOptions,
): Promise<Record<string, string>> {
  const sizes = await Promise.all(files.map((file) => sizeOf(folder, file)))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const sources: Record<string, string> = {}
  let done = 0
  for (const [index, file] of files.entries()) {
    const { sha256 } = await sha256File(join(folder, file), {
      signal,
      onBytes: (bytes) => onProgress?.({ model: info.key, state: 'hashing', file, bytes: done + bytes, total }),
    })
    done += sizes[index] ?? 0
    sources[file] = sha256
    const pinned = info.files.find((known) => known.path === file)?.sha256
    if (pinned !== undefined && pinned !== sha256) {
      throw new StellaError('CHECKPOINT_INVALID', `${file} has SHA-256 ${sha256}; ${info.key} is pinned to ${pinned}`, {
        details: { folder, file, sha256, expected: pinned },
      })
    }
  }
  return sources
}

async function sizeOf(folder: string, file: string): Promise<number> {
  try {
    return (await stat(join(folder, file))).size
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const problem = missing ? `${folder} holds no ${file}` : `${file} cannot be read: ${messageOf(error)}`
    throw new StellaError('CHECKPOINT_INVALID', `${problem}; expected a folder in the Hugging Face layout`, {
      cause: error,
      details: { folder, file },
    })
  }
}

/** The same tensors under another `config.json` are another model: its architecture counts, in any order of keys. */
function fingerprintOf(
  precision: Precision,
  architecture: ArchitectureInfo,
  sources: Readonly<Record<string, string>>,
): string {
  const facts = { recipe: RECIPE, precision, architecture: sorted(architecture), sources: sorted(sources) }
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, child]) => [key, sorted(child)])
}
