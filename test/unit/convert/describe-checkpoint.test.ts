import { cp, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { ModelRegistry } from '../../../registry/index.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import { CHECKPOINT_SPECS } from '../../../tools/checkpoints/specs.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { copyOfTiny, editJson, makeTiny } from '../../support/tiny-checkpoint.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

describe('a described checkpoint', () => {
  it.each(['new-tiny', 'new-wide', 'qwen2-tiny', 'qwen2-mqa', 'qwen2-mha'] as const)(
    '%s has the architecture, heads and default it was made with',
    async (name) => {
      const spec = CHECKPOINT_SPECS[name]
      const info = await describeCheckpoint(goldenCheckpoint(name), { key: name })
      expect(info.architecture).toEqual(spec.architecture)
      expect(info.heads.map((head) => head.dimensions)).toEqual(spec.heads)
      expect(info.defaultDimensions).toBe(spec.defaultHead)
      expect(info.prompts).toEqual({
        s2p_query: 'Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: ',
        s2s_query: 'Instruct: Retrieve semantically similar text.\nQuery: ',
        document: '',
      })
      expect(info.tokens).toEqual({ max: spec.architecture.maxPositions, recommended: 512 })
    },
  )

  it('is a frozen descriptor that a registry takes', async () => {
    const info = await describeCheckpoint(goldenCheckpoint('new-tiny'), { key: 'mine', aliases: ['me/mine'] })
    expect(Object.isFrozen(info.architecture.rope)).toBe(true)
    expect(new ModelRegistry([info]).get('ME/mine')).toBe(info)
  })

  it('takes key, name, aliases and license from the options', async () => {
    const options = { key: 'k-1', name: 'Named', aliases: ['a/b'], license: 'Apache-2.0' }
    expect(await describeCheckpoint(goldenCheckpoint('new-tiny'), options)).toMatchObject(options)
  })

  it('is named after its folder, made fit for a key', async () => {
    const folder = join(temporary.path, '__My Fine-Tune (v2)')
    await cp(goldenCheckpoint('new-tiny'), folder, { recursive: true })
    const info = await describeCheckpoint(folder)
    expect(info.key).toBe('my-fine-tune-v2-')
    expect(info.name).toBe('__My Fine-Tune (v2)')
    expect(new ModelRegistry([info]).has(info.key)).toBe(true)
  })

  it('of a folder whose name holds nothing fit for a key is called checkpoint', async () => {
    const folder = join(temporary.path, '模型')
    await cp(goldenCheckpoint('new-tiny'), folder, { recursive: true })
    expect((await describeCheckpoint(folder)).key).toBe('checkpoint')
  })

  it.each([{ key: '../up' }, { key: 'Upper' }, { key: '' }, { aliases: [''] }])(
    'is not named %j, under which it could be neither kept nor found',
    async (options) => {
      const error = await failureOf(() => describeCheckpoint(goldenCheckpoint('new-tiny'), options))
      expect(error.code).toBe('OPTION_INVALID')
    },
  )

  it('has an absolute path, also when given a relative one', async () => {
    const folder = goldenCheckpoint('qwen2-mha')
    const info = await describeCheckpoint(relative(process.cwd(), folder))
    expect(info.source).toEqual({ kind: 'folder', path: folder })
  })

  it('reads the length limit of sentence_bert_config.json, and does without the file', async () => {
    const folder = await copyOfTiny(temporary.path, 'new-wide')
    const file = join(folder, 'sentence_bert_config.json')
    await editJson(file, { max_seq_length: 128 })
    expect((await describeCheckpoint(folder)).tokens).toEqual({ max: 512, recommended: 128 })
    await editJson(file, { max_seq_length: 100_000 })
    expect((await describeCheckpoint(folder)).tokens).toEqual({ max: 512, recommended: 512 })
    await rm(file)
    expect((await describeCheckpoint(folder)).tokens).toEqual({ max: 512, recommended: 512 })
  })

  it('never takes texts of more than 8,192 tokens, however far the positions reach', async () => {
    const folder = await copyOfTiny(temporary.path, 'qwen2-tiny')
    await editJson(join(folder, 'config.json'), { max_position_embeddings: 131072 })
    expect((await describeCheckpoint(folder)).tokens.max).toBe(8192)
  })

  it('has only the prompts its files define', async () => {
    const folder = await copyOfTiny(temporary.path, 'new-tiny')
    await editJson(join(folder, 'config_sentence_transformers.json'), { prompts: { s2p_query: 'find: ' } })
    expect((await describeCheckpoint(folder)).prompts).toEqual({ s2p_query: 'find: ', s2s_query: null, document: '' })
    await rm(join(folder, 'config_sentence_transformers.json'))
    expect((await describeCheckpoint(folder)).prompts).toEqual({ s2p_query: null, s2s_query: null, document: '' })
  })

  it('without a Dense in modules.json embeds with the pooled state, whatever Dense folders lie about', async () => {
    const folder = await copyOfTiny(temporary.path, 'new-tiny')
    const modules = ['Transformer', 'Pooling', 'Normalize'].map((kind, idx) => {
      return {
        idx,
        name: String(idx),
        path: idx === 0 ? '' : `${idx}_${kind}`,
        type: `sentence_transformers.models.${kind}`,
      }
    })
    await writeFile(join(folder, 'modules.json'), JSON.stringify(modules))
    const info = await describeCheckpoint(folder)
    expect(info.heads).toEqual([])
    expect(info.defaultDimensions).toBe(64)
  })

  it('prefers a numbered folder to a bare 2_Dense of the same size, unless the bare one is wired in', async () => {
    const folder = await copyOfTiny(temporary.path, 'new-tiny')
    await cp(join(folder, '2_Dense_64'), join(folder, '2_Dense'), { recursive: true })
    const folderOf64 = async () =>
      (await describeCheckpoint(folder)).heads.find((head) => head.dimensions === 64)?.folder
    expect(await folderOf64()).toBe('2_Dense_64')
    const modules = JSON.stringify([
      { path: '', type: 'sentence_transformers.models.Transformer' },
      { path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
      { path: '2_Dense', type: 'sentence_transformers.models.Dense' },
    ])
    await writeFile(join(folder, 'modules.json'), modules)
    expect(await folderOf64()).toBe('2_Dense')
    expect((await describeCheckpoint(folder)).defaultDimensions).toBe(64)
  })

  it('passes over a Dense folder that was not downloaded', async () => {
    const folder = await copyOfTiny(temporary.path, 'new-tiny')
    await rm(join(folder, '2_Dense_64', 'model.safetensors'))
    expect((await describeCheckpoint(folder)).heads.map((head) => head.dimensions)).toEqual([256])
  })

  it('keeps an NTK factor with a mixed base', async () => {
    const folder = await copyOfTiny(temporary.path, 'new-tiny')
    await editJson(join(folder, 'config.json'), { rope_scaling: { type: 'ntk', factor: 4, mixed_b: 0.625 } })
    expect((await describeCheckpoint(folder)).architecture.rope).toEqual({
      theta: 160000,
      ntkFactor: 4,
      ntkMixedB: 0.625,
    })
  })

  it('reads rope_theta where transformers 5 puts it', async () => {
    const folder = await copyOfTiny(temporary.path, 'qwen2-tiny')
    await editJson(join(folder, 'config.json'), {
      rope_theta: undefined,
      rope_parameters: { rope_type: 'default', rope_theta: 5000 },
    })
    expect((await describeCheckpoint(folder)).architecture.rope).toEqual({
      theta: 5000,
      ntkFactor: null,
      ntkMixedB: null,
    })
  })

  it('of a stored head width other than hidden / heads keeps it', async () => {
    const folder = await copyOfTiny(temporary.path, 'qwen2-tiny')
    await editJson(join(folder, 'config.json'), { head_dim: 32 })
    expect((await describeCheckpoint(folder)).architecture.headDim).toBe(32)
  })
})

it('a checkpoint in shards and with another prefix is described the same', async () => {
  const folder = await makeTiny(temporary.path, 'qwen2-mha', { shards: 2, prefix: '', dtype: 'BF16' })
  const info = await describeCheckpoint(folder, { key: 'same', name: 'same' })
  const plain = await describeCheckpoint(goldenCheckpoint('qwen2-mha'), { key: 'same', name: 'same' })
  const shape = { source: null, description: '', files: [] }
  expect({ ...info, ...shape }).toEqual({ ...plain, ...shape })
  const weights = info.files.map((file) => file.path).filter((path) => path.includes('safetensors'))
  expect(weights).toEqual([
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
  ])
})
