/** From what came of each text to what a caller gets. */
import type { StellaError } from '../errors.js'
import { isStellaError } from '../errors.js'
import type { BatchEmbedResult, EmbedInput } from '../inference/embed-texts.js'
import type { TextOutcome } from './text-outcome.js'

/** The outcomes of the texts that could be read, and the errors of the others, in the order of the texts. */
export function mergeOutcomes(
  checked: readonly (EmbedInput | StellaError)[],
  outcomes: readonly TextOutcome[],
): readonly TextOutcome[] {
  const embedded = outcomes.values()
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
