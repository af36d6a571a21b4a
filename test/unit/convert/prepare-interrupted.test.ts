/** Conversions that fail, are aborted or were killed: nothing of them stays, and nothing of them loads. */
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { StellaModelInfo } from '../../../registry/types.js'
import type { ConvertProgress } from '../../../src/convert/convert-progress.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import type { PrepareOptions } from '../../../src/convert/prepare.js'
import { prepareArtefact } from '../../../src/convert/prepare.js'
import { partialPath } from '../../../src/files/atomic.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { copyOfTiny } from '../../support/tiny-checkpoint.js'
import { homesUnder, leftIn } from './artefact-homes.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())
const freshHome = homesUnder(temporary.path)

describe('a conversion that ends early leaves nothing', () => {
  let checkpoint: string
  let info: StellaModelInfo
  beforeAll(async () => {
    checkpoint = await copyOfTiny(temporary.path, 'qwen2-tiny')
    info = await describeCheckpoint(checkpoint)
  })

  async function expectNothing(options: PrepareOptions, home: string): Promise<unknown> {
    const [outcome] = await Promise.allSettled([prepareArtefact(info, { ...options, home })])
    expect(await leftIn(home, info.key)).toEqual([])
    return outcome.status === 'rejected' ? outcome.reason : outcome
  }

  it.each([
    ['while hashing', 'model.safetensors'],
    ['while writing the backbone', 'backbone.onnx.data'],
    ['while writing a head', 'heads/256.onnx.data'],
  ])('when it is aborted %s', async (_, at) => {
    const controller = new AbortController()
    const onConvert = ({ file }: ConvertProgress): void => {
      if (file === at) controller.abort()
    }
    const error = await expectNothing({ signal: controller.signal, onConvert }, freshHome())
    expect(error).toMatchObject({ code: 'ABORTED' })
  })

  it('when it was aborted before', async () => {
    expect(await expectNothing({ signal: AbortSignal.abort() }, freshHome())).toMatchObject({ code: 'ABORTED' })
  })

  it('when a listener throws', async () => {
    const onConvert = ({ file }: ConvertProgress): void => {
      if (file === 'heads/48.onnx.data') throw new Error('listener')
    }
    expect(await expectNothing({ onConvert }, freshHome())).toMatchObject({ message: 'listener' })
  })

  it('and the next call succeeds in the same home', async () => {
    const home = freshHome()
    await expectNothing({ signal: AbortSignal.abort() }, home)
    expect((await prepareArtefact(info, { home })).converted).toBe(true)
  })

  it('when killed, only until the next conversion', async () => {
    const home = freshHome()
    const { folder } = await prepareArtefact(info, { home })
    await rm(folder, { recursive: true })
    const remains = partialPath(folder)
    await mkdir(join(remains, 'heads'), { recursive: true })
    await writeFile(join(remains, 'backbone.onnx.data'), 'half')
    await mkdir(`${folder}.mine.partial`)
    await prepareArtefact(info, { home })
    expect((await readdir(dirname(folder))).sort()).toEqual([basename(folder), `${basename(folder)}.mine.partial`])
  })

  it.each([
    ['a missing tokenizer', 'tokenizer.json', 'holds no tokenizer.json'],
    ['missing weights', 'model.safetensors', 'Found no model.safetensors.index.json or model.safetensors'],
  ])('when it meets %s', async (_, file, message) => {
    const folder = await copyOfTiny(temporary.path, 'qwen2-tiny')
    const own = await describeCheckpoint(folder)
    await rm(join(folder, file))
    const home = freshHome()
    const error = await failureOf(() => prepareArtefact(own, { home }))
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.message).toContain(message)
    expect(await leftIn(home, own.key)).toEqual([])
  })

  it('when a head does not fit its config', async () => {
    const folder = await copyOfTiny(temporary.path, 'qwen2-tiny')
    const own = await describeCheckpoint(folder)
    const from = join(folder, '2_Dense_256', 'model.safetensors')
    await writeFile(join(folder, '2_Dense_768', 'model.safetensors'), await readFile(from))
    const home = freshHome()
    const error = await failureOf(() => prepareArtefact(own, { home }))
    expect(error.message).toContain('linear.weight has shape [256, 48]; expected [768, 48]')
    expect(await leftIn(home, own.key)).toEqual([])
  })

  it('when the weights are not those the descriptor is pinned to', async () => {
    const sha256 = '0'.repeat(64)
    const files = info.files.map((file) => (file.path === 'model.safetensors' ? { ...file, sha256 } : file))
    const pinned = { ...info, files }
    const home = freshHome()
    const error = await failureOf(() => prepareArtefact(pinned, { home }))
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.message).toContain(`is pinned to ${sha256}`)
    expect(await leftIn(home, info.key)).toEqual([])
  })
})
