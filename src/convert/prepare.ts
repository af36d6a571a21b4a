/** Makes sure a model's artefact is on disk: found, or converted from its checkpoint, once per machine. */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { requireModelInfo } from '../../registry/model-registry.js'
import type { HeadInfo, StellaModelInfo } from '../../registry/types.js'
import { StellaError, isStellaError } from '../errors.js'
import { writeFileAtomic } from '../files/atomic.js'
import type { HubSettings } from '../files/environment.js'
import { readEnvironment } from '../files/environment.js'
import { withFileLock } from '../files/file-lock.js'
import type { PullProgress } from '../files/hub.js'
import type { Manifest } from '../files/manifest.js'
import { MANIFEST_FILE, readManifest } from '../files/manifest.js'
import { writingTo } from '../files/storage.js'
import { headFile } from './artefact-files.js'
import { artefactFolder } from './artefact-folder.js'
import { RefusedByAuto, acceptForAuto, isWorthQuantising, settledBefore } from './auto-precision.js'
import type { TaskText } from './calibration/task-text.js'
import { checkCalibration } from './calibration/check-texts.js'
import { digestTexts } from './calibration/task-text.js'
import type { ConvertOptions } from './convert.js'
import type { ConvertProgress } from './convert-progress.js'
import type { Precision, PrecisionRequest } from './recipe.js'
import { RECIPE, checkPrecision } from './recipe.js'
import { findCheckpoint } from './source.js'
import type { GraphTarget } from './write-graph.js'

export { artefactFolder } from './artefact-folder.js'

const STORAGE_ADVICE = 'Free space there, or set STELLA_HOME (the option `home`) to a folder that can be written'

/** A converted model on disk. */
export interface Artefact {
  /** Absolute path. */
  readonly folder: string
  /** What it was made from, how, and what is in it. */
  readonly manifest: Manifest
  /** Whether this call made it, or added heads to it. */
  readonly converted: boolean
}

/** How to prepare a model. */
export interface PrepareOptions {
  /** Of the weights; `auto` is int8 where it is faithful, else fp32. @default 'auto' */
  readonly precision?: PrecisionRequest | undefined
  /** Heads that must be there. @default the model's default head */
  readonly dimensions?: readonly number[] | undefined
  /** Folder to keep artefacts under. @default `STELLA_HOME`, else the platform's cache folder */
  readonly home?: string | undefined
  /** How to reach the hub. @default from `HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE` */
  readonly hub?: HubSettings | undefined
  /** Fetch a checkpoint that is not in the Hugging Face cache. @default false */
  readonly download?: boolean | undefined
  /** Texts to calibrate int8 and int4 on: some like those you embed. @default the package's own */
  readonly calibration?: readonly TaskText[] | undefined
  /** Make the artefact again even if it is there. @default false */
  readonly force?: boolean | undefined
  /** Gives up, between two batches of writing; rejects with ABORTED. What was begun is made anew next time. */
  readonly signal?: AbortSignal | undefined
  /** Called while files are fetched. */
  readonly onDownload?: ((progress: PullProgress) => void) | undefined
  /** Called while the checkpoint is converted. */
  readonly onConvert?: ((progress: ConvertProgress) => void) | undefined
  /** Called once if another process is converting this model and is waited for. */
  readonly onWait?: ((lockPath: string) => void) | undefined
}

/**
 * The artefact of `info` with at least the heads asked for. Two processes that ask at once convert once.
 *
 * @throws {StellaError} MODEL_NOT_DOWNLOADED, DOWNLOAD_FAILED, CHECKPOINT_INVALID, STORAGE_FAILED, DIMENSIONS_UNSUPPORTED, WORKER_LOST, ABORTED;
 * OPTION_INVALID when `info` is no descriptor, or the precision or the calibration texts are none of those accepted.
 */
export async function prepareArtefact(info: StellaModelInfo, options: PrepareOptions = {}): Promise<Artefact> {
  requireModelInfo(info)
  const request = checkPrecision(options.precision ?? 'auto')
  const calibration = checkCalibration(options.calibration)
  return prepare(info, request, { ...options, calibration })
}

async function prepare(info: StellaModelInfo, request: PrecisionRequest, options: PrepareOptions): Promise<Artefact> {
  if (request !== 'auto') return prepareIn(info, request, options)
  if (!isWorthQuantising(info)) return prepareIn(info, 'fp32', options)
  const settled = await settle(info, options)
  if (settled !== undefined) return prepareIn(info, settled, options)
  try {
    await checkpointOf(info, options)
    // One at a time tries, and whoever waited finds it settled.
    const folder = await artefactFolder(info, 'auto', options)
    const lock = { signal: options.signal, onWait: options.onWait }
    return await writingTo(folder, STORAGE_ADVICE, () =>
      withFileLock(folder, lock, async (signal) => {
        const held = { ...options, signal }
        const meanwhile = await settle(info, held)
        return meanwhile === undefined ? tryInt8(info, held) : prepareIn(info, meanwhile, held)
      }),
    )
  } catch (error) {
    // Without the checkpoint, or a place to write, what was made before still serves.
    const cannotTry = isStellaError(error) && CANNOT_TRY.some((code) => code === error.code)
    if (!cannotTry || options.force === true) throw error
    const fp32 = await usableManifest(await artefactFolder(info, 'fp32', options))
    if (fp32 === undefined || missing(fp32, headsWanted(info, options)).length > 0) throw error
    return prepareIn(info, 'fp32', options)
  }
}

/** Failures that say nothing of int8: it could not be tried. */
const CANNOT_TRY = ['MODEL_NOT_DOWNLOADED', 'DOWNLOAD_FAILED', 'STORAGE_FAILED'] as const

/** What `auto` has come to mean on this machine; undefined when it is to be tried. */
async function settle(info: StellaModelInfo, options: PrepareOptions): Promise<Precision | undefined> {
  const { force = false, calibration } = options
  if (force) return undefined
  const int8 = await usableManifest(await artefactFolder(info, 'int8', options))
  const fp32 = await usableManifest(await artefactFolder(info, 'fp32', options))
  // Other calibration texts are another trial, whatever came of the last one.
  if (calibration === undefined) return settledBefore(int8, fp32)
  if (int8 !== undefined && isCalibratedOn(int8, calibration)) return settledBefore(int8, undefined)
  const digest = digestTexts(calibration)
  return fp32?.rejected?.some((refused) => refused.calibration === digest) === true ? 'fp32' : undefined
}

async function tryInt8(info: StellaModelInfo, options: PrepareOptions): Promise<Artefact> {
  try {
    return await prepareIn(info, 'int8', options, { accept: acceptForAuto })
  } catch (error) {
    if (!(error instanceof RefusedByAuto)) throw error
    const { rejected } = error
    const made = await prepareIn(info, 'fp32', options, { rejected })
    return made.converted ? made : await remember(made, rejected, options)
  }
}

/** Enters a refusal into an artefact that was there before. */
async function remember(
  { folder }: Artefact,
  rejected: NonNullable<Manifest['rejected']>,
  { signal }: PrepareOptions,
): Promise<Artefact> {
  return withFileLock(folder, { signal }, async () => {
    const manifest = await readManifest(folder)
    if (manifest === undefined) throw new Error(`${folder} was removed meanwhile`)
    const extended = { ...manifest, rejected: [...rejected] }
    await writeFileAtomic(join(folder, MANIFEST_FILE), `${JSON.stringify(extended, null, 2)}\n`)
    return { folder, manifest: extended, converted: false }
  })
}

async function prepareIn(
  info: StellaModelInfo,
  precision: Precision,
  options: PrepareOptions,
  trial: Pick<ConvertOptions, 'accept' | 'rejected'> = {},
): Promise<Artefact> {
  const wanted = headsWanted(info, options)
  const folder = await artefactFolder(info, precision, options)
  const { force = false, calibration, onConvert: onProgress } = options
  const current = async (): Promise<Manifest | undefined> => {
    const manifest = force ? undefined : await usableManifest(folder)
    return manifest !== undefined && isCalibratedOn(manifest, calibration) ? manifest : undefined
  }
  const found = await current()
  if (found !== undefined && missing(found, wanted).length === 0) return { folder, manifest: found, converted: false }
  const checkpoint = await checkpointOf(info, options)
  const lock = { signal: options.signal, onWait: options.onWait }
  const make = async (signal: AbortSignal): Promise<Artefact> => {
    const manifest = await current()
    if (manifest === undefined) {
      const heads = await headsPresent(checkpoint, info, wanted)
      const how = { ...trial, precision, heads, calibration, out: folder, signal, onProgress }
      // Here, as it would be half of what a worker loads, and every worker finds its artefact made.
      const { convertCheckpoint } = await import('./convert.js')
      return { folder, manifest: await convertCheckpoint(checkpoint, info, how), converted: true }
    }
    const heads = missing(manifest, wanted)
    if (heads.length === 0) return { folder, manifest, converted: false }
    const extended = await addHeads(folder, manifest, checkpoint, info, heads, { signal, onProgress })
    return { folder, manifest: extended, converted: true }
  }
  return writingTo(folder, STORAGE_ADVICE, () => withFileLock(folder, lock, make))
}

/** The folder of the checkpoint with the heads asked for, fetched if the caller allows it. */
async function checkpointOf(info: StellaModelInfo, options: PrepareOptions): Promise<string> {
  const { hub = readEnvironment().hub, download = false, signal, onDownload: onProgress } = options
  return findCheckpoint(info, headsWanted(info, options), { hub, download, signal, onProgress })
}

function headsWanted(info: StellaModelInfo, { dimensions = defaultHeads(info) }: PrepareOptions): readonly HeadInfo[] {
  return dimensions.map((count) => headOf(info, count))
}

/** Whether the artefact was calibrated on these texts; any will do where none are given, or none are used. */
function isCalibratedOn({ calibration }: Manifest, texts: PrepareOptions['calibration']): boolean {
  return texts === undefined || calibration === null || calibration.sha256 === digestTexts(texts)
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
  const { convertHead } = await import('./convert-head.js')
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
