/** Loading: what it tells, what it can do without, and every artefact and option it refuses. */
import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import type { StellaModelInfo } from '../../../registry/types.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import type { Artefact } from '../../../src/convert/prepare.js'
import { prepareArtefact } from '../../../src/convert/prepare.js'
import type { LoadOptions } from '../../../src/inference/loaded-stella-model.js'
import { LoadedStellaModel } from '../../../src/inference/loaded-stella-model.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'
import { failureOf } from '../../support/failure.js'
import { replaceFile } from '../../support/replace-file.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { copyOfTiny, editJson, makeTiny } from '../../support/tiny-checkpoint.js'

const temporary = temporaryFolder()
const home = join(temporary.path, 'home')
let info: StellaModelInfo
let artefact: Artefact

beforeAll(async () => {
  info = await describeCheckpoint(goldenCheckpoint('new-tiny'), { key: 'tiny' })
  artefact = await prepareArtefact(info, { home })
})
afterAll(() => temporary.remove())

const load = (options: LoadOptions = {}) => LoadedStellaModel.load(info, { home, threads: 1, ...options })

let copies = 0
/** A copy of the artefact to spoil. */
async function copyOfArtefact(): Promise<string> {
  const folder = join(temporary.path, `artefact-${copies++}`)
  await cp(artefact.folder, folder, { recursive: true })
  return folder
}

describe('loading', () => {
  it('logs once: model, precision, device, dimension, threads, load time and engine', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    await using model = await load({ logger })
    expect(logger.info).toHaveBeenCalledExactlyOnceWith(
      {
        model: 'tiny',
        precision: 'fp32',
        device: 'cpu',
        threads: 1,
        weights: 'own',
        dimensions: 256,
        loadMs: model.loadMs,
        engine: expect.stringMatching(/^1\.\d+\.\d+/) as string,
      },
      'model loaded',
    )
    for (const level of ['debug', 'warn', 'error'] as const) expect(logger[level]).not.toHaveBeenCalled()
  })

  it('from a folder needs no checkpoint and no home', async () => {
    const folder = await copyOfArtefact()
    const gone = { ...info, source: { kind: 'folder', path: join(temporary.path, 'gone') } } as const
    await using model = await LoadedStellaModel.load(gone, { artefact: folder, threads: 1 })
    await using reference = await load()
    expect((await model.embed('fox')).embedding).toEqual((await reference.embed('fox')).embedding)
  })

  it('without the tokenizer takes token ids, and says so of texts', async () => {
    const folder = await copyOfArtefact()
    await using model = await LoadedStellaModel.load(info, { artefact: folder, tokenizer: false, threads: 1 })
    await using whole = await load()
    const ids = Int32Array.of(2, 50, 60, 3)
    expect((await model.embed(ids)).embedding).toEqual((await whole.embed(ids)).embedding)
    const error = await failureOf(() => model.batchEmbed(['fox']))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain('tokenizer: false')
  })

  it('a model without heads gives the pooled state', async () => {
    const folder = await copyOfTiny(temporary.path, 'qwen2-mha')
    const modules = ['Transformer', 'Pooling'].map((kind) => ({
      path: '',
      type: `sentence_transformers.models.${kind}`,
    }))
    await writeFile(join(folder, 'modules.json'), JSON.stringify(modules))
    const bare = await describeCheckpoint(folder, { key: 'bare' })
    await using model = await LoadedStellaModel.load(bare, { home, threads: 1 })
    expect((await model.embed('fox')).embedding).toHaveLength(32)
    const packed = { ids: Int32Array.of(5, 6), lengths: Int32Array.of(2) }
    const error = await failureOf(() => model.embedTokens(packed, { dimensions: 16, normalize: true }))
    expect(error.code).toBe('DIMENSIONS_UNSUPPORTED')
  })

  it('finds a head that was added to the artefact after the load', async () => {
    const folder = await copyOfArtefact()
    const manifest = await readFile(join(folder, 'manifest.json'), 'utf8')
    await editJson(join(folder, 'manifest.json'), {
      heads: artefact.manifest.heads.filter((head) => head.dimensions === 256),
    })
    await using model = await LoadedStellaModel.load(info, { artefact: folder, threads: 1 })
    const error = await failureOf(() => model.embed('fox', { dimensions: 64 }))
    expect(error.code).toBe('MODEL_NOT_DOWNLOADED')
    expect(error.message).toContain('prepareArtefact(info, { dimensions: [64] })')
    await writeFile(join(folder, 'manifest.json'), manifest)
    expect((await model.embed('fox', { dimensions: 64 })).embedding).toHaveLength(64)
  })

  describe('is refused', () => {
    const refusedFrom = async (spoil: (folder: string) => Promise<void>, as: StellaModelInfo = info) => {
      const folder = await copyOfArtefact()
      await spoil(folder)
      const error = await failureOf(() => LoadedStellaModel.load(as, { artefact: folder, threads: 1 }))
      return { error, folder }
    }

    it.each(['backbone.onnx.data', 'backbone.onnx', 'heads/64.onnx.data', 'tokenizer.json'])(
      'when %s was cut, naming both sizes and the way out',
      async (file) => {
        const { error, folder } = await refusedFrom((path) => truncate(join(path, file), 100))
        expect(error.code).toBe('ARTEFACT_INVALID')
        expect(error.message).toContain(`${join(folder, file)} has 100 bytes; the manifest says`)
        expect(error.message).toContain('stella convert tiny --precision fp32 --force')
      },
    )

    it('when a file is missing', async () => {
      const { error } = await refusedFrom((folder) => rm(join(folder, 'heads/256.onnx')))
      expect(error.code).toBe('ARTEFACT_INVALID')
      expect(error.message).toContain('heads/256.onnx is missing')
    })

    it.each([
      ['missing', (folder: string) => rm(join(folder, 'manifest.json')), 'holds no manifest.json'],
      ['no JSON', (folder: string) => writeFile(join(folder, 'manifest.json'), '{'), 'is not JSON'],
      ['of another format', (folder: string) => editJson(join(folder, 'manifest.json'), { format: 1 }), 'format'],
    ])('when the manifest is %s', async (_, spoil, message) => {
      const { error } = await refusedFrom(spoil)
      expect(error.code).toBe('ARTEFACT_INVALID')
      expect(error.message).toContain(message)
    })

    it.each(['../../../etc/passwd', '/etc/passwd', 'heads/../../x', 'constructor'])(
      'when the manifest names the head file %j',
      async (file) => {
        const { error } = await refusedFrom((folder) => {
          const heads = artefact.manifest.heads.map((head) => ({ ...head, file }))
          const listed = file === 'constructor' ? {} : { [file]: { bytes: 1, sha256: '0'.repeat(64) } }
          return editJson(join(folder, 'manifest.json'), { heads, files: { ...artefact.manifest.files, ...listed } })
        })
        expect(error.code).toBe('ARTEFACT_INVALID')
        expect(error.message).toContain('no file of its own')
      },
    )

    it('for the descriptor of another model, also one of the same shape', async () => {
      const other = await describeCheckpoint(goldenCheckpoint('qwen2-tiny'), { key: 'other' })
      for (const as of [other, { ...info, key: 'twin' }]) {
        const { error } = await refusedFrom(() => Promise.resolve(), as)
        expect(error.code).toBe('ARTEFACT_INVALID')
        expect(error.message).toContain(`was made for tiny, not for ${as.key}`)
      }
    })

    it('for a descriptor of the same name and another shape', async () => {
      const { architecture } = info
      const as = { ...info, architecture: { ...architecture, rope: { ...architecture.rope, theta: 1 } } }
      const { error } = await refusedFrom(() => Promise.resolve(), as)
      expect(error.code).toBe('ARTEFACT_INVALID')
      expect(error.message).toContain('another shape')
    })

    it('when the engine cannot read the graph, with its reason as cause', async () => {
      const { error, folder } = await refusedFrom((path) => {
        return replaceFile(path, 'backbone.onnx', (bytes) => bytes.fill(0xff))
      })
      expect(error.code).toBe('MODEL_LOAD_FAILED')
      expect(error.message).toContain(`tiny failed to load from ${folder}`)
      expect(error.cause).toBeInstanceOf(Error)
    })

    it('when the tokenizer knows more tokens than the model has rows', async () => {
      const folder = await makeTiny(temporary.path, 'new-tiny', {})
      const tokenizer = await readFile(join(goldenCheckpoint('qwen2-tiny'), 'tokenizer.json'))
      await writeFile(join(folder, 'tokenizer.json'), tokenizer)
      const misfit = await describeCheckpoint(folder, { key: 'misfit' })
      const error = await failureOf(() => LoadedStellaModel.load(misfit, { home }))
      expect(error.code).toBe('ARTEFACT_INVALID')
      expect(error.message).toContain("it has 300 tokens; the model's embedding table has 196 rows")
    })

    it.each([0, -1, 1.5, Number.NaN, '2', null, 100_000])('with %s threads', async (threads) => {
      const error = await failureOf(() => load({ threads: threads as number }))
      expect(error.code).toBe('OPTION_INVALID')
      expect(error.message).toContain('`threads` to be an integer from 1 to 1024')
    })

    it.each([1, 'yes', null])('with %j for shared weights', async (sharedWeights) => {
      const error = await failureOf(() => load({ sharedWeights: sharedWeights as unknown as boolean }))
      expect(error.code).toBe('OPTION_INVALID')
      expect(error.message).toContain('`sharedWeights` to be true or false')
    })

    it('with an option that does not exist', async () => {
      const error = await failureOf(() => load({ artifact: '/x' } as LoadOptions))
      expect(error.message).toContain('Unknown option `artifact`')
    })

    it.each(['stella-nano', undefined, {}, 5])('for %j, which is no descriptor', async (value) => {
      const error = await failureOf(() => LoadedStellaModel.load(value as unknown as StellaModelInfo))
      expect(error.code).toBe('OPTION_INVALID')
      expect(error.message).toContain('Expected a model descriptor')
    })
  })
})
