/**
 * From texts to embeddings, whoever runs the batches: checks and tokenises, plans runs, and puts the results back in
 * the order of the texts. `LoadedStellaModel` runs batches in its own thread, the pool in workers.
 */
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError, isStellaError } from '../errors.js'
import { throwIfAborted } from '../files/cancellation.js'
import { tooLong } from '../text/length-errors.js'
import type { StellaTokenizer, TokenizedText } from '../text/tokenizer.js'
import type { ResolvedEmbedOptions } from './options.js'
import type { PackedTexts } from '../packed/packing.js'
import { RUN_LIMITS, packTexts, planRuns } from '../packed/packing.js'
import { show } from '../show.js'
import { isInt32Array } from '../realm.js'

/** A text, or its token ids: complete, special tokens included, with no prompt to be added. */
export type EmbedInput = string | Int32Array

/** Tokens of a result. */
export interface Usage {
  /** Tokens that were run: after truncation, prompt and special tokens included. */
  readonly tokens: number
  /** Tokens the inputs have in full. */
  readonly tokensTotal: number
}

/** The embedding of one text. */
export interface EmbedResult {
  /** `[dimensions]` */
  readonly embedding: Float32Array
  /** Size of the vector. */
  readonly dimensions: number
  /** What it took. */
  readonly usage: Usage
  /** Whether the text was cut at `maxLength`. */
  readonly truncated: boolean
}

/** The embeddings of many texts, in their order. */
export interface BatchEmbedResult {
  /** One `[dimensions]` per text, each with a buffer of its own. */
  readonly embeddings: readonly Float32Array[]
  /** Size of each vector. */
  readonly dimensions: number
  /** What all of them took. */
  readonly usage: Usage
  /** Per text: tokens that were run. */
  readonly tokens: readonly number[]
  /** Per text: whether it was cut at `maxLength`. */
  readonly truncated: readonly boolean[]
}

/** Something that embeds texts with one model. */
export interface Embedder {
  /** Embeds one text. */
  embed(input: EmbedInput, options?: object): Promise<EmbedResult>
  /** Embeds many texts, in their order. */
  batchEmbed(inputs: readonly EmbedInput[], options?: object): Promise<BatchEmbedResult>
}

/** Longest text in UTF-16 units; a million is a book of 150,000 words. */
const MAX_TEXT_CHARACTERS = 1_000_000

/** Runs one packed batch: float32 `[batch, dimensions]`, row after row. */
export type RunBatch = (batch: PackedTexts) => Promise<Float32Array>

/**
 * Embeds `inputs`. Runs are handed to `run` all at once; whoever runs them queues. Settles once every run has settled.
 *
 * @param tokenizer - Absent: token ids only.
 * @throws {StellaError} INPUT_INVALID or INPUT_TOO_LONG naming the text, OPTION_INVALID, ABORTED; or what `run` or
 * `onProgress` throws.
 */
export async function embedTexts(
  info: StellaModelInfo,
  tokenizer: StellaTokenizer | undefined,
  inputs: readonly EmbedInput[],
  options: ResolvedEmbedOptions,
  run: RunBatch,
): Promise<BatchEmbedResult> {
  const texts = await tokenizeInputs(info, tokenizer, inputs, options)
  const { signal, dimensions, onProgress } = options
  const lengths = texts.map((text) => text.ids.length)
  const runs = planRuns(lengths, RUN_LIMITS)
  const embeddings = new Array<Float32Array>(texts.length)
  let done = 0
  const settled = await Promise.allSettled(
    runs.map(async (indices) => {
      throwIfAborted(signal, 'embedding')
      const slab = await run(packTexts(indices.map((index) => at(texts, index).ids)))
      if (slab.length !== indices.length * dimensions) throw wrongSize(info, indices.length * dimensions, slab.length)
      indices.forEach((index, row) => {
        embeddings[index] = slab.slice(row * dimensions, (row + 1) * dimensions)
      })
      done += indices.length
      onProgress?.({ done, total: texts.length })
    }),
  )
  throwIfAborted(signal, 'embedding')
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason
  return {
    embeddings,
    dimensions,
    usage: { tokens: sum(lengths), tokensTotal: sum(texts.map((text) => text.total)) },
    tokens: lengths,
    truncated: texts.map((text) => text.truncated),
  }
}

/** The first of a batch of one, as a result of its own. */
export function single(result: BatchEmbedResult): EmbedResult {
  return {
    embedding: at(result.embeddings, 0),
    dimensions: result.dimensions,
    usage: result.usage,
    truncated: at(result.truncated, 0),
  }
}

async function tokenizeInputs(
  info: StellaModelInfo,
  tokenizer: StellaTokenizer | undefined,
  inputs: readonly EmbedInput[],
  options: ResolvedEmbedOptions,
): Promise<readonly TokenizedText[]> {
  const checked = checkInputs(info, inputs, options)
  const texts = checked.filter((input) => typeof input === 'string')
  const places = checked.flatMap((input, index) => (typeof input === 'string' ? [index] : []))
  if (tokenizer === undefined && texts.length > 0) {
    throw new StellaError(
      'OPTION_INVALID',
      `${info.key} was loaded with \`tokenizer: false\`: give token ids as Int32Array, or load it with its tokenizer`,
      { details: { option: 'tokenizer', index: places[0] } },
    )
  }
  const tokenized = ((await tokenizer?.encode(texts, { ...options, places })) ?? []).values()
  return checked.map((input) => {
    if (typeof input !== 'string') return { ids: input, total: input.length, truncated: false }
    const next = tokenized.next()
    if (next.done === true) throw new Error('the tokenizer returned fewer texts than it was given')
    return next.value
  })
}

/**
 * The inputs, checked and read at once: what the caller does to the array or to its ids later changes nothing.
 *
 * @throws {StellaError} INPUT_INVALID or INPUT_TOO_LONG naming the text.
 */
export function checkInputs(
  info: StellaModelInfo,
  inputs: readonly EmbedInput[],
  options: ResolvedEmbedOptions,
): readonly EmbedInput[] {
  const given: unknown = inputs
  if (!Array.isArray(given)) throw refused(`Expected an array of texts; got ${show(given)}`, {})
  return Array.from<unknown, EmbedInput>(given, (input, index) => checkInput(info, input, index, options))
}

/** As {@link checkInputs}, each for itself: the input as it was read, or why it is none. */
export function checkEach(
  info: StellaModelInfo,
  inputs: readonly unknown[],
  options: ResolvedEmbedOptions,
): readonly (EmbedInput | StellaError)[] {
  return inputs.map((input, index) => {
    try {
      return checkInput(info, input, index, options)
    } catch (error) {
      if (isStellaError(error)) return error
      throw error
    }
  })
}

function checkInput(info: StellaModelInfo, input: unknown, index: number, options: ResolvedEmbedOptions): EmbedInput {
  return typeof input === 'string' ? checkText(input, index) : checkIds(info, input, index, options)
}

function checkText(text: string, index: number): string {
  if (text === '') throw refused(`Text ${index} is empty; leave it out`, { index })
  if (text.length <= MAX_TEXT_CHARACTERS) return text
  throw new StellaError(
    'INPUT_TOO_LONG',
    `Text ${index} has ${text.length} characters; at most ${MAX_TEXT_CHARACTERS} are read. Split it into passages`,
    { details: { index, characters: text.length, limit: MAX_TEXT_CHARACTERS } },
  )
}

function checkIds(
  info: StellaModelInfo,
  given: unknown,
  index: number,
  options: ResolvedEmbedOptions,
): Int32Array<ArrayBuffer> {
  if (!isInt32Array(given)) {
    throw refused(`Expected text ${index} to be a string or an Int32Array of token ids; got ${show(given)}`, { index })
  }
  // A copy: between this check and the run the caller may write to the array, or another thread to shared memory.
  const ids = new Int32Array(given)
  if (options.prompt !== '') throw refused(`Text ${index} is token ids: a prompt cannot be put before it`, { index })
  if (ids.length === 0) throw refused(`Text ${index} has no token ids`, { index })
  if (ids.length > options.maxLength) throw tooLong(index, ids.length, options.maxLength)
  const { vocab } = info.architecture
  const bad = ids.findIndex((id) => id < 0 || id >= vocab)
  if (bad === -1) return ids
  throw refused(`Text ${index} holds token id ${String(ids[bad])}; ${info.key} knows 0 to ${vocab - 1}`, {
    index,
    position: bad,
  })
}

function wrongSize({ key }: StellaModelInfo, expected: number, found: number): StellaError {
  return new StellaError('INTERNAL', `A run of ${key} gave ${found} numbers; expected ${expected}`, {
    details: { model: key, found, expected },
  })
}

function refused(message: string, details: Readonly<Record<string, number>>): StellaError {
  return new StellaError('INPUT_INVALID', message, { details })
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new Error(`no item ${index} of ${items.length}`)
  return item
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
