/**
 * Byte-level BPE tokenizer files in the form of Qwen2 as the 1.5B ships them, over merges learnt or made here.
 * Knows no tensor and writes nothing.
 */
import { byteSymbols, trainMerges, type Merge } from './bpe-trainer.js'
import type { TextFile } from './config-files.js'
import { ENGLISH_WORDS, LETTERS } from './english-words.js'
import { pythonJson } from './python-json.js'
import type { ByteBpeSpec } from './spec.js'
import { addedToken, specialToken } from './token-entries.js'
import { TRAINING_TEXT } from './training-text.js'

const END_OF_TEXT = '<|endoftext|>'
const CHAT_TOKENS = ['<|im_start|>', '<|im_end|>'] as const

/** Added after the merges, in this order; the ids are the last three. */
const ADDED_TOKENS = [END_OF_TEXT, ...CHAT_TOKENS] as const

/** The word split of Qwen2's tokenizer.json, to the letter. */
const QWEN2_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/** Merges worth learning from the training text; beyond them it would learn its sentences by heart. */
const MAX_TRAINED_MERGES = 400

/** The three tokenizer files, and the id of `<|endoftext|>`. */
export function byteBpeFiles({ size }: ByteBpeSpec): { readonly files: TextFile[]; readonly endOfText: number } {
  const symbols = byteSymbols()
  const merges = fillMerges(size - symbols.length - ADDED_TOKENS.length)
  const vocabulary = [...[...symbols].sort(), ...merges.map((merge) => merge.join(''))]
  const endOfText = vocabulary.length
  const added = ADDED_TOKENS.map((content, index) => ({ content, id: endOfText + index }))
  return {
    endOfText,
    files: [
      ['tokenizer.json', pythonJson(tokenizer(vocabulary, merges, added, endOfText), 2)],
      ['tokenizer_config.json', `${pythonJson(tokenizerConfig(added), 2)}\n`],
      ['special_tokens_map.json', `${pythonJson(SPECIAL_TOKENS_MAP, 2)}\n`],
    ],
  }
}

/**
 * `count` merges with distinct results: learnt ones, then each English word built letter by letter (alone and after a
 * space), then all strings of two, three and four letters. Every left side is a symbol or an earlier merge's result.
 */
function fillMerges(count: number): Merge[] {
  const learnt = trainMerges(TRAINING_TEXT, Math.min(count, MAX_TRAINED_MERGES))
  const results = new Set(learnt.map((merge) => merge.join('')))
  const merges = [...learnt]
  for (const merge of fillers()) {
    if (merges.length >= count) break
    const result = merge.join('')
    if (results.has(result)) continue
    results.add(result)
    merges.push(merge)
  }
  return merges
}

function* fillers(): Generator<Merge> {
  for (const word of ENGLISH_WORDS) {
    for (const text of [`Ġ${word}`, word]) {
      for (let end = 2; end <= text.length; end++) yield [text.slice(0, end - 1), text.charAt(end - 1)]
    }
  }
  let shorter = Array.from(LETTERS)
  while (shorter.length > 0) {
    const longer: string[] = []
    for (const left of shorter) {
      for (const right of LETTERS) {
        yield [left, right]
        longer.push(left + right)
      }
    }
    shorter = longer
  }
}

interface Added {
  readonly content: string
  readonly id: number
}

function tokenizer(
  vocabulary: readonly string[],
  merges: readonly Merge[],
  added: readonly Added[],
  endOfText: number,
) {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }
  const end = (type: number) => ({ SpecialToken: { id: END_OF_TEXT, type_id: type } })
  const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } })
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map(({ id, content }) => addedToken(id, content)),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN2_SPLIT }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: {
      type: 'Sequence',
      processors: [
        byteLevel,
        {
          type: 'TemplateProcessing',
          single: [sequence('A', 0), end(0)],
          pair: [sequence('A', 0), end(0), sequence('B', 1), end(1)],
          special_tokens: { [END_OF_TEXT]: { id: END_OF_TEXT, ids: [endOfText], tokens: [END_OF_TEXT] } },
        },
      ],
    },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(vocabulary.map((entry, id) => [entry, id])),
      merges: merges.map((merge) => merge.join(' ')),
    },
  }
}

function tokenizerConfig(added: readonly Added[]) {
  return {
    add_prefix_space: false,
    added_tokens_decoder: Object.fromEntries(
      added.map(({ id, content }) => [String(id), { ...specialToken(content), special: true }]),
    ),
    additional_special_tokens: CHAT_TOKENS,
    bos_token: null,
    clean_up_tokenization_spaces: false,
    eos_token: END_OF_TEXT,
    errors: 'replace',
    model_max_length: 512,
    pad_token: END_OF_TEXT,
    padding_side: 'left',
    split_special_tokens: false,
    tokenizer_class: 'Qwen2Tokenizer',
    unk_token: null,
  }
}

const SPECIAL_TOKENS_MAP = {
  additional_special_tokens: CHAT_TOKENS,
  eos_token: specialToken(END_OF_TEXT),
  pad_token: specialToken(END_OF_TEXT),
}
