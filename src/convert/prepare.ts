/** Makes sure a model's artefact is on disk: found, or converted from its checkpoint, once per machine. */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { requireModelInfo } from '../../registry/model-registry.js'
import type { HeadInfo, StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import { writeFileAtomic } from '../files/atomic.js'
import type { HubSettings } from '../files/environment.js'
import { readEnvironment } from '../files/environment.js'
import { withFileLock } from '../files/file-lock.js'
import type { PullProgress } from '../files/hub.js'
import type { Manifest } from '../files/manifest.js'
import { MANIFEST_FILE, readManifest } from '../files/manifest.js'
import { writingTo } from '../files/storage.js'
import type { ConvertProgress, GraphTarget } from './convert.js'
import { convertCheckpoint, convertHead, headFile } from './convert.js'
import type { PrecisionRequest } from './recipe.js'
import { RECIPE, resolvePrecision } from './recipe.js'
import { findCheckpoint, revisionOf } from './source.js'

/** A converted model on disk. */
export interface Artefact {
  readonly folder: string
  readonly manifest: Manifest
  /** Whether this call made it, or added heads to it. */
  readonly converted: boolean
}

/** How to prepare a model. */
export interface PrepareOptions {
  /** @default 'auto' */
  readonly precision?: PrecisionRequest | undefined
  /** Heads that must be there. @default the model's default head */
  readonly dimensions?: readonly number[] | undefined
  /** Folder to keep artefacts under. @default `STELLA_HOME`, else the platform's cache folder */
  readonly home?: string | undefined
  /** @default from `HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE` */
  readonly hub?: HubSettings | undefined
  /** Fetch a checkpoint that is not in the Hugging Face cache. @default false */
  readonly download?: boolean | undefined
  /** Make the artefact again even if it is there. @default false */
  readonly force?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onDownload?: ((progress: PullProgress) => void) | undefined
  readonly onConvert?: ((progress: ConvertProgress) => void) | undefined
  /** Called once if another process is converting this model and is waited for. */
  readonly onWait?: ((lockPath: string) => void) | undefined
}

/**
 * The artefact of `info` with at least the heads asked for. Two processes that ask at once convert once.
 *
 * @throws {StellaError} MODEL_NOT_DOWNLOADED, DOWNLOAD_FAILED, CHECKPOINT_INVALID, STORAGE_FAILED, DIMENSIONS_UNSUPPORTED, ABORTED;
 * OPTION_INVALID when `info` is no descriptor or the precision is none of those accepted.
 */
export async function prepareArtefact(info: StellaModelInfo, options: PrepareOptions = {}): Promise<Artefact> {
  requireModelInfo(info)
  const environment = readEnvironment()
  const precision = resolvePrecision(options.precision ?? 'auto')
  const wanted = (options.dimensions ?? defaultHeads(info)).map((dimensions) => headOf(info, dimensions))
  const home = options.home ?? environment.home
  const folder = join(home, 'artefacts', info.key, `${await revisionOf(info)}-${precision}`)
  if (options.force !== true) {
    const manifest = await usableManifest(folder)
    if (manifest !== undefined && missing(manifest, wanted).length === 0) return { folder, manifest, converted: false }
  }
  const source = {
    hub: options.hub ?? environment.hub,
    download: options.download ?? false,
    signal: options.signal,
    onProgress: options.onDownload,
  }
  const checkpoint = await findCheckpoint(info, wanted, source)
  const advice = 'Free space there, or set STELLA_HOME (the option `home`) to a folder that can be written'
  const lock = { signal: options.signal, onWait: options.onWait }
  const make = async (signal: AbortSignal): Promise<Artefact> => {
    const manifest = options.force === true ? undefined : await usableManifest(folder)
    if (manifest === undefined) {
      const heads = await headsPresent(checkpoint, info, wanted)
      const { onConvert: onProgress } = options
      const made = await convertCheckpoint(checkpoint, info, { precision, heads, out: folder, signal, onProgress })
      return { folder, manifest: made, converted: true }
    }
    const heads = missing(manifest, wanted)
    if (heads.length === 0) return { folder, manifest, converted: false }
    const { onConvert: onProgress } = options
    const extended = await addHeads(folder, manifest, checkpoint, info, heads, { signal, onProgress })
    return { folder, manifest: extended, converted: true }
  }
  return writingTo(folder, advice, () => withFileLock(folder, lock, make))
}

/** The descriptor's head of so many dimensions. */
export function headOf(info: StellaModelInfo, dimensions: number): HeadInfo {
  const head = info.heads.find((candidate) => candidate.dimensions === dimensions)
  if (head !== undefined) return head
  const accepted = info.heads.map((candidate) => candidate.dimensions)
  throw new StellaError(
    'DIMENSIONS_UNSUPPORTED',
    `${info.key} has no head of ${dimensions} dimensions; it has ${accepted.join(', ') || `none: its embeddings have ${info.defaultDimensions}`}`,
    { details: { model: info.key, dimensions, accepted: accepted.length > 0 ? accepted : [info.defaultDimensions] } },
  )
}

function defaultHeads(info: StellaModelInfo): readonly number[] {
  return info.heads.length === 0 ? [] : [info.defaultDimensions]
}

/** The manifest, unless another version of the recipe made the artefact. */
async function usableManifest(folder: string): Promise<Manifest | undefined> {
  const manifest = await readManifest(folder).catch((error: unknown) => {
    // A manifest of another format is what an older version of this package left: make the artefact again.
    if (error instanceof StellaError && error.code === 'ARTEFACT_INVALID') return undefined
    throw error
  })
  if (manifest?.recipe.name !== RECIPE.name || manifest.recipe.version !== RECIPE.version) return undefined
  return manifest
}

function missing(manifest: Manifest, wanted: readonly HeadInfo[]): readonly HeadInfo[] {
  return wanted.filter((head) => !manifest.heads.some((have) => have.dimensions === head.dimensions))
}

/** The heads asked for, and every other one whose weights are at hand. */
async function headsPresent(
  checkpoint: string,
  info: StellaModelInfo,
  wanted: readonly HeadInfo[],
): Promise<readonly HeadInfo[]> {
  const present: HeadInfo[] = []
  for (const head of info.heads) {
    const there = await stat(join(checkpoint, head.folder, 'model.safetensors')).then(
      () => true,
      () => false,
    )
    if (there || wanted.includes(head)) present.push(head)
  }
  return present
}

/** Adds heads to a finished artefact: their files first, then a manifest that knows them. */
async function addHeads(
  folder: string,
  manifest: Manifest,
  checkpoint: string,
  info: StellaModelInfo,
  heads: readonly HeadInfo[],
  { signal, onProgress }: Pick<GraphTarget, 'signal' | 'onProgress'>,
): Promise<Manifest> {
  const files = { ...manifest.files }
  const target = { folder, files, model: info.key, signal, onProgress }
  const added = []
  for (const head of heads) {
    // What an interrupted call left is in no manifest; the lock says nobody is writing it.
    await rm(join(folder, headFile(head.dimensions)), { force: true })
    await rm(join(folder, `${headFile(head.dimensions)}.data`), { force: true })
    added.push(await convertHead(checkpoint, info, head, target))
  }
  const all = [...manifest.heads, ...added].sort((a, b) => a.dimensions - b.dimensions)
  const extended = { ...manifest, heads: all, files }
  await writeFileAtomic(join(folder, MANIFEST_FILE), `${JSON.stringify(extended, null, 2)}\n`)
  return extended
}
