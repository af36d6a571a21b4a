/**
 * Converts a checkpoint to an artefact: graphs, weights, tokenizer and manifest, in a folder that exists only when it
 * is complete. Weights stream through worker threads; no tensor is held whole as float32.
 */
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { HeadInfo, StellaModelInfo } from '../../registry/types.js'
import { replaceFolder, writeFileDurably } from '../files/atomic.js'
import { throwIfAborted } from '../files/cancellation.js'
import { sha256File } from '../files/hash.js'
import type { Manifest } from '../files/manifest.js'
import { MANIFEST_FILE, MANIFEST_FORMAT } from '../files/manifest.js'
import { TensorReader } from '../files/safetensors.js'
import { BACKBONE_FILE, TOKENIZER_FILE } from './artefact-files.js'
import { buildBackbone } from './backbone.js'
import { calibrationTexts } from './calibration/calibration-texts.js'
import type { TaskText } from './calibration/task-text.js'
import { convertHead } from './convert-head.js'
import type { ConvertProgress } from './convert-progress.js'
import { fingerprintOf } from './fingerprint.js'
import { hashSources } from './hash-sources.js'
import { checkInventory } from './inventory.js'
import { quantise } from './quantise.js'
import type { Precision } from './recipe.js'
import { RECIPE } from './recipe.js'
import type { FilesMade } from './write-graph.js'
import { writeGraph } from './write-graph.js'

/** How to convert. */
export interface ConvertOptions {
  readonly precision: Precision
  /** Heads to convert; their folders must be in the checkpoint. */
  readonly heads: readonly HeadInfo[]
  /** Folder of the artefact; replaced if it exists. The caller holds its lock. */
  readonly out: string
  /** Texts to calibrate int8 and int4 on. @default the package's own */
  readonly calibration?: readonly TaskText[] | undefined
  /**
   * How weights are rounded to 4 bits: with `feedback` each rounding makes up for the errors before it, on the
   * calibration texts; `nearest` is there to be compared with (`bench/int4-rounding.ts`). @default 'feedback'
   */
  readonly rounding?: 'feedback' | 'nearest' | undefined
  /** Sees the manifest before anything is put in place; what it throws, the conversion throws, and nothing changed. */
  readonly accept?: ((manifest: Manifest) => void) | undefined
  /** What `auto` tried before. @default nothing */
  readonly rejected?: NonNullable<Manifest['rejected']> | undefined
  /** Threads that convert. @default the cores this process may use */
  readonly threads?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined
}

/**
 * Converts the checkpoint in `folder` as `info` describes it.
 *
 * @throws {StellaError} CHECKPOINT_INVALID, WORKER_LOST, or ABORTED; either way `options.out` is as it was.
 */
export async function convertCheckpoint(
  folder: string,
  info: StellaModelInfo,
  options: ConvertOptions,
): Promise<Manifest> {
  const { precision, heads, out, signal, threads, onProgress } = options
  const { architecture, key } = info
  await using reader = await TensorReader.open(folder)
  const prefix = checkInventory(reader, architecture)
  return await replaceFolder(out, async (partial) => {
    const sources = await hashSources(folder, [...reader.files, TOKENIZER_FILE], info, options)
    const files: FilesMade = {}
    const target = { folder: partial, files, model: key, signal, onProgress, threads }
    const converted = []
    for (const head of heads) converted.push(await convertHead(folder, info, head, target))
    await copyFile(join(folder, TOKENIZER_FILE), join(partial, TOKENIZER_FILE))
    files[TOKENIZER_FILE] = await sha256File(join(partial, TOKENIZER_FILE))
    let quantised: Pick<Manifest, 'calibration' | 'sites' | 'fidelity' | 'specimen'> = {
      specimen: null,
      calibration: null,
      sites: null,
      fidelity: null,
    }
    if (precision === 'fp32') {
      await writeGraph(target, BACKBONE_FILE, (tensors) => buildBackbone(architecture, reader, prefix, tensors))
    } else {
      const texts = options.calibration ?? calibrationTexts()
      const feedback = options.rounding !== 'nearest'
      quantised = await quantise({ info, reader, prefix, target, heads: converted, precision, texts, feedback })
    }
    const manifest: Manifest = {
      format: MANIFEST_FORMAT,
      model: { key, source: { ...info.source } },
      recipe: { ...RECIPE },
      precision,
      architecture: { ...architecture },
      heads: converted,
      sources,
      files,
      ...quantised,
      rejected: options.rejected === undefined || options.rejected.length === 0 ? null : [...options.rejected],
      fingerprint: fingerprintOf(precision, architecture, sources, chosenBy(quantised.calibration, files)),
    }
    await writeFileDurably(join(partial, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`)
    throwIfAborted(signal, `converting ${key}`)
    options.accept?.(manifest)
    return manifest
  })
}

function chosenBy(calibration: Manifest['calibration'], files: FilesMade): string | undefined {
  if (calibration === null) return undefined
  const backbone = [BACKBONE_FILE, `${BACKBONE_FILE}.data`].map((file) => files[file]?.sha256 ?? '')
  return [calibration.sha256, ...backbone].join(' ')
}
