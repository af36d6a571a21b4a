/** Texts to token ids as `StellaTokenizer` does it, with the same limits and errors, and without its native library. */
import type { StellaError } from '../errors.js'
import { promptTooLong, tooLong } from '../text/length-errors.js'
import type { EachTokenizer, TextOptions, Tokenized, TokenizedText } from '../text/tokenized-text.js'
import { END_ID, START_ID, fakeTokens } from './fake-tokens.js'
import { rest } from './rest.js'

/** Characters between two breaths: some milliseconds of the calling thread, which is the only one there is. */
const CHARACTERS_PER_TURN = 100_000

/** See the head of this file. */
export class FakeTokenizer implements EachTokenizer {
  readonly #vocab: number

  /** @param vocab - Rows of the model's embedding table. */
  constructor(vocab: number) {
    this.#vocab = vocab
  }

  async encodeEach(
    texts: readonly string[],
    options: readonly TextOptions[],
    places?: readonly number[],
  ): Promise<readonly Tokenized[]> {
    const results: Tokenized[] = []
    let characters = CHARACTERS_PER_TURN
    for (const [index, text] of texts.entries()) {
      // First of all, too: no answer comes at once.
      if (characters >= CHARACTERS_PER_TURN) {
        await rest(0)
        characters = 0
      }
      const own = options[index]
      if (own === undefined) throw new Error(`${texts.length} texts have ${options.length} options`)
      results.push(this.#encode(text, places?.[index] ?? index, own))
      characters += text.length
    }
    return results
  }

  #encode(text: string, place: number, { prompt, maxLength, overflow }: TextOptions): TokenizedText | StellaError {
    const { ids, ends } = fakeTokens(prompt + text, this.#vocab)
    const total = ids.length + 2
    if (total <= maxLength) return { ids: this.#enclose(ids), total, truncated: false }
    if (overflow === 'error') return tooLong(place, total, maxLength)
    // A token that reaches from the prompt into the text belongs to the text.
    const past = ends.findIndex((at) => at > prompt.length)
    const head = prompt === '' ? 0 : past === -1 ? ids.length : past
    const room = maxLength - 2
    if (head >= room) return promptTooLong(head + 2, maxLength)
    const kept =
      overflow === 'truncate-right'
        ? ids.slice(0, room)
        : [...ids.slice(0, head), ...ids.slice(ids.length - (room - head))]
    return { ids: this.#enclose(kept), total, truncated: true }
  }

  #enclose(tokens: readonly number[]): Int32Array {
    const ids = new Int32Array(tokens.length + 2).fill(START_ID)
    ids.set(tokens, 1)
    ids[ids.length - 1] = Math.min(END_ID, this.#vocab - 1)
    return ids
  }
}
