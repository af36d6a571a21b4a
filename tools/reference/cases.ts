/**
 * The texts that golden vectors are made of, and which checkpoint gets which of them at which dimensions.
 * Data and a pure function; knows no engine and no file.
 */

/** A task, as the product names it. */
export type Task = 'document' | 's2p_query' | 's2s_query'

/** One line of the list an engine reads: run `text` under `task`'s prompt through each of these heads. */
export interface Case {
  readonly id: string
  readonly text: string
  readonly task: Task
  readonly dimensions: readonly number[]
}

interface Text {
  readonly id: string
  readonly text: string
  /** Run through every head of the checkpoint; the others go through the smallest only, to keep the files small. */
  readonly everyHead?: true
}

const TASKS: readonly Task[] = ['document', 's2p_query', 's2s_query']

const FOX = 'The quick brown fox jumps over the lazy dog.'

const PARAGRAPH =
  'A text embedding turns a sentence into a list of numbers. Sentences that mean the same thing land close together, ' +
  'and sentences that have nothing to do with each other land far apart.'

const PAGE =
  'There are many reasons to walk in the morning. The air is clean, the streets are quiet, and the light is good. ' +
  'Some people walk to the market and back, some walk along the river, and some walk until the road ends at the sea. ' +
  'Whoever walks every day sleeps better, eats better, and remembers more. In winter the mountain is covered with snow; ' +
  'in summer, with flowers. (By the way: it costs nothing.)'

/** Short enough to read, chosen for what breaks: characters, white space, specials in the text, odd lengths. */
const TEXTS: readonly Text[] = [
  { id: 'one-letter', text: 'a' },
  { id: 'question', text: 'What is Deep Learning?', everyHead: true },
  { id: 'fox', text: FOX },
  { id: 'fox-again', text: FOX },
  { id: 'fox-reordered', text: 'The lazy dog jumps over the quick brown fox.' },
  { id: 'unicode', text: 'Ünïcödé naïve café — 日本語のテキスト, ελληνικά, žluťoučký 🙂👩‍💻 ﬁn…', everyHead: true },
  { id: 'punctuation', text: "...!? (a) [b] {c} <d> \"e\" 'f' $3.50 & 100% #tag @me a/b\\c ~`^| don't we've I'd" },
  { id: 'white-space', text: '  line one\n\tline two\r\n\r\n  line\u00a0three  \n' },
  { id: 'digits', text: 'In 2024 there were 1,234,567 stations; the train left at 10:45.' },
  { id: 'specials-in-text', text: 'before [SEP] and [PAD] and <|endoftext|> after' },
  { id: 'long-word', text: `one ${'supercalifragilistic'.repeat(6)} word` },
  { id: 'paragraph', text: PARAGRAPH, everyHead: true },
  { id: 'page', text: PAGE },
]

/** No text at all: only special tokens. One token for the 1.5B's tokenizer, where candle then uses no mask. */
const EMPTY: Text = { id: 'empty', text: '' }

/** Texts of the embedded model. */
const NANO_IDS = ['one-letter', 'question', 'fox', 'unicode', 'paragraph', 'page']

/** Repeats of {@link PAGE} that give about 700 and about 1,500 tokens under either tiny tokenizer. */
const LONG_REPEATS = [3, 6] as const

/** Every text under every task; all heads for a few, the smallest head for the rest. */
export function standardCases(heads: readonly number[]): Case[] {
  const smallest = Math.min(...heads)
  const cases = TEXTS.flatMap(({ id, text, everyHead }) =>
    TASKS.map((task): Case => ({ id: `${id}/${task}`, text, task, dimensions: everyHead ? heads : [smallest] })),
  )
  return [...cases, { id: `${EMPTY.id}/document`, text: EMPTY.text, task: 'document', dimensions: [smallest] }]
}

/** A few texts under every task, through every head. */
export function nanoCases(heads: readonly number[]): Case[] {
  return TEXTS.filter(({ id }) => NANO_IDS.includes(id)).flatMap(({ id, text }) =>
    TASKS.map((task): Case => ({ id: `${id}/${task}`, text, task, dimensions: heads })),
  )
}

/** Two long documents, about 700 and about 1,500 tokens, through one head. */
export function longCases(dimensions: number): Case[] {
  return LONG_REPEATS.map((repeats, index) => ({
    id: `long-${index + 1}/document`,
    text: Array.from({ length: repeats }, (_, n) => `${n + 1}. ${PAGE}`).join('\n'),
    task: 'document',
    dimensions: [dimensions],
  }))
}
