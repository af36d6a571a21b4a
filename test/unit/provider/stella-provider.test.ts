/** A Stella model behind the provider's interface: when it is loaded, what it is asked, and how it fails. */
import { describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { createFakePool } from '../../../src/fake/index.js'
import type { EncodedTexts } from '../../../src/model/stella-model.js'
import type { EncodeOptions, StellaModelOptions } from '../../../src/model/stella-model-options.js'
import type { EmbeddingProvider, ProviderEmbedOptions } from '../../../src/provider/embedding-provider.js'
import type { StellaProviderOptions } from '../../../src/provider/provider-options.js'
import type { ProviderModel } from '../../../src/provider/stella-provider.js'
import { StellaProvider } from '../../../src/provider/stella-provider.js'
import { failureOf } from '../../support/failure.js'
import { gate, settled } from '../../support/manual-engine.js'
import { uncaughtDuring } from '../../support/uncaught.js'

const DIMENSION = 4

/** A model whose vectors say how long a text is, and with which options it came. */
class FakeModel implements ProviderModel {
  readonly info = { key: 'a-model' }
  readonly device = 'cpu'
  readonly precision = 'int8'
  readonly embeddingDimension = DIMENSION
  readonly calls: { readonly texts: readonly string[]; readonly options: EncodeOptions }[] = []
  closed = 0
  failure: unknown

  encodeTexts(texts: readonly string[], options: EncodeOptions = {}): Promise<EncodedTexts> {
    this.calls.push({ texts, options })
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- tests reject with other things, too
    if (this.failure !== undefined) return Promise.reject(this.failure)
    const dimensions = options.embeddingDimension ?? DIMENSION
    return Promise.resolve({
      embeddings: texts.map(({ length }) => new Float32Array(dimensions).fill(length)),
      dimensions,
      tokens: texts.map(({ length }) => length),
      truncated: texts.map(({ length }) => length > 5),
      elapsedMs: 1,
    })
  }

  close(): Promise<void> {
    this.closed++
    return Promise.resolve()
  }
}

/** A provider of a fake model, which is there at once. */
function provide(options: StellaProviderOptions = {}): {
  readonly provider: StellaProvider
  readonly model: FakeModel
  readonly open: ReturnType<typeof vi.fn<(options: StellaModelOptions) => Promise<ProviderModel>>>
} {
  const model = new FakeModel()
  const open = vi.fn<(options: StellaModelOptions) => Promise<ProviderModel>>(() => Promise.resolve(model))
  return { provider: new StellaProvider(options, open), model, open }
}

function recorder() {
  return { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
}

describe('the model', () => {
  it('is opened by the first call, once, with the options of the provider', async () => {
    const { provider, open } = provide({ model: 'stella-en-400m-v5', maxSeqLen: 256, enable4bit: true })
    await settled()
    expect(open).not.toHaveBeenCalled()
    await Promise.all([provider.embed(['a']), provider.embedOne('b'), provider.info()])
    expect(open).toHaveBeenCalledTimes(1)
    expect(open.mock.calls[0]?.[0]).toMatchObject({
      ...{ model: 'stella-en-400m-v5', maxLength: 256, precision: 'int4' },
      signal: expect.any(AbortSignal) as AbortSignal,
    })
  })

  it('that could not be opened is opened by the next call', async () => {
    const { provider, open } = provide()
    const reason = new StellaError('MODEL_NOT_DOWNLOADED', 'fetch it')
    open.mockRejectedValueOnce(reason)
    const [first, second] = await Promise.all([
      failureOf(() => provider.embed(['a'])),
      failureOf(() => provider.embedOne('b')),
    ])
    expect([first, second]).toEqual([reason, reason])
    expect((await provider.embed(['a'])).embeddings).toHaveLength(1)
    expect(open).toHaveBeenCalledTimes(2)
  })

  it('that nobody waits for any more is given up, and closed where it comes all the same', async () => {
    const logger = recorder()
    const model = new FakeModel()
    const opened = gate<ProviderModel>()
    let given: AbortSignal | undefined
    const provider = new StellaProvider({ logger }, ({ signal }) => {
      given = signal
      return opened.promise
    })
    const controller = new AbortController()
    const gone = failureOf(() => provider.embed(['a'], { signal: controller.signal }))
    await settled()
    controller.abort()
    expect((await gone).code).toBe('ABORTED')
    expect(given?.aborted).toBe(true)
    opened.open(model)
    await settled()
    expect(model.closed).toBe(1)
    expect(logger.info).not.toHaveBeenCalled()
  })

  it('that was given up and failed is for the log', async () => {
    const logger = recorder()
    const opened = gate<ProviderModel>()
    const provider = new StellaProvider({ logger }, () => opened.promise)
    const controller = new AbortController()
    const gone = failureOf(() => provider.info({ signal: controller.signal }))
    await settled()
    controller.abort()
    await gone
    opened.fail(new StellaError('STORAGE_FAILED', 'disk full'))
    await settled()
    expect(logger.warn).toHaveBeenCalledExactlyOnceWith(
      { id: provider.id, problem: expect.objectContaining({ code: 'STORAGE_FAILED' }) as object },
      expect.any(String),
    )
  })

  it('is told of in the log, once it is loaded', async () => {
    const logger = recorder()
    const { provider } = provide({ logger })
    await provider.embed(['a'])
    await provider.embed(['b'])
    expect(logger.info).toHaveBeenCalledExactlyOnceWith(
      { id: 'stella-pool/stella-nano', model: 'a-model', precision: 'int8', device: 'cpu', dimension: DIMENSION },
      'embedding model loaded',
    )
  })

  it('is there even if the logger throws, which surfaces', async () => {
    const broken = new Error('the logger is broken')
    const logger = { ...recorder(), info: vi.fn().mockThrow(broken) }
    const { provider } = provide({ logger })
    const surfaced = await uncaughtDuring(() => provider.embed(['a']))
    expect(surfaced).toEqual([broken])
  })

  it('says what it is', async () => {
    const { provider } = provide()
    expect(await provider.info()).toEqual({ model: 'a-model', precision: 'int8', device: 'cpu', dimension: DIMENSION })
  })
})

describe('a call', () => {
  it('gives vectors in the standard form', async () => {
    const { provider } = provide()
    expect(await provider.embed(['a', 'longer'])).toEqual({
      embeddings: [new Float32Array([1, 1, 1, 1]), new Float32Array([6, 6, 6, 6])],
      dimension: DIMENSION,
      model: 'a-model',
      usage: { tokens: 7 },
      truncated: [false, true],
    })
  })

  it('of one text gives one vector', async () => {
    const { provider, model } = provide()
    expect(await provider.embedOne('longer')).toEqual({
      ...{ embedding: new Float32Array([6, 6, 6, 6]), dimension: DIMENSION, model: 'a-model' },
      ...{ usage: { tokens: 6 }, truncated: true },
    })
    expect(model.calls[0]?.options.lane).toBe('interactive')
  })

  it('of no texts gives none', async () => {
    const { provider } = provide()
    expect(await provider.embed([])).toMatchObject({ embeddings: [], usage: { tokens: 0 }, truncated: [] })
  })

  it.each([
    [undefined, 'document'],
    ['document', 'document'],
    ['query', 's2p'],
    ['similarity', 's2s'],
    ['own', 'own'],
  ])('of kind %s has the prompt of %s', async (kind, promptType) => {
    const { provider, model } = provide({ prompts: { own: 'Own: ' } })
    await provider.embed(['a'], { kind })
    expect(model.calls[0]?.options.promptType).toBe(promptType)
  })

  it('hands over dimension and signal', async () => {
    const { provider, model } = provide()
    const { signal } = new AbortController()
    expect((await provider.embed(['a'], { dimension: 2, signal })).dimension).toBe(2)
    expect(model.calls[0]?.options).toMatchObject({ embeddingDimension: 2, signal, lane: 'bulk' })
  })

  it('reads its texts at once, also where the model has yet to be loaded', async () => {
    const { provider, model } = provide()
    const texts = ['a', 'b']
    const call = provider.embed(texts)
    texts[0] = 'changed'
    texts.pop()
    await call
    expect(model.calls[0]?.texts).toEqual(['a', 'b'])
  })
})

describe('a mistake', () => {
  it.each<[string, string, unknown, unknown]>([
    ['texts that are none', 'INPUT_INVALID', 'a text', {}],
    ['a text that is none', 'INPUT_INVALID', ['a', 5], {}],
    ['a hole among texts', 'INPUT_INVALID', Array.from({ length: 2 }), {}],
    ['an empty text', 'INPUT_INVALID', ['a', ''], {}],
    ['an unknown kind', 'TASK_UNKNOWN', ['a'], { kind: 'passage' }],
    ['an unknown option', 'OPTION_INVALID', ['a'], { dimensions: 256 }],
    ['a signal that is none', 'OPTION_INVALID', ['a'], { signal: new AbortController() }],
    ['options that are none', 'OPTION_INVALID', ['a'], null],
  ])('such as %s is %s, before anything is loaded', async (_, code, texts, options) => {
    const { provider, open } = provide()
    const failure = await failureOf(() => provider.embed(texts as string[], options as ProviderEmbedOptions))
    expect(failure.code).toBe(code)
    expect(open).not.toHaveBeenCalled()
  })

  it('in a text says which', async () => {
    const { provider } = provide()
    expect((await failureOf(() => provider.embed(['a', '']))).details).toMatchObject({ index: 1 })
  })

  it('in the options of `info` is one, too', async () => {
    const { provider } = provide()
    const options = { kind: 'query' } as object
    expect((await failureOf(() => provider.info(options))).code).toBe('OPTION_INVALID')
  })

  it('in the options of the provider is told when it is made', async () => {
    expect((await failureOf(() => new StellaProvider({ enable4bit: true, precision: 'fp32' }))).code).toBe(
      'OPTION_INVALID',
    )
  })
})

describe('a failure', () => {
  it('of ours is told as it is, with its problem details', async () => {
    const { provider, model } = provide()
    model.failure = new StellaError('DIMENSIONS_UNSUPPORTED', 'only 256', { details: { dimensions: 3 } })
    const failure = await failureOf(() => provider.embed(['a'], { dimension: 3 }))
    expect(failure).toBe(model.failure)
    expect(failure.toProblemDetails()).toMatchObject({ status: 400, code: 'DIMENSIONS_UNSUPPORTED' })
  })

  it.each([[new TypeError('not ours')], ['not ours']])('of any other kind, such as %s, is INTERNAL', async (thrown) => {
    const { provider, model } = provide()
    model.failure = thrown
    const failure = await failureOf(() => provider.embed(['a']))
    expect(failure).toMatchObject({ code: 'INTERNAL', message: 'not ours', cause: thrown })
  })

  it('to open that is not ours is INTERNAL', async () => {
    const { provider, open } = provide()
    open.mockRejectedValueOnce(new Error('not ours'))
    expect((await failureOf(() => provider.info())).code).toBe('INTERNAL')
  })

  it('of a model that gives nothing for a text is one', async () => {
    const { provider, model } = provide()
    vi.spyOn(model, 'encodeTexts').mockResolvedValue({
      ...{ embeddings: [], dimensions: 4, tokens: [], truncated: [], elapsedMs: 0 },
    })
    expect((await failureOf(() => provider.embedOne('a'))).code).toBe('INTERNAL')
  })
})

describe('closing', () => {
  it('closes the model, once, and refuses calls', async () => {
    const { provider, model } = provide()
    await provider.embed(['a'])
    await Promise.all([provider.close(), provider.close()])
    await provider[Symbol.asyncDispose]()
    expect(model.closed).toBe(1)
    for (const call of [() => provider.embed(['a']), () => provider.embedOne('a'), () => provider.info()]) {
      expect(await failureOf(call)).toMatchObject({
        code: 'POOL_CLOSED',
        message: expect.stringContaining('stella-pool/stella-nano') as string,
      })
    }
  })

  it('of one that was never used opens nothing', async () => {
    const { provider, open } = provide()
    await provider.close()
    expect(open).not.toHaveBeenCalled()
  })

  it('waits for the load under way, serves who waits, and closes what was loaded', async () => {
    const model = new FakeModel()
    const opened = gate<ProviderModel>()
    const provider = new StellaProvider({}, () => opened.promise)
    const call = provider.embed(['a'])
    await settled()
    const closing = provider.close()
    opened.open(model)
    expect((await call).embeddings).toHaveLength(1)
    await closing
    expect(model.closed).toBe(1)
  })

  it('that fails says so, as an error of ours', async () => {
    const { provider, model } = provide()
    await provider.embed(['a'])
    vi.spyOn(model, 'close').mockRejectedValue(new Error('stuck'))
    expect(await failureOf(() => provider.close())).toMatchObject({ code: 'INTERNAL', message: 'stuck' })
  })
})

describe('a provider on a pool that is there', () => {
  it('runs on it, and leaves it open', async () => {
    await using pool = await createFakePool({ memory: '2GB' })
    const provider: EmbeddingProvider = new StellaProvider({ pool })
    const { embeddings, dimension } = await provider.embed(['one text', 'one text', 'another'], { dimension: 256 })
    expect(dimension).toBe(256)
    expect(embeddings[0]).toEqual(embeddings[1])
    expect(embeddings[0]).not.toEqual(embeddings[2])
    await provider.close()
    expect(pool.stats().closed).toBe(false)
  })

  it('puts the prompt of the kind before each text', async () => {
    await using pool = await createFakePool({ memory: '2GB' })
    await using provider = new StellaProvider({ pool, prompts: { own: 'mine ' } })
    const tokens = async (kind: string): Promise<number> => (await provider.embedOne('word', { kind })).usage.tokens
    const alone = await tokens('document')
    expect(await tokens('own')).toBeGreaterThan(alone)
    expect(await tokens('similarity')).toBeGreaterThan(await tokens('own'))
    expect(await tokens('query')).toBeGreaterThan(await tokens('similarity'))
  })

  it('says what the pool fails with', async () => {
    await using pool = await createFakePool({ memory: '2GB' })
    await using provider = new StellaProvider({ pool })
    pool.fake.failLoads('MODEL_NOT_DOWNLOADED')
    expect((await failureOf(() => provider.embed(['a']))).code).toBe('MODEL_NOT_DOWNLOADED')
    pool.fake.failText('poison')
    expect(await failureOf(() => provider.embed(['fine', 'poison']))).toMatchObject({ details: { index: 1 } })
  })
})
