/** Whether an artefact on disk is what its manifest says, as far as can be told without reading it. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

import type { StellaModelInfo } from '../../registry/types.js'
import { BACKBONE_FILE } from '../convert/convert.js'
import { StellaError } from '../errors.js'
import type { Manifest } from '../files/manifest.js'
import { isPlainFileName } from '../files/plain-name.js'
import { clip, quote } from '../show.js'

/**
 * Checks that the artefact was made for `info` and that each file has its size. Contents are not read: that would cost
 * more than the load. `stella verify` compares hashes.
 *
 * @throws {StellaError} ARTEFACT_INVALID naming the file and how to make it again.
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
  const opened = [BACKBONE_FILE, ...manifest.heads.map((head) => head.file)]
  const foreign = opened.find((file) => !Object.hasOwn(manifest.files, file) || !file.split('/').every(isPlainFileName))
  if (foreign !== undefined) {
    throw new StellaError('ARTEFACT_INVALID', `${folder}: the manifest names ${quote(foreign)}, no file of its own`, {
      details: { folder, file: clip(foreign) },
    })
  }
  for (const [file, { bytes }] of Object.entries(manifest.files)) {
    const size = await stat(join(folder, file)).then(
      (found) => found.size,
      () => undefined,
    )
    if (size === bytes) continue
    const found = size === undefined ? 'is missing' : `has ${size} bytes`
    throw new StellaError(
      'ARTEFACT_INVALID',
      `${join(folder, file)} ${found}; the manifest says ${bytes}. Convert again with \`stella convert ${info.key} --force\``,
      { details: { folder, file, bytes: size, expected: bytes } },
    )
  }
}
