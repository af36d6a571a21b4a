/** What is known of a model that is to be planned for: from its artefact on disk, or estimated. Plans nothing. */
import { join } from 'node:path'

import type { StellaModelInfo } from '../../../registry/types.js'
import { BACKBONE_FILE, PACKED_FOLDER } from '../../convert/artefact-files.js'
import { isWorthQuantising, settledBefore } from '../../convert/auto-precision.js'
import type { Precision, PrecisionRequest } from '../../convert/recipe.js'
import { packedName, readPackedRecord } from '../../inference/packed-weights-record.js'
import type { FoundArtefact } from '../found-artefacts.js'
import { foundArtefacts } from '../found-artefacts.js'

/** A model to plan for. */
export interface PlanSubject {
  readonly info: StellaModelInfo
  readonly precision: Precision
  /** Folder of the artefact that the sizes are of; undefined where there is none, and they are estimated. */
  readonly artefact: string | undefined
  /** Bytes of the artefact's weights. */
  readonly storedBytes: number | undefined
  /** `own`: this machine is known to refuse to share these weights. */
  readonly weights: 'own' | undefined
}

/**
 * What a pool would load for `request`. `auto` is the precision that conversions before have settled on, else the one
 * that it would try.
 *
 * @param home - Folder of artefacts; undefined where none can be told, and everything is an estimate.
 */
export async function planSubject(
  info: StellaModelInfo,
  request: PrecisionRequest,
  home: string | undefined,
): Promise<PlanSubject> {
  const artefacts = home === undefined ? [] : await foundArtefacts(info, home)
  const precision = request === 'auto' ? automatic(info, artefacts) : request
  const found = artefacts.find((artefact) => artefact.precision === precision)
  if (found === undefined) return estimatedSubject(info, precision)
  const { folder, manifest } = found
  const storedBytes = manifest.files[`${BACKBONE_FILE}.data`]?.bytes
  return { info, precision, artefact: folder, storedBytes, weights: (await isRefused(found)) ? 'own' : undefined }
}

/** A model of which nothing is on disk. */
export function estimatedSubject(info: StellaModelInfo, precision: Precision): PlanSubject {
  return { info, precision, artefact: undefined, storedBytes: undefined, weights: undefined }
}

/** As `prepareArtefact` decides it. */
function automatic(info: StellaModelInfo, artefacts: readonly FoundArtefact[]): Precision {
  if (!isWorthQuantising(info)) return 'fp32'
  const manifestOf = (precision: Precision): FoundArtefact['manifest'] | undefined =>
    artefacts.find((artefact) => artefact.precision === precision)?.manifest
  return settledBefore(manifestOf('int8'), manifestOf('fp32')) ?? 'int8'
}

/** Whether the weights were packed once for this engine and processor, and the result did not compute the same. */
async function isRefused({ folder, manifest }: FoundArtefact): Promise<boolean> {
  const record = await readPackedRecord(join(folder, PACKED_FOLDER, await packedName(manifest)))
  return record !== undefined && record.refused !== null
}
