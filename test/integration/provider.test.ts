/** The provider on the embedded model, with real worker threads, which run from `dist`. */
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { afterAll, describe, expect, it, vi } from 'vitest'

import { goldenCheckpoint } from '../golden/golden-file.js'
import { StellaProvider } from '../../src/provider/stella-provider.js'
import { tryEmbed } from '../../src/provider/try-embed.js'
import type { StellaProviderOptions } from '../../src/provider/provider-options.js'
import { cosineSimilarity } from '../../src/vectors/similarity.js'
import { failureOf } from '../support/failure.js'
import { temporaryFolder } from '../support/temp-folder.js'

/** The same text twice in one call: float32 rounding apart, if at all. */
const SAME_TEXT_COSINE = 1 - 1e-6

/** Length of a normalised vector. */
const UNIT = 1e-5

/** Slow tests are asked for: `STELLA_SLOW_TESTS=1 npx vitest run test/integration/provider.test.ts`. */
const SLOW = process.env['STELLA_SLOW_TESTS'] === '1'

const temporary = temporaryFolder()
const home = join(temporary.path, 'home')

afterAll(() => temporary.remove())

function provide(options: StellaProviderOptions = {}): StellaProvider {
  return new StellaProvider({ home, memory: '2GB', workers: 1, threads: 1, ...options })
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}

describe('the embedded model', () => {
  it('is loaded by its first use, and says what it is', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    await using provider = provide({ logger, device: 'cpu' })
    const info = await provider.info()
    expect(info).toEqual({ model: 'stella-nano', precision: 'fp32', device: 'cpu', dimension: 256 })
    expect(logger.info).toHaveBeenCalledWith({ id: 'stella-pool/stella-nano', ...info }, 'embedding model loaded')
    expect(logger.warn).not.toHaveBeenCalled()
  })

  it('gives vectors of one size, which are those it says', async () => {
    await using provider = provide()
    const { dimension } = await provider.info()
    const texts = ['a', 'two words', 'x '.repeat(300), 'Ünïcödé 漢字']
    const { embeddings, ...rest } = await provider.embed(texts)
    expect(embeddings.map(({ length }) => length)).toEqual(texts.map(() => dimension))
    expect(rest).toMatchObject({ dimension, model: 'stella-nano', truncated: [false, false, false, false] })
    for (const vector of embeddings) expect(Math.abs(lengthOf(vector) - 1)).toBeLessThan(UNIT)
    expect((await provider.embedOne('a', { dimension: 512 })).embedding).toHaveLength(512)
    expect((await failureOf(() => provider.embed(['a'], { dimension: 3 }))).code).toBe('DIMENSIONS_UNSUPPORTED')
  })

  it('gives a text twice the same vector, and another text another', async () => {
    await using provider = provide()
    const { embeddings } = await provider.embed(['A cat sleeps.', 'A cat sleeps.', 'Rates were raised.'])
    const [one, same, other] = embeddings
    expect(cosineSimilarity(one ?? [], same ?? [])).toBeGreaterThanOrEqual(SAME_TEXT_COSINE)
    expect(cosineSimilarity(one ?? [], other ?? [])).toBeLessThan(SAME_TEXT_COSINE)
    const { embedding } = await provider.embedOne('A cat sleeps.')
    expect(cosineSimilarity(one ?? [], embedding)).toBeGreaterThanOrEqual(SAME_TEXT_COSINE)
  })

  it('puts another prompt before each kind of text', async () => {
    await using provider = provide({ prompts: { discriminative: 'Instruct: Tell apart.\nQuery: ' } })
    const kinds = ['document', 'query', 'similarity', 'discriminative']
    const all = await Promise.all(kinds.map((kind) => provider.embedOne('A cat sleeps.', { kind })))
    expect(new Set(all.map(({ embedding }) => embedding.join())).size).toBe(kinds.length)
    const lengths = all.map(({ usage }) => usage.tokens)
    expect(Math.min(...lengths)).toBe(lengths[0])
  })

  it('cuts at maxSeqLen, and says so', async () => {
    await using provider = provide({ maxSeqLen: 8, normalize: false })
    const { truncated, usage, embeddings } = await provider.embed(['short', 'one two three four five six seven eight'])
    expect(truncated).toEqual([false, true])
    expect(usage.tokens).toBeLessThanOrEqual(16)
    expect(Math.abs(lengthOf(embeddings[1] ?? new Float32Array()) - 1)).toBeGreaterThan(UNIT)
  })

  it('is int4 where 4 bits are asked for', async () => {
    await using provider = provide({ enable4bit: true })
    expect(await provider.info()).toMatchObject({ precision: 'int4', device: 'cpu', dimension: 256 })
    const { embeddings } = await provider.embed(['A cat sleeps.', 'A cat sleeps.'])
    expect(cosineSimilarity(embeddings[0] ?? [], embeddings[1] ?? [])).toBeGreaterThanOrEqual(SAME_TEXT_COSINE)
  })

  it('comes from a folder in the Hugging Face layout, too', async () => {
    await using provider = provide({ path: goldenCheckpoint('new-tiny') })
    expect(provider.id).toBe('stella-pool/checkpoint')
    expect((await provider.info()).dimension).toBe((await provider.embedOne('a')).embedding.length)
  })

  it('is given up with the call that waits for it, and loaded by the next', async () => {
    await using provider = provide({ home: join(temporary.path, 'another-home') })
    const controller = new AbortController()
    const gone = failureOf(() => provider.embed(['a'], { signal: controller.signal }))
    controller.abort()
    expect((await gone).code).toBe('ABORTED')
    expect((await provider.embed(['a'])).embeddings).toHaveLength(1)
  })

  it('is loaded, served and closed by calls and a close in one turn', async () => {
    const provider = provide()
    const calls = [provider.embed(['a']), provider.embed(['b'])]
    const closing = provider.close()
    expect((await Promise.all(calls)).map(({ embeddings }) => embeddings.length)).toEqual([1, 1])
    await closing
    expect((await failureOf(() => provider.embed(['a']))).code).toBe('POOL_CLOSED')
  })
})

describe('what cannot be loaded', () => {
  it('offline and not downloaded is a problem that says what to do, each time it is tried', async () => {
    const hub = {
      cacheDir: join(temporary.path, 'no-hub'),
      endpoint: 'http://127.0.0.1:9',
      token: undefined,
      offline: true,
    }
    await using provider = provide({ model: 'stella-en-1.5b-v5', enable4bit: true, memory: '16GB', hub })
    const outcomes = [await tryEmbed(provider, ['a']), await tryEmbed(provider, ['a'], { kind: 'query' })]
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        ok: false,
        problem: {
          type: 'urn:stella-pool:error:model-not-downloaded',
          title: 'Model not downloaded',
          status: 409,
          code: 'MODEL_NOT_DOWNLOADED',
          detail: expect.stringContaining('stella pull stella-en-1.5b-v5') as string,
        },
      })
    }
  })

  it('of an unknown name is a problem', async () => {
    await using provider = provide({ model: 'stela-nano' })
    expect(await tryEmbed(provider, ['a'])).toMatchObject({
      ok: false,
      problem: { code: 'MODEL_UNKNOWN', status: 404 },
    })
  })

  it('on a device that this platform’s engine does not have says which it has', async () => {
    const device = process.platform === 'darwin' ? 'dml' : 'coreml'
    await using provider = provide({ device })
    const outcome = await tryEmbed(provider, ['a'])
    expect(outcome).toMatchObject({
      ok: false,
      problem: {
        code: 'OPTION_INVALID',
        details: { option: 'device', accepted: expect.arrayContaining(['auto', 'cpu']) as string[] },
      },
    })
  })

  it('in less memory than it takes is a problem', async () => {
    await using provider = provide({ memory: '1MB' })
    expect(await tryEmbed(provider, ['a'])).toMatchObject({ ok: false, problem: { code: 'MEMORY_EXHAUSTED' } })
  })
})

describe.skipIf(!SLOW)('for a long time', () => {
  const ROUNDS = 90
  const TEXTS = Array.from({ length: 128 }, (_, index) => `text ${index} ${'and more '.repeat(index % 16)}`)

  /** A machine that is slower than this by far has something wrong with it. */
  const LEAST_TEXTS_PER_SECOND = 100

  /** What rounding of allocators may come to over the last thirty rounds, in bytes. */
  const MOST_GROWTH = 8e6

  it('it is fast enough, and takes no more and more memory', { timeout: 600_000 }, async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    await using provider = provide()
    await provider.embed(TEXTS)
    const resident: number[] = []
    let elapsed = 0
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now()
      await provider.embed(TEXTS, { kind: round % 2 === 0 ? 'query' : 'document' })
      elapsed += performance.now() - started
      collect()
      resident.push(process.memoryUsage.rss())
    }
    const rate = (ROUNDS * TEXTS.length * 1000) / elapsed
    const third = ROUNDS / 3
    const growth = median(resident.slice(-third)) - median(resident.slice(third, 2 * third))
    console.info(`${rate.toFixed(0)} texts/s; ${(growth / 1e6).toFixed(1)} MB more after ${third * TEXTS.length} texts`)
    expect(rate).toBeGreaterThan(LEAST_TEXTS_PER_SECOND)
    expect(growth).toBeLessThan(MOST_GROWTH)
  })
})

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
