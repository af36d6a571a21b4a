/** Texts to token ids with the checkpoint's own tokenizer, off the calling thread. Knows limits, not what fills them. */
import { readFile, stat } from 'node:fs/promises'

import type { Encoding } from 'tokenizers'
import { Tokenizer } from 'tokenizers'

import { StellaError, messageOf } from '../errors.js'
import { throwIfAborted, untilAborted } from '../files/cancellation.js'
import type { OverflowPolicy } from './overflow.js'

/** Texts per call into the native library: enough for all its threads. */
const TEXTS_PER_CALL = 256

/** Characters per call: the library holds many bytes for each while it runs. A longer text is a call of its own. */
const CHARACTERS_PER_CALL = 2_000_000

/** The multilingual tokenizers of real checkpoints stay under 20 MB. */
const MAX_TOKENIZER_BYTES = 100_000_000

/** One text as the model will read it. */
export interface TokenizedText {
  /** Ids after truncation, special tokens included. */
  readonly ids: Int32Array
  /** Tokens the whole text has, special tokens included. */
  readonly total: number
  readonly truncated: boolean
}

/** How to tokenise. */
export interface TokenizeOptions {
  /** Put before each text. */
  readonly prompt: string
  readonly maxLength: number
  readonly overflow: OverflowPolicy
  /** What to call each text in errors. @default its place */
  readonly places?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** A loaded tokenizer. */
export class StellaTokenizer {
  readonly #tokenizer: Tokenizer
  /** Special tokens before and after every text. */
  readonly #before: number
  readonly #after: number

  private constructor(tokenizer: Tokenizer, before: number, after: number) {
    this.#tokenizer = tokenizer
    this.#before = before
    this.#after = after
  }

  /**
   * Loads a `tokenizer.json`. The truncation and padding it may state are dropped: the 400M's cuts and pads every text
   * to 512 tokens.
   *
   * @param vocab - Rows of the model's embedding table.
   * @throws {StellaError} ARTEFACT_INVALID when it cannot be read, is no tokenizer, or has more tokens than the table.
   */
  static async load(path: string, vocab: number): Promise<StellaTokenizer> {
    try {
      const { size } = await stat(path)
      if (size > MAX_TOKENIZER_BYTES) throw new Error(`it has ${size} bytes; at most ${MAX_TOKENIZER_BYTES} are read`)
      const json: unknown = JSON.parse(await readFile(path, 'utf8'))
      if (typeof json !== 'object' || json === null) throw new Error('not a JSON object')
      const tokenizer = Tokenizer.fromString(JSON.stringify({ ...json, truncation: null, padding: null }))
      const tokens = tokenizer.getVocabSize(true)
      if (tokens > vocab) throw new Error(`it has ${tokens} tokens; the model's embedding table has ${vocab} rows`)
      const { before, after } = await specialTokens(tokenizer)
      return new StellaTokenizer(tokenizer, before, after)
    } catch (error) {
      throw new StellaError('ARTEFACT_INVALID', `${path} is not a usable tokenizer: ${messageOf(error)}`, {
        cause: error,
        details: { file: path },
      })
    }
  }

  /**
   * Token ids of each text. Runs on the library's own threads.
   *
   * @throws {StellaError} INPUT_TOO_LONG under `overflow: 'error'`, naming the text; OPTION_INVALID when a text must be
   * cut and the prompt leaves nothing of it; ABORTED between calls.
   */
  async encode(texts: readonly string[], options: TokenizeOptions): Promise<TokenizedText[]> {
    const results: TokenizedText[] = []
    for (const part of callsOf(texts)) {
      throwIfAborted(options.signal, 'tokenising')
      const call = this.#tokenizer.encodeBatch(part.map((text) => options.prompt + text))
      for (const encoding of await untilAborted(options.signal, call, 'tokenising')) {
        results.push(this.#fit(encoding, options.places?.[results.length] ?? results.length, options))
      }
    }
    return results
  }

  #fit(encoding: Encoding, index: number, { maxLength, overflow, prompt }: TokenizeOptions): TokenizedText {
    const ids = Int32Array.from(encoding.getIds())
    const total = ids.length
    if (total <= maxLength) return { ids, total, truncated: false }
    if (overflow === 'error') throw tooLong(index, total, maxLength)
    const kept = new Int32Array(maxLength)
    const tail = total - this.#after
    // The prompt is part of what the model was asked: the cut comes after it.
    const head = prompt === '' ? this.#before : tokensUpTo(encoding, prompt, this.#before)
    // All texts would get one vector, that of the prompt.
    if (head + this.#after >= maxLength) throw promptTooLong(head + this.#after, maxLength)
    if (overflow === 'truncate-right') {
      kept.set(ids.subarray(0, maxLength - this.#after))
    } else {
      kept.set(ids.subarray(0, head))
      kept.set(ids.subarray(tail - (maxLength - this.#after - head), tail), head)
    }
    kept.set(ids.subarray(tail), maxLength - this.#after)
    return { ids: kept, total, truncated: true }
  }
}

/** The error of a text over its limit. */
export function tooLong(index: number, tokens: number, maxLength: number): StellaError {
  return new StellaError(
    'INPUT_TOO_LONG',
    `Text ${index} has ${tokens} tokens; the limit is ${maxLength}. Raise \`maxLength\`, or choose \`overflow: 'truncate-right'\``,
    { details: { index, tokens, maxLength } },
  )
}

function promptTooLong(tokens: number, maxLength: number): StellaError {
  return new StellaError(
    'OPTION_INVALID',
    `The prompt and the special tokens take ${tokens} tokens; a \`maxLength\` of ${maxLength} leaves nothing of the text. Raise it above ${tokens}`,
    { details: { option: 'maxLength', tokens, maxLength } },
  )
}

/** How many special tokens the post-processor puts on either side, seen on a probe. */
async function specialTokens(tokenizer: Tokenizer): Promise<{ before: number; after: number }> {
  const bare = (await tokenizer.encode('a', null, { addSpecialTokens: false })).getIds()
  const full = (await tokenizer.encode('a')).getIds()
  const extra = full.length - bare.length
  for (let before = 0; before <= extra; before++) {
    if (bare.length > 0 && bare.every((id, index) => full[before + index] === id))
      return { before, after: extra - before }
  }
  throw new Error('its special tokens are not around the text')
}

/**
 * Tokens up to the end of the prompt, the `before` special ones included. A token that reaches into the text, as a
 * prompt's last space joins the word after it, belongs to the text. Offsets count Unicode characters of the whole input.
 */
function tokensUpTo(encoding: Encoding, prompt: string, before: number): number {
  const characters = Array.from(prompt).length
  const past = encoding.getOffsets().findIndex(([, end], token) => token >= before && (end ?? 0) > characters)
  return past === -1 ? encoding.getLength() : past
}

/** Cuts texts into calls, in order. */
function* callsOf(texts: readonly string[]): Generator<readonly string[]> {
  let call: string[] = []
  let characters = 0
  for (const text of texts) {
    if (call.length > 0 && (call.length === TEXTS_PER_CALL || characters + text.length > CHARACTERS_PER_CALL)) {
      yield call
      call = []
      characters = 0
    }
    call.push(text)
    characters += text.length
  }
  if (call.length > 0) yield call
}
