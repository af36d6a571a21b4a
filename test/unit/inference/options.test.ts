import { describe, expect, it } from 'vitest'

import { STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import type { BatchEmbedOptions } from '../../../src/inference/options.js'
import { requireDimensions, resolveEmbedOptions } from '../../../src/inference/options.js'
import { failureOf } from '../../support/failure.js'

const MODEL = STELLA_EN_400M_V5

/** What a JavaScript caller may pass. */
const given = (options: unknown): BatchEmbedOptions => options as BatchEmbedOptions

describe('the defaults', () => {
  it('are a document, the default size, normalised, cut on the right at the recommended length', () => {
    expect(resolveEmbedOptions(MODEL)).toEqual({
      prompt: '',
      dimensions: 1024,
      normalize: true,
      maxLength: 512,
      overflow: 'truncate-right',
      signal: undefined,
      onProgress: undefined,
    })
  })

  it('are what undefined stands for', () => {
    const undefineds = { task: undefined, prompt: undefined, dimensions: undefined, normalize: undefined }
    const more = { maxLength: undefined, overflow: undefined, signal: undefined, onProgress: undefined }
    expect(resolveEmbedOptions(MODEL, { ...undefineds, ...more })).toEqual(resolveEmbedOptions(MODEL))
  })

  it('are frozen', () => {
    expect(Object.isFrozen(resolveEmbedOptions(MODEL))).toBe(true)
  })
})

describe('given options', () => {
  it('are taken as they are', () => {
    const signal = new AbortController().signal
    const onProgress = (): void => undefined
    const options = { normalize: false, maxLength: 8192, overflow: 'error', signal, onProgress } as const
    expect(resolveEmbedOptions(MODEL, { ...options, task: 's2s', dimensions: 8192 })).toEqual({
      ...options,
      prompt: 'Instruct: Retrieve semantically similar text.\nQuery: ',
      dimensions: 8192,
    })
  })

  it.each(MODEL.heads.map((head) => head.dimensions))('%i dimensions are reachable', (dimensions) => {
    expect(resolveEmbedOptions(MODEL, { dimensions }).dimensions).toBe(dimensions)
  })

  it('take a prompt of one’s own word for word, an empty one too', () => {
    for (const prompt of ['', ' ', 'query:\t', 'Ω: '])
      expect(resolveEmbedOptions(MODEL, { prompt }).prompt).toBe(prompt)
  })
})

describe('an option is refused, naming it and what is accepted:', () => {
  it.each([
    ['normalize', 'yes', 'true or false'],
    ['normalize', 1, 'true or false'],
    ['normalize', null, 'true or false'],
    ['overflow', 'truncate', 'truncate-right, truncate-left, error'],
    ['overflow', null, 'truncate-right, truncate-left, error'],
    ['overflow', ['error'], 'truncate-right, truncate-left, error'],
    ['maxLength', 0, 'an integer from 4 to 8192'],
    ['maxLength', 3, 'an integer from 4 to 8192'],
    ['maxLength', 8193, 'an integer from 4 to 8192'],
    ['maxLength', 5.5, 'an integer from 4 to 8192'],
    ['maxLength', '512', 'an integer from 4 to 8192'],
    ['maxLength', Number.NaN, 'an integer from 4 to 8192'],
    ['maxLength', Number.POSITIVE_INFINITY, 'an integer from 4 to 8192'],
    ['maxLength', null, 'an integer from 4 to 8192'],
    ['prompt', 5, 'a string'],
    ['prompt', null, 'a string'],
    ['prompt', 'x'.repeat(10_001), 'at most 10000 characters'],
    ['signal', 'stop', 'an AbortSignal'],
    ['signal', new AbortController(), 'an AbortSignal'],
    ['signal', null, 'an AbortSignal'],
    ['onProgress', {}, 'a function'],
    ['onProgress', null, 'a function'],
  ])('%s of %s', async (option, value, accepted) => {
    const error = await failureOf(() => resolveEmbedOptions(MODEL, given({ [option]: value })))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain(`\`${option}\``)
    expect(error.message).toContain(accepted)
    expect(error.message.length).toBeLessThan(500)
    expect(error.details.option).toBe(option)
  })

  it.each([512, 0, -1, 1024.5, '1024', null, Number.NaN, [1024], {}])('dimensions of %s', async (dimensions) => {
    const error = await failureOf(() => resolveEmbedOptions(MODEL, given({ dimensions })))
    expect(error.code).toBe('DIMENSIONS_UNSUPPORTED')
    expect(error.message).toContain('256, 768, 1024, 2048, 4096, 6144, 8192')
    expect(error.details).toMatchObject({ model: MODEL.key, accepted: [256, 768, 1024, 2048, 4096, 6144, 8192] })
    expect(JSON.parse(JSON.stringify(error.details))).toEqual(error.details)
  })

  it('a task with a prompt: one of them would be ignored', async () => {
    const error = await failureOf(() => resolveEmbedOptions(MODEL, { task: 'document', prompt: 'x' }))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain('`prompt`')
    expect(error.message).toContain('absent where `task` is given')
  })

  it.each([null, '', 'queries', 3])('a task of %j', async (task) => {
    expect((await failureOf(() => resolveEmbedOptions(MODEL, given({ task })))).code).toBe('TASK_UNKNOWN')
  })

  it.each(['dimension', 'truncate', 'dims', 'constructor', 'lane'])(
    'an option %s that does not exist',
    async (name) => {
      const error = await failureOf(() => resolveEmbedOptions(MODEL, given({ [name]: 1 })))
      expect(error.code).toBe('OPTION_INVALID')
      expect(error.message).toContain(`Unknown option \`${name}\``)
      expect(error.message).toContain('task, prompt, dimensions, normalize, maxLength, overflow, signal, onProgress')
    },
  )

  it.each([null, 's2p_query', 5, ['s2p_query'], () => undefined])('options that are %s', async (options) => {
    const error = await failureOf(() => resolveEmbedOptions(MODEL, given(options)))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain('Expected the options to be an object')
  })
})

describe('requireDimensions', () => {
  it('of a model without heads accepts the pooled width only', async () => {
    const bare = { ...STELLA_NANO, key: 'bare', heads: [], defaultDimensions: 64 }
    expect(requireDimensions(bare, 64)).toBe(64)
    const error = await failureOf(() => requireDimensions(bare, 256))
    expect(error.message).toBe('bare gives 64 dimensions; got 256 (number)')
  })
})
