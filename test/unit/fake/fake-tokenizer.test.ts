/** The fake tokenizer keeps the promises of the real one: limits, prompts, errors; and gives the same ids everywhere. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { isStellaError } from '../../../src/errors.js'
import { END_ID, START_ID, fakeTokens } from '../../../src/fake/fake-tokens.js'
import { FakeTokenizer } from '../../../src/fake/fake-tokenizer.js'
import { encodeAll } from '../../../src/text/encode-all.js'
import type { TokenizedText, TokenizeOptions } from '../../../src/text/tokenized-text.js'
import { failureOf } from '../../support/failure.js'

const VOCAB = 30_528
const DEFAULTS: TokenizeOptions = { prompt: '', maxLength: 512, overflow: 'truncate-right' }

const tokenizer = new FakeTokenizer(VOCAB)

async function encodeOne(text: string, options: Partial<TokenizeOptions> = {}): Promise<TokenizedText> {
  const [result] = await encodeAll(tokenizer, [text], { ...DEFAULTS, ...options })
  if (result === undefined) throw new Error('no result')
  return result
}

const words = (text: string, vocab = VOCAB): readonly number[] => fakeTokens(text, vocab).ids

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .array(
      fc.constantFrom('the', 'Quick', ' ', '\n', '日本', '😀', 'e\u0301', '\ud800', '\0', '!', 'antidisestablishment'),
    )
    .map((parts) => parts.join('')),
)

describe('tokens', () => {
  it('are words and signs, each an id of its own', () => {
    expect(words('the quick fox')).toHaveLength(3)
    expect(words('the quick, the fox!')).toEqual([
      ...words('the'),
      ...words('quick'),
      ...words(','),
      ...words('the'),
      ...words('fox'),
      ...words('!'),
    ])
  })

  it('of a long word are pieces of eight characters', () => {
    expect(words('internationalisation')).toEqual([...words('internat'), ...words('ionalisa'), ...words('tion')])
    expect(words('x'.repeat(8000))).toHaveLength(1000)
  })

  it('of texts without spaces are characters', () => {
    expect(words('日本語')).toEqual([...words('日'), ...words('本'), ...words('語')])
    expect(words('😀😁')).toHaveLength(2)
  })

  it('do not tell capitals from small letters', () => {
    expect(words('The Quick FOX')).toEqual(words('the quick fox'))
  })

  it('take several ids each where the vocabulary is small, so that words can be told apart', () => {
    expect(words('cat', 1008)).toHaveLength(2)
    const lexicon = Array.from({ length: 60 }, (_, index) => words(`word${index}`, 1008).join())
    expect(new Set(lexicon).size).toBe(60)
  })

  // Users keep vectors in snapshots: a text's ids must never change. A Python program gave the same.
  it.each([
    ['the quick brown fox', 30_528, [20280, 12214, 10409, 2130]],
    ['Größe: 日本 😀!', 151_646, [20173, 43711, 106726, 111372, 18668, 14011]],
    ['cat', 1008, [530, 580]],
  ])('of %j in a vocabulary of %i stay what they are', (text, vocab, ids) => {
    expect(words(text, vocab)).toEqual(ids)
  })

  it('lie in the vocabulary, whatever the text and however small it is', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 2000 }), (text, vocab) => {
        const { ids, ends } = fakeTokens(text, vocab)
        expect(ends).toHaveLength(ids.length)
        for (const id of ids) expect(id >= 0 && id < vocab && Number.isInteger(id)).toBe(true)
        for (const [at, end] of ends.entries()) expect(end >= (ends[at - 1] ?? 1) && end <= text.length).toBe(true)
      }),
    )
  })
})

describe('a text', () => {
  it('has a start and an end around it', async () => {
    const { ids, total, truncated } = await encodeOne('the quick fox')
    expect([...ids]).toEqual([START_ID, ...words('the quick fox'), END_ID])
    expect({ total, truncated }).toEqual({ total: 5, truncated: false })
  })

  it.each([' ', '\n\t', '\ufeff'])('of nothing but space has these two: %j', async (text) => {
    expect([...(await encodeOne(text)).ids]).toEqual([START_ID, END_ID])
  })

  it('gives no answer at once', async () => {
    let answered = false
    const call = encodeOne('the').then(() => (answered = true))
    await Promise.resolve()
    expect(answered).toBe(false)
    await call
  })

  it('keeps its place among many', async () => {
    const texts = Array.from({ length: 500 }, (_, index) => `number ${index} ${'x'.repeat(1000)}`)
    const results = await encodeAll(tokenizer, texts, DEFAULTS)
    expect(results.map(({ ids }) => [...ids].slice(0, 3))).toEqual(
      texts.map((text) => [START_ID, ...words(text)].slice(0, 3)),
    )
  })

  it('of a million characters has its tokens', async () => {
    const { ids, total } = await encodeOne('ab '.repeat(333_333), { maxLength: 400_000 })
    expect(ids.length).toBe(333_335)
    expect(total).toBe(333_335)
  })
})

describe('a text that is too long', () => {
  const text = 'one two three four five six'

  it('loses its end', async () => {
    const result = await encodeOne(text, { maxLength: 5 })
    expect([...result.ids]).toEqual([START_ID, ...words('one two three'), END_ID])
    expect(result).toMatchObject({ total: 8, truncated: true })
  })

  it('loses its start under truncate-left', async () => {
    const { ids } = await encodeOne(text, { maxLength: 5, overflow: 'truncate-left' })
    expect([...ids]).toEqual([START_ID, ...words('four five six'), END_ID])
  })

  it('keeps its prompt either way', async () => {
    const options = { prompt: 'query: ', maxLength: 6 }
    expect([...(await encodeOne(text, options)).ids]).toEqual([START_ID, ...words('query: one two'), END_ID])
    const { ids } = await encodeOne(text, { ...options, overflow: 'truncate-left' })
    expect([...ids]).toEqual([START_ID, ...words('query: five six'), END_ID])
  })

  it('shares with its prompt the token that reaches into it', async () => {
    const options = { prompt: 'find pre', maxLength: 5, overflow: 'truncate-left' } as const
    const { ids } = await encodeOne('fix one two three', options)
    expect([...ids]).toEqual([START_ID, ...words('find two three'), END_ID])
  })

  it('is refused where the prompt leaves nothing of it', async () => {
    for (const overflow of ['truncate-left', 'truncate-right'] as const) {
      const error = await failureOf(() => encodeOne(text, { prompt: 'a b c ', maxLength: 5, overflow }))
      expect(error.code).toBe('OPTION_INVALID')
      expect(error.details).toEqual({ option: 'maxLength', tokens: 5, maxLength: 5 })
    }
  })

  it('is refused by its place under error', async () => {
    const error = await failureOf(() =>
      encodeAll(tokenizer, ['short', text], { ...DEFAULTS, maxLength: 5, overflow: 'error', places: [3, 9] }),
    )
    expect(error.code).toBe('INPUT_TOO_LONG')
    expect(error.details).toEqual({ index: 9, tokens: 8, maxLength: 5 })
  })

  it('has as many tokens as there is room for, its prompt first, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyText,
        fc.integer({ min: 4, max: 30 }),
        fc.constantFrom('truncate-left' as const, 'truncate-right' as const),
        async (text, maxLength, overflow) => {
          const prompt = 'p '
          const { ids, total, truncated } = await encodeOne(text, { prompt, maxLength, overflow })
          expect(ids.length).toBe(Math.min(total, maxLength))
          expect(truncated).toBe(total > maxLength)
          expect([ids[0], ids[1], ids.at(-1)]).toEqual([START_ID, ...words('p'), END_ID])
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('each text for itself', () => {
  it('has its own options, its ids or its error, in its place', async () => {
    const outcomes = await tokenizer.encodeEach(
      ['one two three', 'one two three', 'one two three', 'one two three'],
      [
        { ...DEFAULTS, prompt: 'q ' },
        { ...DEFAULTS, maxLength: 4, overflow: 'error' },
        { ...DEFAULTS, maxLength: 4 },
        { ...DEFAULTS, maxLength: 4, prompt: 'a b ' },
      ],
      [5, 7, 9, 11],
    )
    const shown = outcomes.map((outcome) => (isStellaError(outcome) ? outcome : [...outcome.ids]))
    expect(shown).toEqual([
      [START_ID, ...words('q one two three'), END_ID],
      expect.objectContaining({ code: 'INPUT_TOO_LONG', details: { index: 7, tokens: 5, maxLength: 4 } }),
      [START_ID, ...words('one two'), END_ID],
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    ])
  })

  it('is called by its place in the list where it was given no other', async () => {
    const options = { ...DEFAULTS, maxLength: 4, overflow: 'error' } as const
    const outcomes = await tokenizer.encodeEach(['one', 'one two three'], [options, options])
    expect(outcomes[1]).toMatchObject({ code: 'INPUT_TOO_LONG', details: { index: 1 } })
  })

  it('is not left without options in silence', async () => {
    await expect(tokenizer.encodeEach(['one', 'two'], [DEFAULTS])).rejects.toThrow('2 texts have 1 options')
  })

  it('lets others have the thread meanwhile', async () => {
    let turns = 0
    const counting = setInterval(() => turns++, 0)
    const texts = new Array<string>(30).fill('x '.repeat(50_000))
    await tokenizer.encodeEach(
      texts,
      texts.map(() => DEFAULTS),
    )
    clearInterval(counting)
    expect(turns).toBeGreaterThan(5)
  })
})
