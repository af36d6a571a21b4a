/**
 * Texts to token ids with the checkpoint's own tokenizer. The library works on threads of its own, but what it finds is
 * taken from it, and freed, on the calling thread: `tokenizer-thread.ts` is for callers that must not be held up.
 * It is native and loaded on first use: a platform without a binary must fail as an error of a load, not of an import.
 */
import { stat } from 'node:fs/promises'
import { setImmediate as breathe } from 'node:timers/promises'

import type * as Tokenizers from 'tokenizers'
import type { Encoding, Tokenizer } from 'tokenizers'

import { StellaError, messageOf } from '../errors.js'
import { encodeAll } from './encode-all.js'
import type { EncodedTexts, FittedText } from './encoded-texts.js'
import { layFlat, toOutcomes } from './encoded-texts.js'
import { callsOf } from './native-calls.js'
import type { EachTokenizer, TextOptions, Tokenized, TokenizedText, TokenizeOptions } from './tokenized-text.js'

export type { TextOptions, Tokenized, TokenizedText, TokenizeOptions } from './tokenized-text.js'

/** The multilingual tokenizers of real checkpoints stay under 20 MB. */
const MAX_TOKENIZER_BYTES = 100_000_000

/** Tokens taken from the library before the event loop has its turn: about 2 ms. A text is taken in one piece. */
const TOKENS_PER_BREATH = 20_000

/** A loaded tokenizer. */
export class StellaTokenizer implements EachTokenizer {
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
   * Loads a `tokenizer.json`, which blocks the calling thread. The truncation and padding that it may state are dropped:
   * the 400M's cuts and pads every text to 512 tokens.
   *
   * @param vocab - Rows of the model's embedding table.
   * @throws {StellaError} ARTEFACT_INVALID when it cannot be read, is no tokenizer, or has more tokens than the table;
   * MODEL_LOAD_FAILED where the library has no binary for this platform.
   */
  static async load(path: string, vocab: number): Promise<StellaTokenizer> {
    const { Tokenizer } = await importLibrary()
    try {
      const { size } = await stat(path)
      if (size > MAX_TOKENIZER_BYTES) throw new Error(`it has ${size} bytes; at most ${MAX_TOKENIZER_BYTES} are read`)
      const tokenizer = Tokenizer.fromFile(path)
      tokenizer.disableTruncation()
      tokenizer.disablePadding()
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
   * Token ids of each text: all or none.
   *
   * @throws {StellaError} INPUT_TOO_LONG under `overflow: 'error'`, naming the text; OPTION_INVALID when a text must be
   * cut and the prompt leaves nothing of it; ABORTED between calls.
   */
  encode(texts: readonly string[], options: TokenizeOptions): Promise<TokenizedText[]> {
    return encodeAll(this, texts, options)
  }

  /** Each text for itself: its ids, or the error that `encode` would throw for it. */
  async encodeEach(
    texts: readonly string[],
    options: readonly TextOptions[],
    places: readonly number[] = [...texts.keys()],
  ): Promise<readonly Tokenized[]> {
    return toOutcomes(await this.encodeFlat(texts, options), options, places)
  }

  /**
   * As {@link encodeEach}, in the form that crosses threads.
   *
   * @param options - Of each text.
   */
  async encodeFlat(texts: readonly string[], options: readonly TextOptions[]): Promise<EncodedTexts> {
    const limits = (place: number): TextOptions => {
      const own = options[place]
      if (own === undefined) throw new Error(`${texts.length} texts have ${options.length} options`)
      return own
    }
    const whole = texts.map((text, place) => limits(place).prompt + text)
    const fitted: FittedText[] = []
    let breath = 0
    for (const [first, end] of callsOf(texts.length, (place) => whole[place]?.length ?? 0)) {
      for (const encoding of await this.#tokenizer.encodeBatch(whole.slice(first, end))) {
        const text = this.#fit(encoding, limits(fitted.length))
        fitted.push(text)
        breath += text.total
        if (breath < TOKENS_PER_BREATH) continue
        breath = 0
        await breathe()
      }
    }
    return layFlat(fitted)
  }

  #fit(encoding: Encoding, { maxLength, overflow, prompt }: TextOptions): FittedText {
    const ids = encoding.getIds()
    const total = ids.length
    if (total <= maxLength) return { ids, total }
    if (overflow === 'error') return { refused: 'text', total }
    const tail = total - this.#after
    // The prompt is part of what the model was asked: the cut comes after it.
    const head = prompt === '' ? this.#before : tokensUpTo(encoding, prompt, this.#before)
    // All texts would get one vector, that of the prompt.
    if (head + this.#after >= maxLength) return { refused: 'prompt', total: head + this.#after }
    const room = maxLength - this.#after
    const kept =
      overflow === 'truncate-right'
        ? ids.slice(0, room)
        : ids.slice(0, head).concat(ids.slice(tail - (room - head), tail))
    return { ids: kept.concat(ids.slice(tail)), total }
  }
}

async function importLibrary(): Promise<typeof Tokenizers> {
  try {
    return await import('tokenizers')
  } catch (error) {
    throw new StellaError('MODEL_LOAD_FAILED', `The tokenizer library does not load here: ${messageOf(error)}`, {
      cause: error,
    })
  }
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
 *
 * Asks for one token after the other: all offsets of a text are an array for each of its tokens.
 */
function tokensUpTo(encoding: Encoding, prompt: string, before: number): number {
  const characters = Array.from(prompt).length
  const tokens = encoding.getLength()
  for (let token = before; token < tokens; token++) {
    const [, end] = encoding.tokenToChars(token) ?? [0, 0]
    if (end > characters) return token
  }
  return tokens
}
