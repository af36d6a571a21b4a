/** From what came of each text to what a caller gets. */
import type { StellaError } from '../errors.js'
import { isStellaError } from '../errors.js'
import type { BatchEmbedResult, EmbedInput } from '../inference/embed-texts.js'
import type { TextOutcome } from './text-outcome.js'

/**
 * Embeds the texts that could be read.
 *
 * @param checked - Each text, or why it could not be read.
 * @param embed - Not called where none could.
 * @returns what came of each, in their order.
 */
export async function embedReadable(
  checked: readonly (EmbedInput | StellaError)[],
  embed: (texts: readonly EmbedInput[]) => Promise<readonly TextOutcome[]>,
): Promise<readonly TextOutcome[]> {
  const texts = checked.filter((input): input is EmbedInput => !isStellaError(input))
  const embedded = (texts.length === 0 ? [] : await embed(texts)).values()
  return checked.map((input, index) => {
    if (isStellaError(input)) return { ok: false, error: input }
    const next = embedded.next()
    if (next.done === true) throw new Error(`text ${index} has no outcome`)
    return next.value
  })
}

/** Outcomes of which none failed, as one result. */
export function batchResult(outcomes: readonly TextOutcome[], dimensions: number): BatchEmbedResult {
  const texts = outcomes.map((outcome) => {
    if (!outcome.ok) throw outcome.error
    return outcome
  })
  return {
    embeddings: texts.map(({ embedding }) => embedding),
    dimensions,
    usage: {
      tokens: texts.reduce((sum, { tokens }) => sum + tokens, 0),
      tokensTotal: texts.reduce((sum, { tokensTotal }) => sum + tokensTotal, 0),
    },
    tokens: texts.map(({ tokens }) => tokens),
    truncated: texts.map(({ truncated }) => truncated),
  }
}
