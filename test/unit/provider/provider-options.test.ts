/** The options of a provider: what is refused before anything is loaded, and what the model is opened with. */
import { resolve } from 'node:path'

import { describe, expect, it } from 'vitest'

import { STELLA_NANO } from '../../../registry/index.js'
import { createFakePool } from '../../../src/fake/index.js'
import type { StellaProviderOptions } from '../../../src/provider/provider-options.js'
import { resolveProviderOptions } from '../../../src/provider/provider-options.js'
import { failureOf } from '../../support/failure.js'

const LOGGER = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** What the model is opened with, where anything is said. */
function modelOptions(options: StellaProviderOptions): object {
  const { model } = resolveProviderOptions(options)
  return Object.fromEntries(Object.entries(model).filter(([, value]) => value !== undefined))
}

describe('the options of the model', () => {
  it('are none where none are given, but for the prompt: a model is opened with the one that all have', () => {
    expect(modelOptions({})).toEqual({ promptType: 'document' })
  })

  it('have the model’s names', () => {
    expect(modelOptions({ maxSeqLen: 256, normalize: false, dimension: 512 })).toEqual({
      ...{ maxLength: 256, normalizeEmbeddings: false, embeddingDimension: 512, promptType: 'document' },
    })
  })

  it('are otherwise those that were given', () => {
    const given: StellaProviderOptions = {
      ...{ model: 'stella-en-400m-v5', device: 'cpu', precision: 'int8', memory: '2GB', workers: 1, threads: 1 },
      ...{ batchSize: 8, download: true, home: '/home', prompts: { own: 'Own: ' }, logger: LOGGER },
      ...{ onDownload: () => undefined, onConvert: () => undefined, onWait: () => undefined },
    }
    expect(modelOptions(given)).toEqual({ ...given, promptType: 'document' })
  })

  it('hold the folder as it was found from here', () => {
    expect(modelOptions({ path: './models' })).toMatchObject({ path: resolve('models') })
  })

  it('leave the logger out for a pool that is there, and keep it for the provider', async () => {
    await using pool = await createFakePool({ memory: '2GB' })
    const resolved = resolveProviderOptions({ pool, logger: LOGGER })
    expect(resolved.model).toMatchObject({ pool })
    expect(resolved.model).not.toHaveProperty('logger')
    expect(resolved.logger).toBe(LOGGER)
  })
})

describe('enable4bit', () => {
  it.each([
    [{ enable4bit: true }, 'int4'],
    [{ enable4bit: true, precision: 'int4' }, 'int4'],
    [{ enable4bit: false }, undefined],
    [{ enable4bit: false, precision: 'auto' }, 'auto'],
    [{ enable4bit: false, precision: 'fp32' }, 'fp32'],
    [{ precision: 'int4' }, 'int4'],
  ] as const)('%j is precision %s', (options, precision) => {
    expect(resolveProviderOptions(options).model.precision).toBe(precision)
  })

  it.each([
    [{ enable4bit: true, precision: 'int8' }],
    [{ enable4bit: true, precision: 'fp32' }],
    [{ enable4bit: true, precision: 'auto' }],
    [{ enable4bit: false, precision: 'int4' }],
  ] as const)('%j contradicts itself', async (options) => {
    const failure = await failureOf(() => resolveProviderOptions(options))
    expect(failure.code).toBe('OPTION_INVALID')
    expect(failure.message).toMatch(/enable4bit.*precision|precision.*enable4bit/)
  })

  it('is not for a pool that is there, which runs as it was opened', async () => {
    await using pool = await createFakePool({ memory: '2GB' })
    const failure = await failureOf(() => resolveProviderOptions({ pool, enable4bit: true }))
    expect(failure).toMatchObject({ code: 'OPTION_INVALID', details: { option: 'enable4bit' } })
    expect(failure.message).toContain("open the pool with `precision: 'int4'`")
  })
})

describe('what is refused before anything is loaded', () => {
  it.each<[string, unknown]>([
    ['maxLength', { maxLength: 512 }],
    ['promptType', { promptType: 's2p' }],
    ['max_seq_len', { max_seq_len: 512 }],
    ['maxSeqLen', { maxSeqLen: 3 }],
    ['maxSeqLen', { maxSeqLen: 512.5 }],
    ['maxSeqLen', { maxSeqLen: '512' }],
    ['maxSeqLen', { maxSeqLen: null }],
    ['dimension', { dimension: 0 }],
    ['dimension', { dimension: Number.NaN }],
    ['normalize', { normalize: 'yes' }],
    ['enable4bit', { enable4bit: 1 }],
    ['logger', { logger: console.log }],
    ['batchSize', { batchSize: 0 }],
    ['prompts', { prompts: ['a'] }],
    ['path', { path: '' }],
    ['path', { path: 5 }],
    ['path', { path: './a', model: 'stella-nano' }],
    ['pool', { pool: {} }],
  ])('%s: %j', async (option, options) => {
    const failure = await failureOf(() => resolveProviderOptions(options as StellaProviderOptions))
    expect(failure.code).toBe('OPTION_INVALID')
    expect(failure.message).toContain(`\`${option}\``)
  })

  it.each([[undefined], [{}]])('%j is all defaults', (options) => {
    expect(resolveProviderOptions(options ?? {}).id).toBe('stella-pool/stella-nano')
  })

  it.each([[null], [[]], ['stella-nano']])('options that are %j', async (options) => {
    const failure = await failureOf(() => resolveProviderOptions(options as unknown as StellaProviderOptions))
    expect(failure.code).toBe('OPTION_INVALID')
  })

  it('a model that is neither a name nor a descriptor', async () => {
    const failure = await failureOf(() => resolveProviderOptions({ model: 5 as unknown as string }))
    expect(failure.code).toBe('OPTION_INVALID')
  })
})

describe('the id', () => {
  it.each<[StellaProviderOptions, string]>([
    [{}, 'stella-pool/stella-nano'],
    [{ model: 'NovaSearch/stella_en_400M_v5' }, 'stella-pool/NovaSearch/stella_en_400M_v5'],
    [{ model: STELLA_NANO }, 'stella-pool/stella-nano'],
    [{ path: '/models/my-fine-tune/' }, 'stella-pool/my-fine-tune'],
  ])('of %j is %s', (options, id) => {
    expect(resolveProviderOptions(options).id).toBe(id)
  })
})
