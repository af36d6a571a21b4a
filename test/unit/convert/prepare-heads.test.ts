/** Heads that are downloaded after the artefact was made. */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { defineModel } from '../../../registry/define.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import type { ConvertProgress } from '../../../src/convert/convert-progress.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import { prepareArtefact } from '../../../src/convert/prepare.js'
import { sha256File } from '../../../src/files/hash.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { copyOfTiny } from '../../support/tiny-checkpoint.js'
import { homesUnder } from './artefact-homes.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())
const freshHome = homesUnder(temporary.path)

describe('a head that comes later', () => {
  const commit = 'c'.repeat(40)
  const cacheDir = join(temporary.path, 'hub')
  const hub = { cacheDir, endpoint: 'http://127.0.0.1:9', token: undefined, offline: true }
  const snapshot = join(cacheDir, 'models--owner--tiny', 'snapshots', commit)
  const home = freshHome()
  let info: StellaModelInfo
  let head: Buffer

  beforeAll(async () => {
    const folder = await copyOfTiny(temporary.path, 'new-tiny')
    const described = await describeCheckpoint(folder)
    info = defineModel({
      ...described,
      key: 'from-hub',
      source: { kind: 'hub', repo: 'owner/tiny', revision: commit },
    })
    await mkdir(dirname(snapshot), { recursive: true })
    await rename(folder, snapshot)
    const path = join(snapshot, '2_Dense_64', 'model.safetensors')
    head = await readFile(path)
    await rm(path)
  })

  it('is not there at first: only what the cache holds is converted', async () => {
    const { manifest, folder } = await prepareArtefact(info, { home, hub })
    expect(basename(folder)).toBe(`${commit}-fp32`)
    expect(manifest.heads.map(({ dimensions }) => dimensions)).toEqual([256])
  })

  it('is asked for in vain until it is downloaded, and the error says how', async () => {
    const error = await failureOf(() => prepareArtefact(info, { home, hub, dimensions: [64] }))
    expect(error.code).toBe('MODEL_NOT_DOWNLOADED')
    expect(error.message).toContain('stella pull from-hub --dims 64')
    expect(error.details).toMatchObject({ command: 'stella pull from-hub --dims 64', cache: cacheDir })
  })

  it('that was interrupted enters no manifest', async () => {
    await writeFile(join(snapshot, '2_Dense_64', 'model.safetensors'), head)
    const onConvert = ({ file }: ConvertProgress): void => {
      if (file === 'heads/64.onnx.data') throw new Error('halt')
    }
    await expect(prepareArtefact(info, { home, hub, dimensions: [64], onConvert })).rejects.toThrow('halt')
    const { manifest } = await prepareArtefact(info, { home, hub })
    expect(manifest.heads.map(({ dimensions }) => dimensions)).toEqual([256])
  })

  it('is added without touching the backbone, over what an interrupted call left', async () => {
    const before = await prepareArtefact(info, { home, hub })
    await writeFile(join(before.folder, 'heads', '64.onnx'), 'left by a killed process')
    const backbone = join(before.folder, 'backbone.onnx.data')
    const { mtimeMs, ino } = await stat(backbone)
    const after = await prepareArtefact(info, { home, hub, dimensions: [64] })
    expect(after.converted).toBe(true)
    expect(after.manifest.heads.map(({ dimensions }) => dimensions)).toEqual([64, 256])
    expect(after.manifest.fingerprint).toBe(before.manifest.fingerprint)
    expect(after.manifest.files).toMatchObject(before.manifest.files)
    for (const file of ['heads/64.onnx', 'heads/64.onnx.data']) {
      expect(await sha256File(join(after.folder, file))).toEqual(after.manifest.files[file])
    }
    expect(await stat(backbone)).toMatchObject({ mtimeMs, ino })
    expect(await prepareArtefact(info, { home, hub, dimensions: [64] })).toEqual({ ...after, converted: false })
  })
})
