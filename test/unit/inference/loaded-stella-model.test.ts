import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { STELLA_NANO } from '../../../registry/index.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import { TensorReader } from '../../../src/files/safetensors.js'
import type { LoadOptions } from '../../../src/inference/loaded-stella-model.js'
import { LoadedStellaModel, assertLoaded } from '../../../src/inference/loaded-stella-model.js'
import type { PackedTexts } from '../../../src/packed/packing.js'
import { goldenCheckpoint, maxAbs } from '../../golden/golden-file.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { copyOfTiny } from '../../support/tiny-checkpoint.js'

/** One vector normalised in the engine and one here: both round once. */
const NORMALISED_TOLERANCE = 1e-6

const temporary = temporaryFolder()
const home = join(temporary.path, 'home')
let info: StellaModelInfo

beforeAll(async () => {
  info = await describeCheckpoint(goldenCheckpoint('new-tiny'), { key: 'tiny' })
})
afterAll(() => temporary.remove())

const load = (options: LoadOptions = {}) => LoadedStellaModel.load(info, { home, threads: 1, ...options })

describe('a loaded model', () => {
  let model: LoadedStellaModel
  beforeAll(async () => {
    model = await load()
  })
  afterAll(() => model.close())

  it('says what it is, where it came from, and how long it took', () => {
    expect(model.info).toBe(info)
    expect(model.artefact.startsWith(join(home, 'artefacts', 'tiny'))).toBe(true)
    expect(model.loadMs).toBeGreaterThan(0)
  })

  it('embeds a text as a batch of one', async () => {
    const { embedding, ...rest } = await model.embed('the quick brown fox')
    const batch = await model.batchEmbed(['the quick brown fox'])
    expect(batch.embeddings[0]).toEqual(embedding)
    expect(rest).toEqual({ dimensions: 256, usage: batch.usage, truncated: false })
    expect(Math.hypot(...embedding)).toBeCloseTo(1, 6)
  })

  it('serves any head per call', async () => {
    for (const dimensions of [64, 256, 64]) {
      const { embedding, dimensions: told } = await model.embed('fox', { dimensions })
      expect([embedding.length, told]).toEqual([dimensions, dimensions])
    }
  })

  it('has heads of their own: a small one is no slice of a larger', async () => {
    const small = await model.embed('fox', { dimensions: 64, normalize: false })
    const large = await model.embed('fox', { dimensions: 256, normalize: false })
    expect(maxAbs(small.embedding, large.embedding.slice(0, 64))).toBeGreaterThan(0.1)
  })

  it('gives with normalize: false what becomes the other by division by its length', async () => {
    for (const dimensions of [64, 256]) {
      const raw = await model.embed('the quick brown fox', { dimensions, normalize: false })
      const unit = await model.embed('the quick brown fox', { dimensions })
      const length = Math.hypot(...raw.embedding)
      expect(Math.abs(length - 1)).toBeGreaterThan(0.1)
      const divided = raw.embedding.map((value) => value / length)
      expect(maxAbs(divided, unit.embedding)).toBeLessThanOrEqual(NORMALISED_TOLERANCE)
    }
  })

  it('gives the same for a task as for its prompt, and another vector than without', async () => {
    const prompt = 'Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: '
    const [asTask, asPrompt, asText, plain] = await Promise.all([
      model.embed('fox', { task: 's2p_query' }),
      model.embed('fox', { prompt }),
      model.embed(`${prompt}fox`),
      model.embed('fox'),
    ])
    expect(asPrompt.embedding).toEqual(asTask.embedding)
    expect(asText.embedding).toEqual(asTask.embedding)
    expect(maxAbs(plain.embedding, asTask.embedding)).toBeGreaterThan(0.01)
  })

  it('embeds at once what is asked at once, and each as if alone', async () => {
    const texts = Array.from({ length: 30 }, (_, index) => `text ${'fox '.repeat(index)}`)
    const alone = []
    for (const text of texts) alone.push((await model.embed(text, { dimensions: 64 })).embedding)
    const together = await Promise.all(texts.map((text) => model.embed(text, { dimensions: 64 })))
    expect(together.map((result) => result.embedding)).toEqual(alone)
  })

  it('refuses options and inputs by name', async () => {
    expect((await failureOf(() => model.embed('fox', { dimensions: 1024 }))).code).toBe('DIMENSIONS_UNSUPPORTED')
    expect((await failureOf(() => model.embed('fox', null as never))).code).toBe('OPTION_INVALID')
    expect((await failureOf(() => model.embed(''))).code).toBe('INPUT_INVALID')
    expect((await failureOf(() => model.embed(undefined as unknown as string))).code).toBe('INPUT_INVALID')
    expect((await failureOf(() => model.embed(['fox'] as unknown as string))).message).toContain('got an array')
    expect((await failureOf(() => model.batchEmbed('fox' as unknown as string[]))).code).toBe('INPUT_INVALID')
  })

  it('stops between two runs when it is aborted: a timer finds its way in', async () => {
    const runs = 200
    const inputs = Array.from({ length: runs }, () => new Int32Array(512).fill(7))
    const onProgress = vi.fn()
    const controller = new AbortController()
    setTimeout(() => {
      controller.abort()
    }, 1)
    const error = await failureOf(() => model.batchEmbed(inputs, { signal: controller.signal, onProgress }))
    expect(error.code).toBe('ABORTED')
    expect(onProgress.mock.calls.length).toBeLessThan(runs)
    expect((await model.embed('fox')).embedding).toHaveLength(256)
  })

  it('whose progress listener throws rejects with that, after all runs', async () => {
    const reports: number[] = []
    const failure = new Error('listener')
    const inputs = Array.from({ length: 5 }, () => new Int32Array(512).fill(7))
    const call = model.batchEmbed(inputs, {
      onProgress: ({ done }) => {
        reports.push(done)
        throw failure
      },
    })
    await expect(call).rejects.toBe(failure)
    expect(reports).toEqual([1, 2, 3, 4, 5])
  })

  describe('given a packed batch', () => {
    const options = { dimensions: 64, normalize: true }
    const batch = (ids: readonly number[], lengths: readonly number[]): PackedTexts => {
      return { ids: Int32Array.from(ids), lengths: Int32Array.from(lengths) }
    }

    it('gives row after row', async () => {
      const slab = await model.embedTokens(batch([2, 50, 3, 2, 51, 52, 3], [3, 4]), options)
      const first = await model.embed(Int32Array.of(2, 50, 3), options)
      const second = await model.embed(Int32Array.of(2, 51, 52, 3), options)
      expect(maxAbs(slab.slice(0, 64), first.embedding)).toBeLessThanOrEqual(NORMALISED_TOLERANCE)
      expect(maxAbs(slab.slice(64), second.embedding)).toBeLessThanOrEqual(NORMALISED_TOLERANCE)
    })

    it.each([
      ['an id past the table', batch([2, 196], [2])],
      // Read as the table's last row, it would give a wrong vector and no error.
      ['a negative id', batch([2, -1], [2])],
      ['lengths that do not add up', batch([2, 3, 4], [2])],
      ['an empty text', batch([2, 3], [2, 0])],
      ['no text', batch([], [])],
    ])('refuses %s before the engine sees it', async (_, packed) => {
      expect((await failureOf(() => model.embedTokens(packed, options))).code).toBe('INPUT_INVALID')
    })

    it.each([0, -1, 7, Number.NaN])('refuses %s dimensions', async (dimensions) => {
      const error = await failureOf(() => model.embedTokens(batch([2, 3], [2]), { dimensions, normalize: true }))
      expect(error.code).toBe('DIMENSIONS_UNSUPPORTED')
    })
  })
})

describe('a vector that is not finite', () => {
  /** A token whose embedding row is NaN. */
  const BROKEN_ID = 77
  let model: LoadedStellaModel

  beforeAll(async () => {
    const folder = await copyOfTiny(temporary.path, 'new-tiny')
    await using reader = await TensorReader.open(folder)
    const table = reader.entry('new.embeddings.word_embeddings.weight')
    const row = (table?.start ?? Number.NaN) + BROKEN_ID * info.architecture.hidden * 4
    const weights = await readFile(join(folder, 'model.safetensors'))
    weights.writeFloatLE(Number.NaN, row)
    await writeFile(join(folder, 'model.safetensors'), weights)
    const broken = await describeCheckpoint(folder, { key: 'broken' })
    model = await LoadedStellaModel.load(broken, { home, threads: 1 })
  })
  afterAll(() => model.close())

  it.each([true, false])('is never returned (normalize: %s)', async (normalize) => {
    const error = await failureOf(() => model.embed(Int32Array.of(2, BROKEN_ID, 3), { normalize }))
    expect(error.code).toBe('INTERNAL')
    expect(error.message).toContain('broken gave a vector that is not finite')
  })

  it('does no harm to other texts, before and after', async () => {
    await using sound = await load()
    const ids = Int32Array.of(2, 50, 60, 3)
    const expected = (await sound.embed(ids)).embedding
    expect((await model.embed(ids)).embedding).toEqual(expected)
    await failureOf(() => model.batchEmbed([ids, Int32Array.of(2, BROKEN_ID, 3)]))
    expect((await model.embed(ids)).embedding).toEqual(expected)
  })

  it('ends the call: no run starts after the one that failed', async () => {
    const onProgress = vi.fn()
    const full = (id: number): Int32Array => new Int32Array(512).fill(id)
    const inputs = [full(50), full(BROKEN_ID), full(51), full(52)]
    expect((await failureOf(() => model.batchEmbed(inputs, { onProgress }))).code).toBe('INTERNAL')
    expect(onProgress).toHaveBeenCalledExactlyOnceWith({ done: 1, total: 4 })
  })
})

describe('closing', () => {
  it('twice or at once is fine, and later calls are refused and say what to do', async () => {
    const model = await load()
    await Promise.all([model.close(), model.close()])
    await model.close()
    for (const call of [
      () => model.embed('fox'),
      () => model.batchEmbed(['fox', 'river']),
      () =>
        model.embedTokens({ ids: Int32Array.of(2), lengths: Int32Array.of(1) }, { dimensions: 64, normalize: true }),
    ]) {
      const error = await failureOf(call)
      expect(error.code).toBe('POOL_CLOSED')
      expect(error.message).toContain('tiny was closed; load it again')
    }
  })

  it('waits for the runs under way', async () => {
    const model = await load()
    const ids = new Int32Array(400).fill(9)
    const run = model.embedTokens({ ids, lengths: Int32Array.of(400) }, { dimensions: 64, normalize: true })
    await model.close()
    expect(await run).toHaveLength(64)
  })

  it('comes by itself at the end of `await using`', async () => {
    let left: LoadedStellaModel | undefined
    {
      await using model = await load()
      left = model
      await model.embed('fox')
    }
    expect((await failureOf(() => left.embed('fox'))).code).toBe('POOL_CLOSED')
  })

  it('leaves another model of the same artefact alone', async () => {
    await using other = await load()
    const model = await load()
    await model.close()
    expect((await other.embed('fox')).embedding).toHaveLength(256)
  })
})

describe('a descriptor is no loaded model', () => {
  const RIGHT_WAY = 'Use `pool.embed(model, text)` of an EmbeddingPool, or `await LoadedStellaModel.load(model)`'
  const prototype = LoadedStellaModel.prototype
  const asModel = STELLA_NANO as unknown as LoadedStellaModel

  it.each([
    ['embed', () => prototype.embed.call(asModel, 'x')],
    ['batchEmbed', () => prototype.batchEmbed.call(asModel, ['x'])],
    ['embedTokens', () => prototype.embedTokens.call(asModel, {} as PackedTexts, { dimensions: 1, normalize: true })],
    ['close', () => prototype.close.call(asModel)],
  ])('%s on one says how to load it', async (_, call) => {
    const error = await failureOf(call)
    expect(error.code).toBe('MODEL_NOT_LOADED')
    expect(error.message).toContain('`stella-nano` is a descriptor: it says what the model is and cannot run')
    expect(error.message).toContain(RIGHT_WAY)
  })

  it('and none can be made of one: there is no way around load', async () => {
    const Constructor = LoadedStellaModel as unknown as new (...parts: unknown[]) => LoadedStellaModel
    class Derived extends Constructor {}
    for (const make of [
      () => new Constructor(),
      () => new Constructor(Symbol('load'), { info: STELLA_NANO }),
      () => new Derived(),
      () => Reflect.construct(LoadedStellaModel, [STELLA_NANO]) as unknown,
    ]) {
      const error = await failureOf(make)
      expect(error.code).toBe('MODEL_NOT_LOADED')
      expect(error.message).toContain(RIGHT_WAY)
    }
  })

  it('assertLoaded tells them apart', async () => {
    for (const value of [STELLA_NANO, undefined, null, {}, Object.create(prototype), () => undefined]) {
      expect(LoadedStellaModel.is(value)).toBe(false)
      const error = await failureOf(() => {
        assertLoaded(value)
      })
      expect(error.code).toBe('MODEL_NOT_LOADED')
      expect(error.message).toContain(RIGHT_WAY)
    }
    await using model = await load()
    expect(LoadedStellaModel.is(model)).toBe(true)
    assertLoaded(model)
  })
})
