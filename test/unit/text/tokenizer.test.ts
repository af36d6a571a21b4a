/** Both tokenizers, held against Hugging Face's own library with truncation and padding switched off. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import fc from 'fast-check'
import { Tokenizer } from 'tokenizers'
import { describe, expect, it } from 'vitest'

import type { TokenizeOptions } from '../../../src/text/tokenizer.js'
import { StellaTokenizer } from '../../../src/text/tokenizer.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'
import { failureOf } from '../../support/failure.js'

/** The tiny models' vocabularies: WordPiece as the 400M has it, byte-level BPE as the 1.5B. */
const WORD_PIECE = join(goldenCheckpoint('new-tiny'), 'tokenizer.json')
const BYTE_BPE = join(goldenCheckpoint('qwen2-tiny'), 'tokenizer.json')
const VOCAB = 1000

const S2P = 'Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: '

/** Hugging Face's tokenizer, which cuts and pads nothing. */
function reference(path: string): Tokenizer {
  const tokenizer = Tokenizer.fromFile(path)
  tokenizer.disableTruncation()
  tokenizer.disablePadding()
  return tokenizer
}

const KINDS = [
  {
    kind: 'WordPiece',
    own: await StellaTokenizer.load(WORD_PIECE, VOCAB),
    theirs: reference(WORD_PIECE),
    before: ['[CLS]'],
    after: ['[SEP]'],
  },
  {
    kind: 'byte-level BPE',
    own: await StellaTokenizer.load(BYTE_BPE, VOCAB),
    theirs: reference(BYTE_BPE),
    before: [],
    after: ['<|endoftext|>'],
  },
] as const
const [wordPiece, byteBpe] = KINDS

const DEFAULTS: TokenizeOptions = { prompt: '', maxLength: 512, overflow: 'truncate-right' }

async function encodeOne(own: StellaTokenizer, text: string, options: Partial<TokenizeOptions> = {}) {
  const [result] = await own.encode([text], { ...DEFAULTS, ...options })
  if (result === undefined) throw new Error('no result')
  return result
}

/** Texts made of words, scripts and characters that tokenizers stumble over. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'the',
        'quick brown',
        'fox',
        ' ',
        '\n',
        'Ünïcode',
        '日本',
        '😀',
        '👩‍👩‍👧',
        'e\u0301',
        '[SEP]',
        '[PAD]',
      ),
      fc.constantFrom('<|endoftext|>', '\0', '\u200b', '\u00a0', 'ﬁ', '"quoted"', "it's", '1234567890'),
      fc.string({ unit: 'grapheme', maxLength: 10 }),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.join(''))

describe.each(KINDS)('$kind', ({ own, theirs, before, after }) => {
  const idOf = (token: string) => theirs.tokenToId(token) ?? Number.NaN
  const first = before.map(idOf)
  const last = after.map(idOf)

  it('gives the ids of Hugging Face’s library, prompt and special tokens included', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.constantFrom('', S2P, 'é😀: '), async (text, prompt) => {
        const result = await encodeOne(own, text, { prompt, maxLength: 8192 })
        const expected = (await theirs.encode(prompt + text)).getIds()
        expect([...result.ids]).toEqual(expected)
        expect(result.total).toBe(expected.length)
        expect(result.truncated).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  it('keeps the order of many texts, over the bounds of a native call', async () => {
    const texts = Array.from({ length: 600 }, (_, index) => `text number ${index}`)
    const results = await own.encode(texts, DEFAULTS)
    expect(results).toHaveLength(600)
    for (const index of [0, 255, 256, 511, 512, 599]) {
      expect([...(results[index]?.ids ?? [])]).toEqual((await theirs.encode(`text number ${index}`)).getIds())
    }
  })

  it('has nothing to say of no texts', async () => {
    expect(await own.encode([], DEFAULTS)).toEqual([])
  })

  it.each(['\ud800', 'a\udc00b', '\0', 'a\0b', '\u200b', ' ', '\u202e', '\ufeff', '\u0301', 'x'.repeat(20_000)])(
    'takes %j',
    async (text) => {
      const { ids, total, truncated } = await encodeOne(own, text)
      expect(ids.length).toBeGreaterThan(0)
      expect(ids.length).toBeLessThanOrEqual(512)
      expect(truncated).toBe(total > 512)
      expect([...ids.subarray(0, first.length)]).toEqual(first)
      expect([...ids.subarray(ids.length - last.length)]).toEqual(last)
    },
  )

  describe('a text over its limit', () => {
    const anyLimit = fc.integer({ min: 4, max: 30 })
    const longText = anyText.map((text) => `${text} and so it goes on and on, over every limit`)

    it('is cut on the right: its beginning and the special tokens are kept', async () => {
      await fc.assert(
        fc.asyncProperty(longText, anyLimit, async (text, maxLength) => {
          const whole = (await theirs.encode(text)).getIds()
          const { ids, total, truncated } = await encodeOne(own, text, { maxLength })
          expect({ total, truncated }).toEqual({ total: whole.length, truncated: whole.length > maxLength })
          if (!truncated) return
          expect([...ids]).toEqual([...whole.slice(0, maxLength - last.length), ...last])
        }),
        { numRuns: 60 },
      )
    })

    it('is cut on the left: its end and the special tokens are kept', async () => {
      await fc.assert(
        fc.asyncProperty(longText, anyLimit, async (text, maxLength) => {
          const whole = (await theirs.encode(text)).getIds()
          const { ids, truncated } = await encodeOne(own, text, { maxLength, overflow: 'truncate-left' })
          if (!truncated) return
          expect([...ids]).toEqual([...first, ...whole.slice(whole.length - (maxLength - first.length))])
        }),
        { numRuns: 60 },
      )
    })

    it.each(['find: ', S2P, 'Ünïcødé 😀👩‍👩‍👧 e\u0301 日本: ', '<|endoftext|>[SEP] '])(
      'cut on the left keeps the whole prompt %j, and nothing of the text’s beginning',
      async (prompt) => {
        const text = Array.from({ length: 300 }, (_, index) => ['fox', 'river 😀', 'été', '日本'][index % 4]).join(' ')
        const alone = (await theirs.encode(prompt.trimEnd(), null, { addSpecialTokens: false })).getIds()
        const whole = (await theirs.encode(prompt + text)).getIds()
        const maxLength = first.length + alone.length + 20
        const { ids, total, truncated } = await encodeOne(own, text, { prompt, maxLength, overflow: 'truncate-left' })
        expect({ length: ids.length, total, truncated }).toEqual({
          length: maxLength,
          total: whole.length,
          truncated: true,
        })
        expect([...ids.subarray(0, first.length + alone.length)]).toEqual([...first, ...alone])
        // At most one token of the prompt's last space lies between prompt and end.
        const kept = ids.length - first.length - alone.length - 1
        expect([...ids.subarray(ids.length - kept)]).toEqual(whole.slice(whole.length - kept))
      },
    )

    it.each(['truncate-right', 'truncate-left'] as const)(
      'whose prompt leaves nothing of it is refused under %s: all texts would get one vector',
      async (overflow) => {
        const text = 'fox river '.repeat(100)
        const prompt = 'a b c d e f g h'
        const error = await failureOf(() => encodeOne(own, text, { prompt, maxLength: 8, overflow }))
        expect(error.code).toBe('OPTION_INVALID')
        expect(error.message).toMatch(/^The prompt and the special tokens take \d+ tokens; a `maxLength` of 8/)
        const { tokens } = error.details as { readonly tokens: number }
        // One more than what it names is enough.
        const { ids } = await encodeOne(own, text, { prompt, maxLength: tokens + 1, overflow })
        expect(ids).toHaveLength(tokens + 1)
        await failureOf(() => encodeOne(own, text, { prompt, maxLength: tokens, overflow }))
      },
    )

    it('is refused under `error`, by its place', async () => {
      const texts = ['short', 'fox '.repeat(50), 'short']
      const error = await failureOf(() => own.encode(texts, { ...DEFAULTS, maxLength: 20, overflow: 'error' }))
      const { total } = await encodeOne(own, texts[1] ?? '')
      expect(error.code).toBe('INPUT_TOO_LONG')
      expect(error.details).toEqual({ index: 1, tokens: total, maxLength: 20 })
      const named = await failureOf(() =>
        own.encode(texts, { ...DEFAULTS, maxLength: 20, overflow: 'error', places: [0, 7, 9] }),
      )
      expect(named.details).toMatchObject({ index: 7 })
    })

    it('is not over it at the exact length', async () => {
      const text = 'fox river fox river fox river'
      const { total } = await encodeOne(own, text)
      for (const overflow of ['truncate-right', 'truncate-left', 'error'] as const) {
        expect(await encodeOne(own, text, { maxLength: total, overflow })).toMatchObject({ total, truncated: false })
      }
      expect(await encodeOne(own, text, { maxLength: total - 1 })).toMatchObject({ total, truncated: true })
      await failureOf(() => encodeOne(own, text, { maxLength: total - 1, overflow: 'error' }))
    })
  })

  it('stops between calls when it is aborted, and before the first', async () => {
    const error = await failureOf(() => own.encode(['x'], { ...DEFAULTS, signal: AbortSignal.abort() }))
    expect(error.code).toBe('ABORTED')
  })
})

describe('WordPiece as the 400M ships it', () => {
  const { own, theirs } = wordPiece

  it('states padding to 512 in tokenizer.json, which is dropped', async () => {
    const json = JSON.parse(await readFile(WORD_PIECE, 'utf8')) as Record<string, unknown>
    expect(json.padding).toMatchObject({ strategy: { Fixed: 512 } })
    expect((await encodeOne(own, 'the fox')).ids).toHaveLength((await theirs.encode('the fox')).getLength())
  })

  it('states truncation at 512, which is dropped: a longer limit sees the whole text', async () => {
    const { ids, total, truncated } = await encodeOne(own, 'fox '.repeat(2000), { maxLength: 8192 })
    expect({ length: ids.length, total, truncated }).toEqual({ length: total, total, truncated: false })
    expect(total).toBeGreaterThan(2000)
  })

  it('of a text that normalises to nothing gives the special tokens', async () => {
    expect([...(await encodeOne(own, '\u200b')).ids]).toEqual([theirs.tokenToId('[CLS]'), theirs.tokenToId('[SEP]')])
  })

  it('does not take padding from ids: a text that spells [PAD] keeps its length', async () => {
    const pad = theirs.tokenToId('[PAD]')
    const { ids, total } = await encodeOne(own, '[PAD] [PAD] [PAD]')
    expect([...ids].filter((id) => id === pad)).toHaveLength(3)
    expect(total).toBe(5)
  })

  it('keeps one [SEP] at the end of a cut text, whatever the text spells', async () => {
    const sep = theirs.tokenToId('[SEP]')
    const { ids } = await encodeOne(own, `fox [SEP] ${'river '.repeat(50)}`, { maxLength: 10 })
    expect(ids).toHaveLength(10)
    expect(ids.at(-1)).toBe(sep)
    expect([...ids].filter((id) => id === sep)).toHaveLength(2)
  })
})

describe('byte-level BPE as the 1.5B ships it', () => {
  const { own, theirs } = byteBpe
  const end = theirs.tokenToId('<|endoftext|>')

  it('appends exactly one end of text', async () => {
    const { ids } = await encodeOne(own, 'The quick brown fox jumps over the lazy dog.')
    expect([...ids].filter((id) => id === end)).toHaveLength(1)
    expect(ids.at(-1)).toBe(end)
  })

  it('leaves an end of text that the text spells where it is', async () => {
    const { ids } = await encodeOne(own, '<|endoftext|>fox<|endoftext|>')
    expect([...ids].filter((id) => id === end)).toHaveLength(3)
    expect([ids[0], ids.at(-2), ids.at(-1)]).toEqual([end, end, end])
  })

  it('cut on the left drops the first word whole, though its token began with the prompt’s last space', async () => {
    const prompt = 'Query: '
    const text = `the ${'fox '.repeat(100)}`
    const the = (await theirs.encode(`${prompt}the`)).getTokens()
    expect(the.at(-2)).toContain('Ġt')
    const { ids } = await encodeOne(own, text, { prompt, maxLength: 30, overflow: 'truncate-left' })
    const kept = await theirs.decode([...ids], false)
    expect(kept).toMatch(/^Query:/)
    expect(kept).not.toContain('the')
  })
})
