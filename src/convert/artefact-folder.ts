/** Where a model's artefacts are kept. Looks at no artefact. */
import { join } from 'node:path'

import type { StellaModelInfo } from '../../registry/types.js'
import { readEnvironment } from '../files/environment.js'
import type { PrecisionRequest } from './recipe.js'
import { revisionOf } from './source.js'

/** Folder of all artefacts, under the home folder; in it one for each model. */
export const ARTEFACTS_FOLDER = 'artefacts'

/** Folder of the artefact of `info` in one precision; of `auto` only its lock exists. */
export async function artefactFolder(
  info: StellaModelInfo,
  precision: PrecisionRequest,
  { home = readEnvironment().home }: { readonly home?: string | undefined } = {},
): Promise<string> {
  return join(home, ARTEFACTS_FOLDER, info.key, `${await revisionOf(info)}-${precision}`)
}
