/** What of a checkpoint's other files is refused. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import type { TinyName } from '../../support/tiny-checkpoint.js'
import { editJson } from '../../support/tiny-checkpoint.js'
import { refusalUnder } from './refusal.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())
const refusal = (name: TinyName, spoil: (folder: string) => Promise<void>) => refusalUnder(temporary.path, name, spoil)

describe('the pooling is refused', () => {
  it.each([
    ['the first token', { pooling_mode_mean_tokens: false, pooling_mode_cls_token: true }, 'pooling_mode_cls_token'],
    ['the last token', { pooling_mode_mean_tokens: false, pooling_mode_lasttoken: true }, 'pooling_mode_lasttoken'],
    ['mean and max together', { pooling_mode_max_tokens: true }, 'pooling_mode_max_tokens'],
    ['a true that Python reads', { pooling_mode_max_tokens: 1 }, 'pooling_mode_max_tokens'],
    ['nothing', { pooling_mode_mean_tokens: false }, 'no mean'],
    ['a mean without the prompt', { include_prompt: false }, 'excludes the prompt'],
    ['no boolean', { pooling_mode_mean_tokens: 'yes' }, 'pooling_mode_mean_tokens'],
  ])('when it asks for %s', async (_, changes, message) => {
    const error = await refusal('new-tiny', (folder) => editJson(join(folder, '1_Pooling/config.json'), changes))
    expect(error.message).toContain('1_Pooling/config.json')
    expect(error.message).toContain(message)
  })
})

describe('a Dense head is refused', () => {
  it.each([
    [
      'another activation',
      { activation_function: 'torch.nn.modules.activation.Tanh' },
      'only the identity is supported',
    ],
    ['no bias', { bias: false }, 'only a projection with bias is supported'],
    ['another input width', { in_features: 1024 }, 'projects from 1024 numbers; the backbone gives 64'],
    ['a negative width', { out_features: -256 }, 'out_features'],
    ['no width', { out_features: undefined }, 'out_features'],
  ])('for %s', async (_, changes, message) => {
    const error = await refusal('new-tiny', (folder) => editJson(join(folder, '2_Dense_256/config.json'), changes))
    expect(error.message).toContain('2_Dense_256/config.json')
    expect(error.message).toContain(message)
  })

  it('for having weights and no config.json', async () => {
    const error = await refusal('new-tiny', (folder) => rm(join(folder, '2_Dense_64/config.json')))
    expect(error.message).toContain('holds no 2_Dense_64/config.json')
  })
})

describe('modules.json is refused', () => {
  const modules = (...entries: readonly (readonly [kind: string, path: string])[]) =>
    JSON.stringify(entries.map(([kind, path]) => ({ path, type: `sentence_transformers.models.${kind}` })))
  const start = [
    ['Transformer', ''],
    ['Pooling', '1_Pooling'],
  ] as const

  it.each([
    '../../etc',
    '/etc',
    '..',
    '.',
    '',
    'a/b',
    '2_Dense_256/../2_Dense_256',
    'C:\\x',
    '2_Dense_256\0',
    '2_Dense_256/',
  ])('when its Dense lies at %j: only a plain folder of the checkpoint is read', async (path) => {
    const error = await refusal('new-tiny', (folder) =>
      writeFile(join(folder, 'modules.json'), modules(...start, ['Dense', path])),
    )
    expect(error.message).toContain('expected one inside the checkpoint')
  })

  it('when its Dense is not there', async () => {
    const error = await refusal('new-tiny', (folder) =>
      writeFile(join(folder, 'modules.json'), modules(...start, ['Dense', '2_Dense_1024'])),
    )
    expect(error.message).toContain('modules.json names 2_Dense_1024, which holds no model.safetensors')
  })

  it.each([
    ['no pooling', [['Transformer', '']]],
    ['two heads', [...start, ['Dense', '2_Dense_256'], ['Dense', '2_Dense_64']]],
    ['a norm before the head', [...start, ['Normalize', '2_Normalize'], ['Dense', '2_Dense_256']]],
    ['a layer we do not know', [...start, ['WeightedLayerPooling', 'x']]],
  ] as const)('when it wires %s', async (_, entries) => {
    const error = await refusal('new-tiny', (folder) => writeFile(join(folder, 'modules.json'), modules(...entries)))
    expect(error.message).toContain('supported are Transformer → Pooling')
  })

  it.each(['{}', '[]', '[1]', `[${'{"path":"","type":"x.Transformer"},'.repeat(20)}{"path":"","type":"y"}]`])(
    'when it is %s',
    async (text) => {
      const error = await refusal('new-tiny', (folder) => writeFile(join(folder, 'modules.json'), text))
      expect(error.message).toContain('modules.json')
    },
  )
})

describe('a missing file', () => {
  it.each(['config.json', 'modules.json', '1_Pooling/config.json'])('%s is named', async (file) => {
    const error = await refusal('qwen2-tiny', (folder) => rm(join(folder, file)))
    expect(error.message).toContain(`holds no ${file}; expected a folder in the Hugging Face layout`)
  })

  it('is all there is in a folder that does not exist', async () => {
    const error = await failureOf(() => describeCheckpoint(join(temporary.path, 'nowhere')))
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.message).toContain('holds no config.json')
  })
})
