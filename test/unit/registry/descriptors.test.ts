/** What holds for every descriptor, and the facts of the built-in ones. */
import { describe, expect, it } from 'vitest'

import { BUILT_IN_MODELS, DEFAULT_MODEL, STELLA_EN_1_5B_V5, STELLA_EN_400M_V5 } from '../../../registry/index.js'

/** Every object and value inside `value`, itself first. */
function* within(value: unknown): Generator {
  yield value
  if (typeof value !== 'object' || value === null) return
  for (const key of Reflect.ownKeys(value)) yield* within(Reflect.get(value, key))
}

describe.each(BUILT_IN_MODELS.map((info) => [info.key, info] as const))('the descriptor %s', (_, info) => {
  it('is frozen all the way down', () => {
    for (const part of within(info)) expect(Object.isFrozen(part)).toBe(true)
    expect(() => Object.assign(info, { key: 'other' })).toThrow(TypeError)
    expect(() => Object.assign(info.architecture, { layers: 1 })).toThrow(TypeError)
    expect(() => (info.heads as unknown[]).push(1)).toThrow(TypeError)
  })

  it('holds no function and nothing but JSON', () => {
    for (const part of within(info)) {
      expect(['object', 'string', 'number', 'boolean']).toContain(typeof part)
      if (typeof part === 'number') expect(Number.isFinite(part)).toBe(true)
    }
  })

  it('survives structuredClone and JSON unchanged', () => {
    expect(structuredClone(info)).toEqual(info)
    expect(JSON.parse(JSON.stringify(info))).toEqual(info)
  })

  it('cannot embed: nothing in it is callable', () => {
    for (const name of ['embed', 'batchEmbed', 'load', 'run']) expect(name in info).toBe(false)
  })

  it('has its heads in ascending order, a default among them, and parameters for each', () => {
    const sizes = info.heads.map((head) => head.dimensions)
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b))
    expect(new Set(sizes).size).toBe(sizes.length)
    expect(sizes).toContain(info.defaultDimensions)
    expect(info.parameters.heads).toEqual(sizes.map((size) => size * (info.architecture.hidden + 1)))
  })

  it('has token limits the positions reach', () => {
    expect(info.tokens.recommended).toBeLessThanOrEqual(info.tokens.max)
    expect(info.tokens.max).toBeLessThanOrEqual(info.architecture.maxPositions)
  })

  it('lists files by safe relative paths, each once', () => {
    const paths = info.files.map((file) => file.path)
    expect(new Set(paths).size).toBe(paths.length)
    for (const path of paths) expect(path).toMatch(/^[\w.-]+(\/[\w.-]+)*$/)
    expect(paths).toEqual(expect.arrayContaining(['config.json', 'tokenizer.json', 'model.safetensors']))
    for (const { sha256 } of info.files) expect(sha256 ?? '0'.repeat(64)).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('the prompts of both Stella models', () => {
  // Letter for letter from config_sentence_transformers.json, which is the same in both repositories.
  const S2P = 'Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: '
  const S2S = 'Instruct: Retrieve semantically similar text.\nQuery: '

  it.each([STELLA_EN_400M_V5, STELLA_EN_1_5B_V5])('of $key are the published ones, to the byte', ({ prompts }) => {
    expect(prompts).toEqual({ s2p_query: S2P, s2s_query: S2S, document: '' })
    expect(prompts.s2p_query).toMatch(/[^ ] $/)
    expect(prompts.s2s_query).toMatch(/[^ ] $/)
  })
})

describe('the two variants', () => {
  it('have the shapes of their config.json', () => {
    expect(STELLA_EN_400M_V5.architecture).toEqual({
      kind: 'new',
      layers: 24,
      hidden: 1024,
      intermediate: 4096,
      heads: 16,
      headDim: 64,
      vocab: 30528,
      tokenTypes: 2,
      maxPositions: 8192,
      normEpsilon: 1e-12,
      rope: { theta: 160000, ntkFactor: 2, ntkMixedB: null },
    })
    expect(STELLA_EN_1_5B_V5.architecture).toEqual({
      kind: 'qwen2',
      layers: 28,
      hidden: 1536,
      intermediate: 8960,
      heads: 12,
      kvHeads: 2,
      headDim: 128,
      vocab: 151646,
      maxPositions: 131072,
      normEpsilon: 1e-6,
      rope: { theta: 1000000, ntkFactor: null, ntkMixedB: null },
    })
  })

  it.each([STELLA_EN_400M_V5, STELLA_EN_1_5B_V5])(
    '$key offers all seven published heads, 512 not among them',
    (info) => {
      expect(info.heads.map(({ dimensions, folder }) => [dimensions, folder])).toEqual(
        [256, 768, 1024, 2048, 4096, 6144, 8192].map((size) => [size, `2_Dense_${size}`]),
      )
      expect(info.defaultDimensions).toBe(1024)
    },
  )

  it('are pinned: the 400M by commit, both by the hash of their weights', () => {
    expect(STELLA_EN_400M_V5.source).toEqual({
      kind: 'hub',
      repo: 'NovaSearch/stella_en_400M_v5',
      revision: 'ffeb2b7ee715c226d4ffe5e4619f7dbb48624c20',
    })
    const weights = (info: typeof STELLA_EN_400M_V5) => info.files.find((file) => file.path === 'model.safetensors')
    expect(weights(STELLA_EN_400M_V5)).toMatchObject({
      bytes: 1_740_785_344,
      sha256: '17e549d16172a548a3115739b55575968eb6523653daad76c46b0758e9425032',
    })
    expect(weights(STELLA_EN_1_5B_V5)?.sha256).toBe('222c4379b38c273e69e7e7ba7c68517ab8fef0bc92f8a5f557cf834f65046471')
  })
})

it('the default model is the embedded one, which needs no download', () => {
  expect(BUILT_IN_MODELS.find((info) => info.key === DEFAULT_MODEL)?.source.kind).toBe('embedded')
  expect(Object.isFrozen(BUILT_IN_MODELS)).toBe(true)
})
