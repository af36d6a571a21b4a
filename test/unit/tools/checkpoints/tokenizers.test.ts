/** The made tokenizers, loaded by Hugging Face's own library, against the ids the reference engines saw. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Tokenizer } from 'tokenizers'
import { describe, expect, test } from 'vitest'

import { byteSymbols, trainMerges } from '../../../../tools/checkpoints/bpe-trainer.js'
import { tokenizerFiles } from '../../../../tools/checkpoints/tokenizers.js'
import { wordPieceVocabulary } from '../../../../tools/checkpoints/wordpiece.js'

const GOLDEN = join(import.meta.dirname, '../../../golden')

interface Golden {
  readonly cases: readonly { readonly text: string; readonly task: string; readonly tokenIds: readonly number[] }[]
}

function load(spec: Parameters<typeof tokenizerFiles>[0]): Tokenizer {
  const tokenizer = Tokenizer.fromString(new Map(tokenizerFiles(spec).files).get('tokenizer.json') ?? '')
  tokenizer.disablePadding()
  tokenizer.disableTruncation()
  return tokenizer
}

async function documents(path: string): Promise<Golden['cases']> {
  const golden = JSON.parse(await readFile(join(GOLDEN, path), 'utf8')) as Golden
  return golden.cases.filter(({ task }) => task === 'document')
}

describe.each([
  ['new-tiny', { kind: 'wordpiece', size: 190, unused: false }],
  ['qwen2-tiny', { kind: 'byte-bpe', size: 300 }],
] as const)('the tokenizer of %s', (name, spec) => {
  test.each(['candle.json', 'transformers.json'])('gives the ids that %s was made from', async (file) => {
    const tokenizer = load(spec)
    const cases = await documents(`${name}/${file}`)
    expect(cases.length).toBeGreaterThan(10)
    for (const { text, tokenIds } of cases) {
      expect((await tokenizer.encode(text)).getIds(), JSON.stringify(text)).toEqual(tokenIds)
    }
  })
})

describe('the WordPiece tokenizer', () => {
  test('wraps a text in [CLS] and [SEP], lower-cases and strips accents', async () => {
    const encoding = await load({ kind: 'wordpiece', size: 1002, unused: false }).encode('Déjà THE')
    expect(encoding.getTokens().at(0)).toBe('[CLS]')
    expect(encoding.getTokens().slice(-2)).toEqual(['the', '[SEP]'])
    expect(encoding.getTokens()).not.toContain('[UNK]')
  })

  test('has exactly as many distinct entries as asked for, whatever the size', () => {
    for (const size of [5, 190, 1002, 30_522]) {
      expect(new Set(wordPieceVocabulary({ kind: 'wordpiece', size, unused: false })).size).toBe(size)
    }
  })
})

describe('the byte-level BPE tokenizer', () => {
  const spec = { kind: 'byte-bpe', size: 700 } as const

  test('appends exactly one <|endoftext|>, also to nothing', async () => {
    const tokenizer = load(spec)
    const { endOfText } = tokenizerFiles(spec)
    for (const text of ['', 'a', 'two words']) {
      const ids = (await tokenizer.encode(text)).getIds()
      expect(ids.filter((id) => id === endOfText)).toHaveLength(1)
      expect(ids.at(-1)).toBe(endOfText)
    }
  })

  test('decodes any text back to itself', async () => {
    const tokenizer = load(spec)
    for (const text of ['the quick brown fox', '日本語 🙂', 'tabs\tand\r\nlines', "don't"]) {
      expect(await tokenizer.decode((await tokenizer.encode(text)).getIds(), true)).toBe(text)
    }
  })
})

describe('the merge trainer', () => {
  test('has one symbol for each byte', () => {
    expect(new Set(byteSymbols()).size).toBe(256)
    expect(byteSymbols()[0x20]).toBe('Ġ')
    expect(byteSymbols()[0x0a]).toBe('Ċ')
  })

  test('merges the most frequent pair first, ties in code point order, and stops where nothing repeats', () => {
    expect(trainMerges('low low low lower', 2)).toEqual([
      ['l', 'o'],
      ['lo', 'w'],
    ])
    expect(trainMerges('abc', 10)).toEqual([])
  })
})
