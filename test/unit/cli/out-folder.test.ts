import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { checkOutFolder } from '../../../src/cli/out-folder.js'
import { MANIFEST_FILE, MANIFEST_FORMAT } from '../../../src/files/manifest.js'
import { emptyFolder } from './cli-io.js'

const SHA256 = '0'.repeat(64)

/** A folder as a conversion leaves it, as far as its manifest says. */
async function artefact(): Promise<string> {
  const folder = join(await emptyFolder(), 'artefact')
  await mkdir(join(folder, 'heads'), { recursive: true })
  await writeFile(join(folder, 'backbone.onnx'), 'x')
  await writeFile(join(folder, 'heads', '256.onnx'), 'x')
  const file = { bytes: 1, sha256: SHA256 }
  const manifest = {
    format: MANIFEST_FORMAT,
    model: { key: 'x', source: { kind: 'folder' } },
    recipe: { name: 'packed', version: 1 },
    precision: 'fp32',
    architecture: {},
    heads: [],
    sources: {},
    files: { 'backbone.onnx': file, 'heads/256.onnx': file },
    calibration: null,
    sites: null,
    fidelity: null,
    specimen: null,
    rejected: null,
    fingerprint: SHA256,
  }
  await writeFile(join(folder, MANIFEST_FILE), JSON.stringify(manifest))
  return folder
}

describe('checkOutFolder', () => {
  it('allows a folder that is not there, or empty', async () => {
    const folder = await emptyFolder()
    await checkOutFolder(folder, false)
    await checkOutFolder(join(folder, 'new', 'deep'), false)
  })

  it('allows an artefact under --force, with what loading made in it, and names --force otherwise', async () => {
    const folder = await artefact()
    await mkdir(join(folder, 'packed', '1.30'), { recursive: true })
    await writeFile(join(folder, 'packed', '1.30', 'session.ort'), 'x')
    await checkOutFolder(folder, true)
    await expect(checkOutFolder(folder, false)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      hint: 'Replace it with --force',
    })
  })

  it('never allows a folder of the user’s', async () => {
    const folder = await emptyFolder()
    await writeFile(join(folder, 'thesis.txt'), 'years of work')
    for (const force of [true, false]) {
      await expect(checkOutFolder(folder, force)).rejects.toThrow(/will not replace .* not empty and no artefact/)
    }
  })

  it('never allows a folder of empty folders with a broken manifest', async () => {
    const folder = await emptyFolder()
    await writeFile(join(folder, MANIFEST_FILE), '{}')
    await expect(checkOutFolder(folder, true)).rejects.toThrow(/no artefact/)
  })

  it('never allows an artefact that the user has put something into', async () => {
    const folder = await artefact()
    await writeFile(join(folder, 'heads', 'notes.md'), 'mine')
    await expect(checkOutFolder(folder, true)).rejects.toThrow(/not the artefact's: heads\/notes\.md/)
  })

  it('refuses a file and a link', async () => {
    const folder = await emptyFolder()
    await writeFile(join(folder, 'file'), 'x')
    await symlink('.', join(folder, 'link'))
    await expect(checkOutFolder(join(folder, 'file'), true)).rejects.toThrow(/is no folder/)
    await expect(checkOutFolder(join(folder, 'link'), true)).rejects.toThrow(/is no folder/)
  })

  it('refuses a place beside which a file of the user’s would be taken for an unfinished artefact', async () => {
    const folder = await emptyFolder()
    await writeFile(join(folder, 'out.download.partial'), 'mine')
    await expect(checkOutFolder(join(folder, 'out'), false)).rejects.toThrow(/out\.download\.partial beside it/)
    await checkOutFolder(join(folder, 'other'), false)
    await mkdir(join(folder, 'other.0fd0c1a4-8b3e-4b55-9e57-0a1b2c3d4e5f.partial'))
    await checkOutFolder(join(folder, 'other'), false)
  })
})
