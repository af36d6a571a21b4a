import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { StellaModelOptions } from '../../src/model/stella-model-options.js'
import { StellaModel } from '../../src/model/stella-model.js'
import { EmbeddingPool } from '../../src/pool/embedding-pool.js'
import { STELLA_NANO } from '../../registry/index.js'
import { cosineSimilarity } from '../../src/vectors/similarity.js'

const OWN = { workers: 1, threads: 1, memory: '2GB' } as const

describe('a model of its own pool', () => {
  let model: StellaModel

  beforeAll(async () => {
    model = await StellaModel.open({ ...OWN, prompts: { discriminative: 'Instruct: Tell apart.\nQuery: ' } })
  })

  afterAll(async () => {
    await model.close()
  })

  it('says what was loaded', () => {
    expect(model).toMatchObject({ info: { key: STELLA_NANO.key }, device: 'cpu', embeddingDimension: 256 })
    expect(model.stats().loadMs).toBeGreaterThan(0)
  })

  it('encodes texts in their order, more than are under way at once', async () => {
    const texts = Array.from({ length: 50 }, (_, i) => `text ${'long '.repeat((i * 7) % 40)}${i}`)
    const seen: number[] = []
    const all = await model.encodeTexts(texts, { onProgress: ({ done }) => seen.push(done) })
    expect(all.embeddings).toHaveLength(50)
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
    const [alone] = (await model.encodeTexts([texts[37] ?? ''])).embeddings
    expect(cosineSimilarity(alone ?? [], all.embeddings[37] ?? [])).toBeCloseTo(1, 6)
    expect(all.tokens[37]).toBeGreaterThan(all.tokens[0] ?? 0)
  })

  it('encodes no texts to none', async () => {
    expect(await model.encodeTexts([])).toMatchObject({ embeddings: [], tokens: [], truncated: [] })
  })

  it('takes another dimension, prompt and length for one call', async () => {
    const { embeddings, dimensions, truncated } = await model.encodeTexts(['one two three four five six seven'], {
      ...{ embeddingDimension: 512, promptType: 'document', maxLength: 6, normalizeEmbeddings: false },
    })
    expect(dimensions).toBe(512)
    expect(embeddings[0]).toHaveLength(512)
    expect(truncated).toEqual([true])
  })

  it('finds a text like itself', async () => {
    const same = await model.computeSimilarity('A cat sleeps.', 'A cat sleeps.')
    expect(same.cosineSimilarity).toBeCloseTo(1, 6)
    expect(same.normalizedCosine).toBeCloseTo(1, 6)
    expect(same.metadata).toMatchObject({
      ...{ model: STELLA_NANO.key, promptType: 's2s', embeddingDimension: 256, maxLength: 512 },
      truncated: [false, false],
    })
  })

  it('has a normalised cosine of (cosine + 1) / 2, and the same vectors as the prompt by name', async () => {
    const own = await model.computeSimilarity('a', 'something else', { promptType: 'discriminative' })
    expect(own.normalizedCosine).toBe((own.cosineSimilarity + 1) / 2)
    const { embeddings } = await model.encodeTexts(['a', 'something else'], { promptType: 'discriminative' })
    expect(own.cosineSimilarity).toBeCloseTo(cosineSimilarity(embeddings[0] ?? [], embeddings[1] ?? []), 6)
    expect(own.metadata.promptType).toBe('discriminative')
  })

  it('fails with an error and no score, naming the text', async () => {
    await expect(model.computeSimilarity('fine', '')).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      details: { index: 1 },
    })
    await expect(model.encodeTexts(['fine', 'fine', ''])).rejects.toMatchObject({ details: { index: 2 } })
    expect(model.stats().failures).toBe(2)
  })

  it.each([['a text'], [undefined], [{ length: 1 }]])('refuses %j for texts', async (texts) => {
    await expect(model.encodeTexts(texts as unknown as string[])).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })

  it('refuses options that it does not have', async () => {
    const options = { task: 's2p' } as object
    await expect(model.encodeTexts(['x'], options)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(model.encodeTexts(['x'], { promptType: 'nope' })).rejects.toMatchObject({ code: 'TASK_UNKNOWN' })
  })

  it('names wrong options as it calls them, before anything is embedded', async () => {
    const { texts } = model.stats()
    const wrong = { onProgress: 5 } as object
    await expect(model.encodeTexts(['x'], wrong)).rejects.toMatchObject({ details: { option: 'onProgress' } })
    await expect(model.computeSimilarity('x', 'y', wrong)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    const normalize = { normalizeEmbeddings: 'no' } as object
    for (const call of [model.encodeTexts(['x'], normalize), model.computeSimilarity('x', 'y', normalize)]) {
      await expect(call).rejects.toMatchObject({ details: { option: 'normalizeEmbeddings' } })
    }
    expect(model.stats().texts).toBe(texts)
  })

  it('gives up on the result, and goes on', async () => {
    const gone = AbortSignal.abort()
    await expect(model.encodeTexts(['x'], { signal: gone })).rejects.toMatchObject({ code: 'ABORTED' })
    expect((await model.encodeTexts(['x'])).embeddings).toHaveLength(1)
  })
})

describe('opening a model', () => {
  it.each<[string, StellaModelOptions, string]>([
    ['an unknown model', { model: 'nope' }, 'MODEL_UNKNOWN'],
    ['a model and a folder', { model: STELLA_NANO, path: '/x' }, 'OPTION_INVALID'],
    ['a folder that is none', { path: '/nowhere/at/all' }, 'CHECKPOINT_INVALID'],
    ['a batch of none', { batchSize: 0 }, 'OPTION_INVALID'],
    ['an unknown prompt type', { promptType: 'query' }, 'TASK_UNKNOWN'],
    ['a dimension that the model lacks', { embeddingDimension: 3 }, 'DIMENSIONS_UNSUPPORTED'],
    ['a length above the limit', { maxLength: 1e6 }, 'OPTION_INVALID'],
    ['an unknown device', { device: 'tpu' as 'cpu' }, 'OPTION_INVALID'],
    ['null for a model', { model: null } as unknown as StellaModelOptions, 'OPTION_INVALID'],
    ['a registry that is none', { registry: {} } as StellaModelOptions, 'OPTION_INVALID'],
    ['a misspelt option', { batch_size: 16 } as StellaModelOptions, 'OPTION_INVALID'],
    ['a memory too small', { memory: '1MB' }, 'MEMORY_EXHAUSTED'],
    ['a signal that is gone', { signal: AbortSignal.abort() }, 'ABORTED'],
  ])('refuses %s', async (_, options, code) => {
    await expect(StellaModel.open(options)).rejects.toMatchObject({ code })
  })

  it('has no other way', () => {
    const Open = StellaModel as unknown as new (...given: unknown[]) => StellaModel
    expect(() => new Open()).toThrow(expect.objectContaining({ code: 'MODEL_NOT_LOADED' }))
  })

  it.each([true, false])('serves the calls under way when it is closed; on a pool of its own: %s', async (isOwn) => {
    const pool = isOwn ? undefined : await EmbeddingPool.open({ ...OWN, maxLength: 64 })
    const model = await StellaModel.open(pool === undefined ? { ...OWN, maxLength: 64 } : { pool })
    const texts = Array.from({ length: 1000 }, (_, i) => `text ${i}`)
    let isServed = false
    const encoded = model.encodeTexts(texts).finally(() => (isServed = true))
    await Promise.all([model.close(), model.close()])
    expect(isServed).toBe(true)
    expect((await encoded).embeddings).toHaveLength(1000)
    await pool?.close()
  })

  it('tells at which length the pool that it runs on cuts', async () => {
    const pool = await EmbeddingPool.open({ ...OWN, maxLength: 64 })
    try {
      const model = await StellaModel.open({ pool })
      const { metadata } = await model.computeSimilarity('long '.repeat(200), 'b')
      expect(metadata).toMatchObject({ maxLength: 64, tokens: [64, expect.any(Number)], truncated: [true, false] })
    } finally {
      await pool.close()
    }
  })

  it('runs on a pool that is there, and leaves it open', async () => {
    const pool = await EmbeddingPool.open({ ...OWN, maxLength: 512 })
    try {
      const model = await StellaModel.open({ pool, model: STELLA_NANO, embeddingDimension: 512 })
      expect((await model.computeSimilarity('a', 'b')).metadata.embeddingDimension).toBe(512)
      await model.close()
      await expect(model.computeSimilarity('a', 'b')).rejects.toMatchObject({ code: 'POOL_CLOSED' })
      expect((await pool.embed(STELLA_NANO, 'still here')).embedding).toHaveLength(256)
      await expect(StellaModel.open({ pool, workers: 2 })).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        details: { options: ['workers'] },
      })
    } finally {
      await pool.close()
    }
  })
})
