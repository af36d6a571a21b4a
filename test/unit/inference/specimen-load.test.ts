/** A quantised artefact is loaded only where it gives the vector it gave where it was made. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { STELLA_NANO } from '../../../registry/stella-nano.js'
import { prepareArtefact } from '../../../src/convert/prepare.js'
import { MANIFEST_FILE } from '../../../src/files/manifest.js'
import type { Manifest } from '../../../src/files/manifest.js'
import { LoadedStellaModel } from '../../../src/inference/loaded-stella-model.js'
import { temporaryFolder } from '../../support/temp-folder.js'

describe('loading an int8 artefact', () => {
  const temporary = temporaryFolder()
  let artefact = ''
  let manifest: Manifest

  beforeAll(async () => {
    const made = await prepareArtefact(STELLA_NANO, { precision: 'int8', home: temporary.path })
    artefact = made.folder
    manifest = made.manifest
  })

  afterAll(() => temporary.remove())

  it('passes on the machine that made it', async () => {
    expect(manifest.specimen?.ids.length).toBeGreaterThan(0)
    await using model = await LoadedStellaModel.load(STELLA_NANO, { artefact })
    expect((await model.embed('some text')).embedding).toHaveLength(STELLA_NANO.defaultDimensions)
  })

  it('fails where the same tokens give another vector', async () => {
    const { specimen } = manifest
    const others = specimen?.ids.map((id) => (id + 500) % STELLA_NANO.architecture.vocab)
    const other = { ...manifest, specimen: { ...specimen, ids: others } }
    const path = join(artefact, MANIFEST_FILE)
    const before = await readFile(path)
    await writeFile(path, JSON.stringify(other))
    await expect(LoadedStellaModel.load(STELLA_NANO, { artefact })).rejects.toMatchObject({
      code: 'ARTEFACT_INVALID',
      message: expect.stringContaining('gives another vector here') as string,
    })
    await writeFile(path, before)
  })
})
