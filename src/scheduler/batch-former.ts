/** Which waiting texts go along with the one whose turn it is. Pure; knows lengths and limits, no queue. */
import type { RunLimits } from '../packed/packing.js'

/** A text as far as filling a batch goes. */
export interface Sized {
  readonly tokens: number
  /** Threads that were lost while they held it: one that may be to blame has nobody beside it. */
  readonly losses: number
}

/**
 * Fills a batch around `lead`: the nearest lengths first, as each place of padding is computed for nothing, older ones
 * first among equals.
 *
 * @param others - Who may go along, oldest first.
 * @param budget - Tokens of the batch, at most `limits.runTokens`. A longer lead goes alone.
 * @returns the lead and who goes along.
 */
export function fillBatch<T extends Sized>(lead: T, others: readonly T[], limits: RunLimits, budget: number): T[] {
  const batch = [lead]
  if (goesAlone(lead, limits)) return batch
  let { tokens } = lead
  let longest = lead.tokens
  const fitting = others.filter((text) => tokens + text.tokens <= budget && !goesAlone(text, limits))
  for (const text of nearestFirst(fitting, lead.tokens)) {
    if (tokens + text.tokens > budget) continue
    const length = Math.max(longest, text.tokens)
    if ((batch.length + 1) * length > limits.paddedPlaces) continue
    batch.push(text)
    tokens += text.tokens
    longest = length
    if (tokens === budget) break
  }
  return batch
}

/** By distance from a length, in their order where it is equal. */
function* nearestFirst<T extends Sized>(texts: readonly T[], length: number): Generator<T> {
  // Sorting numbers takes a tenth of the time that sorting by a comparison does: distance and place in one number each.
  const { length: count } = texts
  const keys = new Float64Array(count)
  for (const [place, { tokens }] of texts.entries()) keys[place] = Math.abs(tokens - length) * count + place
  for (const key of keys.sort()) {
    const text = texts[key % count]
    if (text !== undefined) yield text
  }
}

function goesAlone({ tokens, losses }: Sized, { aloneFrom }: RunLimits): boolean {
  return tokens >= aloneFrom || losses > 0
}
