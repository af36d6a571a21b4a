/** How long one short text takes, from text to vector, in every precision: the middle call and the slow ones. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { Precision } from '../../src/index.js'
import { tokenCounter, withModels } from '../support/models.js'
import type { LatencyRow } from '../support/results.js'
import { quantile, takeTurns } from '../support/statistics.js'
import { textOfTokens } from '../support/texts.js'

/** Tokens of the text. */
const TOKENS = 26

/** Calls of each precision: enough that one slow call in twenty is seen more than once. */
const CALLS = 60

/** What to measure. */
export interface LatencyOptions {
  readonly home: string
  readonly precisions: readonly Precision[]
  readonly threads: number
}

/** Rows of the table, one for each precision. */
export async function measureLatency(info: StellaModelInfo, options: LatencyOptions): Promise<LatencyRow[]> {
  const { precisions, threads } = options
  return await withModels(info, precisions, { ...options, tokenizer: true }, async (models) => {
    const [first] = models.values()
    if (first === undefined) return []
    const text = await textOfTokens(await tokenCounter(first), TOKENS)
    const { usage } = await first.embed(text)
    const works = [...models.values()].map((model) => () => model.embed(text))
    const samples = await takeTurns(works, CALLS)
    return [...models.keys()].map((precision, index) => {
      const times = samples[index] ?? []
      const [p50Ms, p95Ms] = [quantile(times, 0.5), quantile(times, 0.95)]
      return { precision, threads, tokens: usage.tokens, calls: times.length, p50Ms, p95Ms }
    })
  })
}
