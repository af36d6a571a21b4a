/** The golden files themselves: the engines agree, and the vectors can tell right from wrong. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { cosine, GOLDEN_NAMES, goldenCheckpoint, maxAbs, readGolden, type Golden } from '../../../golden/golden-file.js'

/** Measured: 2.1e-6 at most (candle in float32 against transformers in float64). */
const ENGINES_RAW_TOLERANCE = 4e-6
const ENGINES_EMBEDDING_TOLERANCE = 1e-6
const ENGINES_MIN_COSINE = 1 - 1e-11

/** Float32 rounding of a normalised vector. */
const UNIT_TOLERANCE = 2e-7

/** The same words in another order: measured 0.87 to 0.95. Without positions it would be 1. */
const REORDERED_MAX_COSINE = 0.97

function find(golden: Golden, id: string): Float32Array {
  const found = golden.cases.find((entry) => entry.id === id)
  if (found === undefined) throw new Error(`${id} is not in the golden file`)
  return found.raw
}

describe.each(GOLDEN_NAMES)('%s', (name) => {
  const long = name === 'new-tiny' || name === 'qwen2-tiny' ? ['-long'] : []

  test.each(['', ...long])('candle%s and transformers agree on every token and every vector', async (suffix) => {
    const candle = await readGolden(`${name}/candle${suffix}.json`)
    const transformers = await readGolden(`${name}/transformers${suffix}.json`)
    const others = new Map(transformers.cases.map((entry) => [`${entry.id} ${entry.dimensions}`, entry]))
    expect(others.size).toBe(candle.cases.length)
    for (const entry of candle.cases) {
      const other = others.get(`${entry.id} ${entry.dimensions}`)
      if (other === undefined) throw new Error(`transformers lacks ${entry.id} at ${entry.dimensions}`)
      expect(other.tokenIds).toEqual(entry.tokenIds)
      expect(maxAbs(entry.raw, other.raw), entry.id).toBeLessThan(ENGINES_RAW_TOLERANCE)
      expect(maxAbs(entry.embedding, other.embedding), entry.id).toBeLessThan(ENGINES_EMBEDDING_TOLERANCE)
      expect(cosine(entry.raw, other.raw), entry.id).toBeGreaterThan(ENGINES_MIN_COSINE)
    }
  })

  test('embeddings are the raw vectors at unit length', async () => {
    for (const { id, raw, embedding } of (await readGolden(`${name}/candle.json`)).cases) {
      const length = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0))
      expect(
        maxAbs(
          embedding,
          raw.map((value) => value / length),
        ),
        id,
      ).toBeLessThan(UNIT_TOLERANCE)
    }
  })

  test('the order of words and the prompt move a vector, and the same text twice does not', async () => {
    const golden = await readGolden(`${name}/candle.json`)
    const fox = find(golden, 'fox/document')
    expect(find(golden, 'fox-again/document')).toEqual(fox)
    expect(cosine(fox, find(golden, 'fox-reordered/document'))).toBeLessThan(REORDERED_MAX_COSINE)
    expect(cosine(fox, find(golden, 'question/document'))).toBeLessThan(0.95)
    expect(cosine(fox, find(golden, 'fox/s2p_query'))).toBeLessThan(0.95)
    expect(cosine(find(golden, 'fox/s2s_query'), find(golden, 'fox/s2p_query'))).toBeLessThan(0.99)
  })

  test('covers one token to over two hundred, odd and even', async () => {
    const lengths = (await readGolden(`${name}/candle.json`)).cases.map(({ tokenIds }) => tokenIds.length)
    expect(Math.min(...lengths)).toBe(name.startsWith('new') ? 2 : 1)
    expect(Math.max(...lengths)).toBeGreaterThan(200)
    expect(new Set(lengths.map((length) => length % 2)).size).toBe(2)
  })
})

test.each(['new', 'qwen2'])('every %s head size is covered: 256, 768 and square', async (kind) => {
  const covered = new Set<number | 'square'>()
  for (const name of GOLDEN_NAMES.filter((entry) => entry.startsWith(kind))) {
    const config = JSON.parse(await readFile(join(goldenCheckpoint(name), 'config.json'), 'utf8')) as {
      readonly hidden_size: number
    }
    for (const { dimensions } of (await readGolden(`${name}/candle.json`)).cases) {
      covered.add(dimensions === config.hidden_size ? 'square' : dimensions)
    }
  }
  expect([...covered].sort()).toEqual([256, 768, 'square'])
})

test('the embedded model has golden vectors of both heads under every task', async () => {
  const { cases } = await readGolden('stella-nano.json')
  const combinations = new Set(cases.map(({ task, dimensions }) => `${task} ${dimensions}`))
  expect(combinations.size).toBe(6)
  expect(cases).toHaveLength(36)
})

test('all golden data stays under 4 MB', async () => {
  const root = join(goldenCheckpoint('new-tiny'), '../..')
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await readFile(join(entry.parentPath, entry.name))).length)
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  expect(bytes).toBeLessThan(4_000_000)
})
