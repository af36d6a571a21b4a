/** All texts or none, over a tokenizer that gives each text its own outcome. */
import { isStellaError } from '../errors.js'
import { throwIfAborted, untilAborted } from '../files/cancellation.js'
import { callsOf } from './native-calls.js'
import type { EachTokenizer, TokenizeOptions, TokenizedText } from './tokenized-text.js'

/**
 * Token ids of each text.
 *
 * @throws {StellaError} the first refused text's error; ABORTED between native calls.
 */
export async function encodeAll(
  tokenizer: EachTokenizer,
  texts: readonly string[],
  options: TokenizeOptions,
): Promise<TokenizedText[]> {
  const { prompt, signal, places } = options
  const results: TokenizedText[] = []
  // Here and not in `encodeEach`: nothing is tokenised behind a text that is refused, nor after an abort.
  for (const [first, end] of callsOf(texts.length, (place) => prompt.length + (texts[place]?.length ?? 0))) {
    throwIfAborted(signal, 'tokenising')
    const part = texts.slice(first, end)
    const call = tokenizer.encodeEach(
      part,
      part.map(() => options),
      part.map((_, index) => places?.[first + index] ?? first + index),
    )
    for (const outcome of await untilAborted(signal, call, 'tokenising')) {
      if (isStellaError(outcome)) throw outcome
      results.push(outcome)
    }
  }
  return results
}
