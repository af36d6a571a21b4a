import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { STELLA_NANO } from '../../../registry/index.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import type { ConvertProgress } from '../../../src/convert/convert-progress.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import type { Artefact, PrepareOptions } from '../../../src/convert/prepare.js'
import { prepareArtefact } from '../../../src/convert/prepare.js'
import { sha256File } from '../../../src/files/hash.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { copyOfTiny, editJson, makeTiny } from '../../support/tiny-checkpoint.js'
import { homesUnder, leftIn } from './artefact-homes.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())
const freshHome = homesUnder(temporary.path)

describe('an artefact', () => {
  let checkpoint: string
  let info: StellaModelInfo
  let made: Artefact
  const home = freshHome()
  const progress: ConvertProgress[] = []

  beforeAll(async () => {
    checkpoint = await copyOfTiny(temporary.path, 'new-tiny')
    info = await describeCheckpoint(checkpoint)
    made = await prepareArtefact(info, { home, onConvert: (report) => progress.push(report) })
  })

  it('is a folder under home, by key, revision and precision, and holds just its files', async () => {
    expect(made.converted).toBe(true)
    expect(dirname(made.folder)).toBe(join(home, 'artefacts', 'new-tiny'))
    expect(basename(made.folder)).toMatch(/^local-[0-9a-f]{16}-fp32$/)
    expect(await leftIn(home, info.key)).toEqual(
      [
        '',
        '/backbone.onnx',
        '/backbone.onnx.data',
        '/heads',
        '/heads/256.onnx',
        '/heads/256.onnx.data',
        '/heads/64.onnx',
        '/heads/64.onnx.data',
        '/manifest.json',
        '/tokenizer.json',
      ].map((path) => basename(made.folder) + path),
    )
  })

  it('lists every file with its size and hash, and what it was made from', async () => {
    const { manifest, folder } = made
    for (const [file, { bytes, sha256 }] of Object.entries(manifest.files)) {
      expect(await sha256File(join(folder, file)), file).toEqual({ bytes, sha256 })
    }
    expect(Object.keys(manifest.files)).toHaveLength(7)
    for (const [file, sha256] of Object.entries(manifest.sources)) {
      expect((await sha256File(join(checkpoint, file))).sha256, file).toBe(sha256)
    }
    expect(Object.keys(manifest.sources)).toEqual(['model.safetensors', 'tokenizer.json'])
    for (const { dimensions, sourceSha256 } of manifest.heads) {
      const source = join(checkpoint, `2_Dense_${dimensions}`, 'model.safetensors')
      expect((await sha256File(source)).sha256).toBe(sourceSha256)
    }
    expect(manifest).toMatchObject({ model: { key: 'new-tiny' }, precision: 'fp32', architecture: info.architecture })
  })

  it('is found by the next call, which reads no checkpoint', async () => {
    const again = await prepareArtefact(info, {
      home,
      dimensions: [64, 256],
      onConvert: () => {
        throw new Error('converted twice')
      },
    })
    expect(again).toEqual({ ...made, converted: false })
  })

  it('reports progress: hashing, then writing, each file growing to its end', () => {
    const states = progress.map((report) => report.state)
    expect(states.indexOf('writing')).toBe(states.lastIndexOf('hashing') + 1)
    for (const file of ['model.safetensors', 'backbone.onnx.data', 'heads/64.onnx.data']) {
      const reports = progress.filter((report) => report.file === file)
      const bytes = reports.map((report) => report.done)
      expect(bytes, file).toEqual([...bytes].sort((a, b) => a - b))
      expect(reports.every((report) => report.done <= report.total)).toBe(true)
    }
    const last = progress.filter((report) => report.state === 'hashing').at(-1)
    expect(last?.done).toBe(last?.total)
    expect(progress.at(-1)).toMatchObject({ model: 'new-tiny', state: 'writing' })
  })

  it('is made again when another version of the recipe made it', async () => {
    const path = join(made.folder, 'manifest.json')
    await editJson(path, { recipe: { name: 'packed', version: 0 } })
    const again = await prepareArtefact(info, { home })
    expect(again.converted).toBe(true)
    expect(again.manifest).toEqual(made.manifest)
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(made.manifest)
  })

  it.each(['', '{"format":99}', 'not json'])('is made again when its manifest is %j', async (text) => {
    await writeFile(join(made.folder, 'manifest.json'), text)
    expect((await prepareArtefact(info, { home })).manifest).toEqual(made.manifest)
  })

  it('without a manifest is none, and is made again', async () => {
    await rm(join(made.folder, 'manifest.json'))
    expect(await prepareArtefact(info, { home })).toEqual(made)
  })

  it('is made again when forced', async () => {
    const { mtimeMs } = await stat(join(made.folder, 'backbone.onnx.data'))
    expect((await prepareArtefact(info, { home, force: true })).converted).toBe(true)
    expect((await stat(join(made.folder, 'backbone.onnx.data'))).mtimeMs).toBeGreaterThan(mtimeMs)
  })

  it('stays as it was when a forced conversion fails', async () => {
    const before = await leftIn(home, info.key)
    const fails = prepareArtefact(info, {
      home,
      force: true,
      onConvert: ({ file }) => {
        if (file.startsWith('heads/')) throw new Error('halt')
      },
    })
    await expect(fails).rejects.toThrow('halt')
    expect(await leftIn(home, info.key)).toEqual(before)
    expect((await prepareArtefact(info, { home })).converted).toBe(false)
  })

  it('is another one once the checkpoint is edited, whatever file it was', async () => {
    for (const file of ['config.json', 'tokenizer.json', 'model.safetensors', '2_Dense_64/model.safetensors']) {
      const later = new Date(Date.now() + 10_000)
      await utimes(join(checkpoint, file), later, later)
      const edited = await prepareArtefact(info, { home: freshHome() })
      expect(basename(edited.folder), file).not.toBe(basename(made.folder))
      made = { ...made, folder: edited.folder }
    }
  })
})

describe('a fingerprint', () => {
  const fingerprintOf = async (folder: string): Promise<string> => {
    const info = await describeCheckpoint(folder, { key: 'k' })
    return (await prepareArtefact(info, { home: freshHome() })).manifest.fingerprint
  }

  it('is the same wherever the same checkpoint lies, and another under another config.json', async () => {
    const [first, second] = [await copyOfTiny(temporary.path, 'new-wide'), await copyOfTiny(temporary.path, 'new-wide')]
    const fingerprint = await fingerprintOf(first)
    expect(await fingerprintOf(second)).toBe(fingerprint)
    // The same tensors turned by other angles give other vectors.
    await editJson(join(second, 'config.json'), { rope_scaling: null })
    expect(await fingerprintOf(second)).not.toBe(fingerprint)
  })
})

describe('an edited shard', () => {
  it('is noticed, though neither the index nor any named file changed', async () => {
    const folder = await makeTiny(temporary.path, 'qwen2-mha', { shards: 2 })
    const info = await describeCheckpoint(folder, { key: 'sharded' })
    const before = await prepareArtefact(info, { home: freshHome() })
    const later = new Date(Date.now() + 10_000)
    await utimes(join(folder, 'model-00002-of-00002.safetensors'), later, later)
    const after = await prepareArtefact(info, { home: freshHome() })
    expect(basename(after.folder)).not.toBe(basename(before.folder))
    expect(after.manifest.fingerprint).toBe(before.manifest.fingerprint)
  })
})

describe('two calls at once', () => {
  it('convert once, and both get the artefact', async () => {
    const info = await describeCheckpoint(await copyOfTiny(temporary.path, 'new-tiny'))
    const home = freshHome()
    const written: string[] = []
    const waited: string[] = []
    const options: PrepareOptions = {
      home,
      onConvert: ({ file, done, total }) => {
        if (file === 'backbone.onnx.data' && done === total) written.push(file)
      },
      onWait: (path) => waited.push(path),
    }
    const both = await Promise.all([prepareArtefact(info, options), prepareArtefact(info, options)])
    expect(both.map((artefact) => artefact.converted).sort()).toEqual([false, true])
    expect(both[0].manifest).toEqual(both[1].manifest)
    expect(written).toHaveLength(1)
    expect(waited).toHaveLength(1)
  })

  it('do not wait for each other where the artefact is there', async () => {
    const info = await describeCheckpoint(await copyOfTiny(temporary.path, 'new-tiny'))
    const home = freshHome()
    await prepareArtefact(info, { home })
    const onWait = (): void => {
      throw new Error('waited')
    }
    await Promise.all(Array.from({ length: 5 }, () => prepareArtefact(info, { home, onWait })))
  })
})

describe('what cannot be prepared', () => {
  it('a size the model has no head for, naming those it has', async () => {
    const home = freshHome()
    const error = await failureOf(() => prepareArtefact(STELLA_NANO, { home, dimensions: [1024] }))
    expect(error.code).toBe('DIMENSIONS_UNSUPPORTED')
    expect(error.message).toContain('stella-nano has no head of 1024 dimensions; it has 256, 512')
    expect(error.details.accepted).toEqual([256, 512])
    expect(await leftIn(home, 'stella-nano')).toEqual([])
  })

  it('a precision that does not exist', async () => {
    const error = await failureOf(() =>
      prepareArtefact(STELLA_NANO, { precision: 'fp16' as 'fp32', home: freshHome() }),
    )
    expect(error.code).toBe('OPTION_INVALID')
  })

  it.each(['stella-nano', undefined, {}])('%j, which is no descriptor', async (value) => {
    const error = await failureOf(() => prepareArtefact(value as unknown as StellaModelInfo, { home: freshHome() }))
    expect(error.code).toBe('OPTION_INVALID')
  })

  it('a key that leaves the home', async () => {
    const forged = { ...structuredClone(STELLA_NANO), key: '../../elsewhere' }
    expect((await failureOf(() => prepareArtefact(forged, { home: freshHome() }))).code).toBe('OPTION_INVALID')
  })

  it('a folder that is gone', async () => {
    const folder = await copyOfTiny(temporary.path, 'new-tiny')
    const info = await describeCheckpoint(folder)
    await rm(folder, { recursive: true })
    const error = await failureOf(() => prepareArtefact(info, { home: freshHome() }))
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.message).toContain(`there is no folder ${folder}`)
  })
})
