/**
 * WordPiece tokenizer files in the form of bert-base-uncased as the 400M ships it, over a vocabulary made here.
 * Knows no tensor and writes nothing.
 */
import type { TextFile } from './config-files.js'
import { ENGLISH_WORDS, LETTERS, WORD_ENDINGS } from './english-words.js'
import { pythonJson } from './python-json.js'
import type { WordPieceSpec } from './spec.js'
import { addedToken, specialToken } from './token-entries.js'

/** The specials, in the order the real vocabulary has them. */
const SPECIALS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const

/** `[unusedN]` entries of bert-base-uncased: 99 after [PAD], the rest after [MASK]. */
const UNUSED = { afterPad: 99, total: 994 } as const

/** Characters that stand alone: punctuation, digits, letters, and a few from other scripts. */
const CHARACTERS = Array.from(
  '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~0123456789abcdefghijklmnopqrstuvwxyz' + 'ßøжд日本語€…“”',
)

/** Truncation and padding that the real tokenizer.json embeds; whoever loads it must override both. */
const EMBEDDED_LENGTH_TOKENS = 512

/** The three tokenizer files. */
export function wordPieceFiles(spec: WordPieceSpec): TextFile[] {
  const vocabulary = wordPieceVocabulary(spec)
  const ids = new Map(vocabulary.map((entry, id) => [entry, id]))
  const specials = SPECIALS.map((content) => ({ content, id: ids.get(content) ?? 0 }))
  return [
    ['tokenizer.json', pythonJson(tokenizer(ids, specials), 2)],
    ['tokenizer_config.json', `${pythonJson(tokenizerConfig(specials), 2)}\n`],
    ['special_tokens_map.json', `${pythonJson(SPECIAL_TOKENS_MAP, 2)}\n`],
  ]
}

/** Exactly `size` distinct entries: specials, characters, `##` characters, endings, words, then letter pairs and triples. */
export function wordPieceVocabulary({ size, unused }: WordPieceSpec): string[] {
  const entries = new Set<string>()
  const [pad, ...otherSpecials] = SPECIALS
  const unusedEntries = unused ? Array.from({ length: UNUSED.total }, (_, n) => `[unused${n}]`) : []
  const sources: Iterable<string>[] = [
    [pad],
    unusedEntries.slice(0, UNUSED.afterPad),
    otherSpecials,
    unusedEntries.slice(UNUSED.afterPad),
    CHARACTERS,
    Array.from('0123456789abcdefghijklmnopqrstuvwxyz', (character) => `##${character}`),
    ['##s', '##ing', '##ed', '##er', '##ly'],
    ENGLISH_WORDS,
    WORD_ENDINGS.map((ending) => `##${ending}`),
    fillers(),
  ]
  for (const source of sources) {
    for (const entry of source) {
      if (entries.size === size) return [...entries]
      entries.add(entry)
    }
  }
  return [...entries]
}

/** `##xy` pairs, then three-letter words and pieces; frequent letters first. About 36,000 in all. */
function* fillers(): Generator<string> {
  const letters = Array.from(LETTERS)
  for (const first of letters) for (const second of letters) yield `##${first}${second}`
  for (const first of letters) {
    for (const second of letters)
      for (const third of letters) yield* [first + second + third, `##${first}${second}${third}`]
  }
}

interface Special {
  readonly content: string
  readonly id: number
}

function tokenizer(ids: ReadonlyMap<string, number>, specials: readonly Special[]) {
  const piece = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } })
  const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } })
  const templateToken = ({ content, id }: Special) => [content, { id: content, ids: [id], tokens: [content] }] as const
  return {
    version: '1.0',
    truncation: { direction: 'Right', max_length: EMBEDDED_LENGTH_TOKENS, strategy: 'LongestFirst', stride: 0 },
    padding: {
      strategy: { Fixed: EMBEDDED_LENGTH_TOKENS },
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: '[PAD]',
    },
    added_tokens: specials.map(({ id, content }) => addedToken(id, content)),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [piece('[CLS]', 0), sequence('A', 0), piece('[SEP]', 0)],
      pair: [piece('[CLS]', 0), sequence('A', 0), piece('[SEP]', 0), sequence('B', 1), piece('[SEP]', 1)],
      special_tokens: Object.fromEntries(
        specials.filter(({ content }) => content === '[CLS]' || content === '[SEP]').map(templateToken),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(ids),
    },
  }
}

function tokenizerConfig(specials: readonly Special[]) {
  return {
    added_tokens_decoder: Object.fromEntries(
      specials.map(({ id, content }) => [String(id), { ...specialToken(content), special: true }]),
    ),
    clean_up_tokenization_spaces: true,
    cls_token: '[CLS]',
    do_lower_case: true,
    mask_token: '[MASK]',
    max_length: 8000,
    model_max_length: 32768,
    pad_to_multiple_of: null,
    pad_token: '[PAD]',
    pad_token_type_id: 0,
    padding_side: 'right',
    sep_token: '[SEP]',
    stride: 0,
    strip_accents: null,
    tokenize_chinese_chars: true,
    tokenizer_class: 'BertTokenizer',
    truncation_side: 'right',
    truncation_strategy: 'longest_first',
    unk_token: '[UNK]',
  }
}

const SPECIAL_TOKENS_MAP = {
  cls_token: specialToken('[CLS]'),
  mask_token: specialToken('[MASK]'),
  pad_token: specialToken('[PAD]'),
  sep_token: specialToken('[SEP]'),
  unk_token: specialToken('[UNK]'),
}
