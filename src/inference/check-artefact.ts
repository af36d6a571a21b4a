/** Whether an artefact on disk is what its manifest says, as far as can be told in no time. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

import type { StellaModelInfo } from '../../registry/types.js'
import { BACKBONE_FILE } from '../convert/artefact-files.js'
import { requireFidelity } from '../convert/fidelity-bars.js'
import { StellaError } from '../errors.js'
import { sha256File } from '../files/hash.js'
import type { Manifest } from '../files/manifest.js'
import { isPlainFileName } from '../files/plain-name.js'
import { clip, quote } from '../show.js'

/**
 * Files up to this size are hashed at every load: graphs, tokenizers and most heads. The backbone's weights are not:
 * reading them would cost more than the load. `stella verify` hashes everything.
 */
const MAX_HASHED_BYTES = 16 * 1024 ** 2

/**
 * Checks that the artefact was made for `info`, that each file has its size, and that the small ones have their hash.
 *
 * @throws {StellaError} ARTEFACT_INVALID naming the file and how to make it again; FIDELITY_TOO_LOW.
 */
export async function checkArtefact(info: StellaModelInfo, folder: string, manifest: Manifest): Promise<void> {
  const madeFor = manifest.model.key
  if (madeFor !== info.key) {
    throw new StellaError('ARTEFACT_INVALID', `${folder} was made for ${madeFor}, not for ${info.key}`, {
      details: { folder, model: info.key, madeFor },
    })
  }
  if (!isDeepStrictEqual(manifest.architecture, { ...info.architecture })) {
    throw new StellaError(
      'ARTEFACT_INVALID',
      `${folder} was made for a ${madeFor} of another shape; convert its checkpoint again`,
      { details: { folder, model: info.key } },
    )
  }
  requireFidelity(info.key, manifest.precision, manifest.fidelity)
  const opened = [BACKBONE_FILE, ...manifest.heads.map((head) => head.file)]
  const foreign = opened.find((file) => !Object.hasOwn(manifest.files, file) || !file.split('/').every(isPlainFileName))
  if (foreign !== undefined) {
    throw new StellaError('ARTEFACT_INVALID', `${folder}: the manifest names ${quote(foreign)}, no file of its own`, {
      details: { folder, file: clip(foreign) },
    })
  }
  for (const file of Object.keys(manifest.files)) await checkFile(info, folder, manifest, file)
}

/**
 * Checks that one file of the artefact is as it was made, as {@link checkArtefact} does.
 *
 * @throws {StellaError} ARTEFACT_INVALID
 */
export async function checkFile(
  info: StellaModelInfo,
  folder: string,
  manifest: Manifest,
  file: string,
): Promise<void> {
  const made = manifest.files[file]
  if (made === undefined) return
  const { bytes, sha256 } = made
  const path = join(folder, file)
  const size = await stat(path).then(
    (found) => found.size,
    () => undefined,
  )
  if (size !== bytes) {
    const found = size === undefined ? 'is missing' : `has ${size} bytes`
    throw damaged(info, manifest, folder, file, `${found}; the manifest says ${bytes}`)
  }
  if (bytes <= MAX_HASHED_BYTES && (await sha256File(path)).sha256 !== sha256) {
    throw damaged(info, manifest, folder, file, "has changed since it was made: its SHA-256 is not the manifest's")
  }
}

function damaged(
  { key }: StellaModelInfo,
  { precision }: Manifest,
  folder: string,
  file: string,
  problem: string,
): StellaError {
  return new StellaError(
    'ARTEFACT_INVALID',
    `${join(folder, file)} ${problem}. Convert again with \`stella convert ${key} --precision ${precision} --force\``,
    { details: { folder, file } },
  )
}
