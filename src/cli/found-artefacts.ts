/** The artefacts of a model that this version can load. Looks, changes nothing, and loads no native library. */
import type { StellaModelInfo } from '../../registry/types.js'
import { artefactFolder } from '../convert/artefact-folder.js'
import type { Precision } from '../convert/recipe.js'
import { PRECISIONS, RECIPE } from '../convert/recipe.js'
import { isStellaError } from '../errors.js'
import type { Manifest } from '../files/manifest.js'
import { readManifest } from '../files/manifest.js'

/** An artefact that this version can load. */
export interface FoundArtefact {
  readonly precision: Precision
  readonly folder: string
  readonly manifest: Manifest
}

/** Those of `info` under the home folder `home`, one for each precision at most. */
export async function foundArtefacts(info: StellaModelInfo, home: string): Promise<readonly FoundArtefact[]> {
  const artefacts: FoundArtefact[] = []
  for (const precision of PRECISIONS) {
    const folder = await artefactFolder(info, precision, { home })
    const manifest = await readManifest(folder).catch((error: unknown) => {
      // Left by another version, or damaged: nothing that can be loaded.
      if (isStellaError(error)) return undefined
      throw error
    })
    if (manifest !== undefined && isCurrent(manifest)) artefacts.push({ precision, folder, manifest })
  }
  return artefacts
}

/** Whether this version made it, or one that makes the same. */
export function isCurrent({ recipe }: Manifest): boolean {
  return recipe.name === RECIPE.name && recipe.version === RECIPE.version
}
