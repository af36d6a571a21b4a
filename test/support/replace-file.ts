/** Replaces a file of an artefact and enters it in the manifest: only whoever reads it can see that it is bad. */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { MANIFEST_FILE, readManifest } from '../../src/files/manifest.js'

/** Maps the bytes of `file` in the artefact at `folder`. */
export async function replaceFile(folder: string, file: string, map: (bytes: Buffer) => Uint8Array): Promise<void> {
  const data = map(await readFile(join(folder, file)))
  await writeFile(join(folder, file), data)
  const manifest = await readManifest(folder)
  if (manifest === undefined) throw new Error(`${folder} is no artefact`)
  const sha256 = createHash('sha256').update(data).digest('hex')
  const files = { ...manifest.files, [file]: { bytes: data.byteLength, sha256 } }
  await writeFile(join(folder, MANIFEST_FILE), JSON.stringify({ ...manifest, files }))
}
