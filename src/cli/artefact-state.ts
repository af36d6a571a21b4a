/** What of a model is on this machine: its checkpoint, its artefacts. Looks, and changes nothing. */
import type { StellaModelInfo } from '../../registry/types.js'
import { headOf } from '../convert/prepare.js'
import { findCheckpoint } from '../convert/source.js'
import { isStellaError } from '../errors.js'
import type { StellaEnvironment } from '../files/environment.js'
import type { FoundArtefact } from './found-artefacts.js'
import { foundArtefacts } from './found-artefacts.js'

/** State of one model. */
export interface ModelState {
  /** Folder of the checkpoint; undefined where it is not, or not all of it, on this machine. */
  readonly checkpoint: string | undefined
  readonly artefacts: readonly FoundArtefact[]
}

/** Looks for a model's files. Makes no request. */
export async function stateOf(info: StellaModelInfo, environment: StellaEnvironment): Promise<ModelState> {
  const artefacts = await foundArtefacts(info, environment.home)
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
