/** Texts to token ids with the checkpoint's own tokenizer, off the calling thread. Knows limits, not what fills them. */
import { readFile } from 'node:fs/promises'

import type { Encoding } from 'tokenizers'
import { Tokenizer } from 'tokenizers'

import { StellaError, messageOf } from '../errors.js'
import { throwIfAborted } from '../files/cancellation.js'
import type { OverflowPolicy } from './options.js'

/** Texts per call into the native library: enough for all its threads, few enough to bound its memory. */
const TEXTS_PER_CALL = 256

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
   * @throws {StellaError} ARTEFACT_INVALID when it cannot be read or is no tokenizer.
   */
  static async load(path: string): Promise<StellaTokenizer> {
    try {
      const text = await readFile(path, 'utf8')
      if (text.length > MAX_TOKENIZER_BYTES) throw new Error(`more than ${MAX_TOKENIZER_BYTES} bytes`)
      const json: unknown = JSON.parse(text)
      if (typeof json !== 'object' || json === null) throw new Error('not a JSON object')
      const tokenizer = Tokenizer.fromString(JSON.stringify({ ...json, truncation: null, padding: null }))
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
   * @throws {StellaError} INPUT_TOO_LONG under `overflow: 'error'`, naming the text; ABORTED between calls.
   */
  async encode(texts: readonly string[], options: TokenizeOptions): Promise<TokenizedText[]> {
    const results: TokenizedText[] = []
    for (let start = 0; start < texts.length; start += TEXTS_PER_CALL) {
      throwIfAborted(options.signal, 'tokenising')
      const part = texts.slice(start, start + TEXTS_PER_CALL).map((text) => options.prompt + text)
      const encodings = await this.#tokenizer.encodeBatch(part)
      for (const encoding of encodings) results.push(this.#fit(encoding, results.length, options))
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
    if (overflow === 'truncate-right') {
      kept.set(ids.subarray(0, maxLength - this.#after))
    } else {
      // The prompt is part of what the model was asked: the cut comes after it.
      const head = Math.min(this.#before + promptTokens(encoding, prompt), maxLength - this.#after - 1)
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

/** Tokens that begin inside the prompt. Offsets count Unicode characters of the whole input. */
function promptTokens(encoding: Encoding, prompt: string): number {
  const characters = Array.from(prompt).length
  const special = encoding.getSpecialTokensMask()
  return encoding.getOffsets().filter(([start], token) => special[token] === 0 && (start ?? 0) < characters).length
}
