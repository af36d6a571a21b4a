/** What of a model is on this machine: its checkpoint, its artefacts. Looks, and changes nothing. */
import type { StellaModelInfo } from '../../registry/types.js'
import { PRECISIONS, RECIPE } from '../convert/recipe.js'
import type { Precision } from '../convert/recipe.js'
import { artefactFolder, headOf } from '../convert/prepare.js'
import { findCheckpoint } from '../convert/source.js'
import { isStellaError } from '../errors.js'
import type { StellaEnvironment } from '../files/environment.js'
import type { Manifest } from '../files/manifest.js'
import { readManifest } from '../files/manifest.js'

/** An artefact that this version can load. */
export interface FoundArtefact {
  readonly precision: Precision
  readonly folder: string
  readonly manifest: Manifest
}

/** State of one model. */
export interface ModelState {
  /** Folder of the checkpoint; undefined where it is not, or not all of it, on this machine. */
  readonly checkpoint: string | undefined
  readonly artefacts: readonly FoundArtefact[]
}

/** Looks for a model's files. Makes no request. */
export async function stateOf(info: StellaModelInfo, environment: StellaEnvironment): Promise<ModelState> {
  const artefacts: FoundArtefact[] = []
  for (const precision of PRECISIONS) {
    const folder = await artefactFolder(info, precision, environment)
    const manifest = await readManifest(folder).catch((error: unknown) => {
      // Left by another version, or damaged: nothing that can be loaded.
      if (isStellaError(error)) return undefined
      throw error
    })
    const isCurrent = manifest?.recipe.name === RECIPE.name && manifest.recipe.version === RECIPE.version
    if (isCurrent) artefacts.push({ precision, folder, manifest })
  }
  return { checkpoint: await checkpointFolder(info, environment), artefacts }
}

/** The checkpoint with the default head, where it is on this machine. */
export async function checkpointFolder(
  info: StellaModelInfo,
  { hub }: StellaEnvironment,
  dimensions: readonly number[] = info.heads.length === 0 ? [] : [info.defaultDimensions],
): Promise<string | undefined> {
  const heads = dimensions.map((count) => headOf(info, count))
  return findCheckpoint(info, heads, { hub, download: false }).catch((error: unknown) => {
    if (isStellaError(error) && error.code === 'MODEL_NOT_DOWNLOADED') return undefined
    throw error
  })
}
