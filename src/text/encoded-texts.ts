/**
 * Token ids of several texts on one flat array, and which texts are refused. Numbers only, so that an answer crosses
 * threads without a copy. Knows no tokenizer.
 */
import { promptTooLong, tooLong } from './length-errors.js'
import type { TextOptions, Tokenized } from './tokenized-text.js'

/** Several texts' ids, or why they have none. */
export interface EncodedTexts {
  /** int32: the ids that are kept, text after text */
  readonly ids: Int32Array<ArrayBuffer>
  /** int32 `[texts]`: ids that are kept of each, or one of {@link REFUSED}. */
  readonly kept: Int32Array<ArrayBuffer>
  /** int32 `[texts]`: tokens of each in full; of one refused for its prompt, those of prompt and special tokens. */
  readonly totals: Int32Array<ArrayBuffer>
}

/** What stands in place of a length where a text is refused. */
export const REFUSED = {
  /** It is too long, and must not be cut. */
  text: -1,
  /** It must be cut, and the prompt leaves nothing of it. */
  prompt: -2,
} as const

/** One text before it is laid flat. */
export type FittedText =
  | { readonly ids: readonly number[]; readonly total: number }
  | { readonly refused: keyof typeof REFUSED; readonly total: number }

/** Lays texts flat. */
export function layFlat(texts: readonly FittedText[]): EncodedTexts {
  const kept = Int32Array.from(texts, (text) => ('ids' in text ? text.ids.length : REFUSED[text.refused]))
  const totals = Int32Array.from(texts, (text) => text.total)
  const ids = new Int32Array(kept.reduce((sum, length) => sum + Math.max(0, length), 0))
  let start = 0
  for (const text of texts) {
    if (!('ids' in text)) continue
    ids.set(text.ids, start)
    start += text.ids.length
  }
  return { ids, kept, totals }
}

/**
 * The texts again, each with a buffer of its own, and the error of each that is refused.
 *
 * @param options - Of each text, as they were when it was encoded.
 * @param places - What to call each text in errors.
 */
export function toOutcomes(
  { ids, kept, totals }: EncodedTexts,
  options: readonly TextOptions[],
  places: readonly number[],
): readonly Tokenized[] {
  const outcomes: Tokenized[] = []
  let start = 0
  for (const [index, length] of kept.entries()) {
    const [total = 0, place = index] = [totals[index], places[index]]
    const maxLength = options[index]?.maxLength ?? 0
    if (length === REFUSED.text) outcomes.push(tooLong(place, total, maxLength))
    else if (length === REFUSED.prompt) outcomes.push(promptTooLong(total, maxLength))
    else {
      outcomes.push({ ids: ids.slice(start, start + length), total, truncated: total > length })
      start += length
    }
  }
  return outcomes
}
