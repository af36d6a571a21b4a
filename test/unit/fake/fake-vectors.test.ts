/** Fake vectors: functions of a text's own ids, the model and the size, the same everywhere, and near where words are. */
import { createHash } from 'node:crypto'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { cosineSimilarity } from '../../../src/vectors/similarity.js'
import { FakeTokenizer } from '../../../src/fake/fake-tokenizer.js'
import { fakeVectors } from '../../../src/fake/fake-vectors.js'
import { packTexts } from '../../../src/packed/packing.js'
import type { Variant } from '../../../src/pool/backend.js'
import { encodeAll } from '../../../src/text/encode-all.js'

const VARIANT: Variant = { dimensions: 256, normalize: true }
const VOCAB = 1008

const tokenizer = new FakeTokenizer(VOCAB)
const noTurn = (): Promise<void> => Promise.resolve()

async function embedIds(ids: Int32Array, variant: Partial<Variant> = {}, key = 'm'): Promise<Float32Array> {
  return fakeVectors(key, packTexts([ids]), { ...VARIANT, ...variant }, noTurn)
}

async function embed(text: string, variant: Partial<Variant> = {}, key = 'm', prompt = ''): Promise<Float32Array> {
  const [tokens] = await encodeAll(tokenizer, [text], { prompt, maxLength: 512, overflow: 'truncate-right' })
  if (tokens === undefined) throw new Error('no result')
  return embedIds(tokens.ids, variant, key)
}

const length = (vector: Float32Array): number => Math.hypot(...vector)

const anyIds = fc
  .array(fc.integer({ min: 0, max: VOCAB - 1 }), { minLength: 1, maxLength: 40 })
  .map((ids) => Int32Array.from(ids))

describe('a fake vector', () => {
  it('is of length 1 and finite, of any ids in any size', async () => {
    await fc.assert(
      fc.asyncProperty(anyIds, fc.integer({ min: 1, max: 70 }), async (ids, dimensions) => {
        const vector = await embedIds(ids, { dimensions })
        expect(vector).toHaveLength(dimensions)
        expect(vector.every(Number.isFinite)).toBe(true)
        expect(length(vector)).toBeCloseTo(1, 5)
      }),
    )
  })

  it('has the same direction where it is not normalised, and another length', async () => {
    const [unit, raw] = await Promise.all([embed('some words'), embed('some words', { normalize: false })])
    expect(cosineSimilarity(unit, raw)).toBeCloseTo(1, 6)
    expect(length(raw)).toBeGreaterThan(1.1)
  })

  it('does not depend on its neighbours in a batch', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyIds, { minLength: 1, maxLength: 6 }), fc.boolean(), async (texts, normalize) => {
        const variant = { dimensions: 33, normalize }
        const slab = await fakeVectors('m', packTexts(texts), variant, noTurn)
        for (const [row, ids] of texts.entries()) {
          expect(slab.subarray(row * 33, (row + 1) * 33)).toEqual(await embedIds(ids, variant))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('is another in another model, and in another size: a small one is no slice of a large one', async () => {
    const [vector, otherModel, large] = await Promise.all([
      embed('some words'),
      embed('some words', {}, 'other'),
      embed('some words', { dimensions: 512 }),
    ])
    expect(Math.abs(cosineSimilarity(vector, otherModel))).toBeLessThan(0.3)
    expect(Math.abs(cosineSimilarity(vector, large.subarray(0, 256)))).toBeLessThan(0.3)
  })

  it('is another for any text that differs in a word, or in the order of words', async () => {
    const texts = ['a b c', 'a c b', 'a b d', 'a b', 'a b c c', 'c b a', '', ' .', 'cat', 'dog']
    const vectors = await Promise.all(texts.map((text) => embed(text)))
    expect(new Set(vectors.map((vector) => vector.join())).size).toBe(texts.length)
  })

  it('of a single id is its own, even of a special one', async () => {
    const vectors = await Promise.all([0, 1, 2].map((id) => embedIds(Int32Array.of(id))))
    expect(new Set(vectors.map((vector) => vector.join())).size).toBe(3)
  })

  // Users keep vectors in snapshots. A change of these is a breaking one; so is a platform on which they differ. The
  // digests are those that a Python program gives, to the last bit.
  it.each([
    ['the quick brown fox', 256, true, 'd70a1027306c39c0'],
    ['Größe: 日本 😀!', 512, false, 'a1bbb79795db6931'],
    ['x '.repeat(400), 33, true, 'e2bbd4973e195796'],
  ])(
    'is the same to the last bit everywhere: of %j in %i dimensions, normalised: %s',
    async (text, dimensions, normalize, digest) => {
      const vector = await embed(text, { dimensions, normalize }, 'stella-nano')
      // As little-endian bytes, on any machine.
      const bytes = new DataView(new ArrayBuffer(vector.length * 4))
      for (const [at, value] of vector.entries()) bytes.setFloat32(at * 4, value, true)
      expect(createHash('sha256').update(bytes).digest('hex').slice(0, 16)).toBe(digest)
    },
  )
})

describe('texts', () => {
  const QUERY = 'Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: '

  it('that share words are closer than texts that share none', async () => {
    const question = await embed('how do cats sleep')
    const cosines = await Promise.all(
      ['how do cats sleep', 'sleep cats do how', 'cats sleep a lot', 'cats eat fish', 'the stock market fell'].map(
        async (text) => cosineSimilarity(question, await embed(text)),
      ),
    )
    expect(cosines).toEqual(cosines.toSorted((a, b) => b - a))
    expect(cosines[0]).toBeCloseTo(1, 6)
    expect(Math.abs(cosines[4] ?? 1)).toBeLessThan(0.2)
  })

  it('are found by a query with a prompt', async () => {
    const query = await embed('how do cats sleep', {}, 'm', QUERY)
    const near = cosineSimilarity(query, await embed('cats sleep a lot'))
    const far = cosineSimilarity(query, await embed('stock markets fell'))
    expect(near).toBeGreaterThan(far)
  })

  it('that share words are closer, whichever words they are', async () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
      minLength: 3,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(word, { minLength: 9, maxLength: 9 }), async (lexicon) => {
        const [a, b, c] = await Promise.all(
          [lexicon.slice(0, 4), lexicon.slice(1, 5), lexicon.slice(5)].map((part) =>
            embed(part.join(' '), { dimensions: 1024 }),
          ),
        )
        if (a === undefined || b === undefined || c === undefined) throw new Error('no vectors')
        expect(cosineSimilarity(a, b)).toBeGreaterThan(cosineSimilarity(a, c) + 0.2)
      }),
      { numRuns: 50 },
    )
  })
})

it('much work is done in parts, and comes out the same', async () => {
  const ids = Int32Array.from({ length: 5000 }, (_, at) => (at * 7919) % VOCAB)
  let turns = 0
  const turn = (): Promise<void> => {
    turns++
    return Promise.resolve()
  }
  const whole = await fakeVectors('m', packTexts([ids]), { dimensions: 1024, normalize: true }, turn)
  expect(turns).toBeGreaterThan(3)
  expect(whole).toHaveLength(1024)
  expect(await fakeVectors('m', packTexts([ids]), { dimensions: 1024, normalize: true }, noTurn)).toEqual(whole)
})
