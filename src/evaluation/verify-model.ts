/**
 * Checks a loaded model: what must hold for any weights, and the published numbers of those it has. Knows no file.
 */
import { isStellaError, messageOf } from '../errors.js'
import type { EmbedTexts, Measurement, PublishedCheck } from './published/check.js'
import { compare, vectorAt, worst } from './published/check.js'
import { cosineSimilarity } from '../vectors/similarity.js'

/** What became of one check. */
export interface CheckResult {
  readonly name: string
  readonly status: 'passed' | 'failed' | 'skipped'
  readonly measured?: number
  readonly expected?: number
  readonly tolerance?: number
  /** What was measured, or why it was not. */
  readonly detail?: string
  /** Who published the expected number. */
  readonly source?: string
}

/** A text's vector alone and among others may differ by this much in any number (fp32). */
export const BATCH_TOLERANCE = 1e-6

/** The cosine of equal texts may be this far from 1. */
export const DUPLICATE_TOLERANCE = 1e-6

/** Texts of one token to some hundred, in no order: whatever is padded, packed or sorted shows. */
export const PROBE_TEXTS: readonly string[] = [
  'Tea.',
  'The ferry to the island leaves at nine and comes back before dark, unless the wind turns.',
  'What is a good way to learn the names of trees?',
  'x = [i ** 2 for i in range(10)]',
  'Ein Satz auf Deutsch, мова українська, 日本語の文, and an emoji 🌊 at the end.',
  `A long one. ${'Every morning the baker opens the shop, lights the oven and reads the orders of the day. '.repeat(12)}`,
  'No.',
  'Prices rose by 3.5 % in 2023 and by 2.1 % in 2024, according to the office of statistics.',
]

/** Runs the checks that any model must pass, then `published`, and stops at none. */
export async function verifyModel(
  embed: EmbedTexts,
  published: readonly PublishedCheck[],
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = []
  for (const { name, run } of INTRINSIC) results.push(await resultOf(name, () => run(embed)))
  for (const check of published) {
    results.push({ ...(await resultOf(check.name, () => check.run(embed))), source: check.source })
  }
  return results
}

const INTRINSIC: readonly { readonly name: string; readonly run: (embed: EmbedTexts) => Promise<Measurement> }[] = [
  {
    name: 'the same call twice',
    run: async (embed) => {
      const first = await embed(PROBE_TEXTS)
      const second = await embed(PROBE_TEXTS)
      const apart = PROBE_TEXTS.map((_, index) => largestDifference(vectorAt(first, index), vectorAt(second, index)))
      return compare(Math.max(...apart), 0, 0, 'largest difference')
    },
  },
  {
    name: 'alone and in a batch',
    run: async (embed) => {
      const together = await embed(PROBE_TEXTS)
      const measured: Measurement[] = []
      for (const [index, text] of PROBE_TEXTS.entries()) {
        const apart = largestDifference(vectorAt(await embed([text]), 0), vectorAt(together, index))
        measured.push(compare(apart, 0, BATCH_TOLERANCE, `largest difference, text ${index + 1}`))
      }
      return worst(measured)
    },
  },
  {
    name: 'equal texts in a batch',
    run: async (embed) => {
      // Reversed, so that each pair stands at different places.
      const result = await embed([...PROBE_TEXTS, ...PROBE_TEXTS.toReversed()])
      const last = PROBE_TEXTS.length * 2 - 1
      const pairs = PROBE_TEXTS.map((_, index) => {
        const cosine = cosineSimilarity(vectorAt(result, index), vectorAt(result, last - index))
        return compare(cosine, 1, DUPLICATE_TOLERANCE, `cosine, text ${index + 1}`)
      })
      return worst(pairs)
    },
  },
]

async function resultOf(name: string, run: () => Promise<Measurement>): Promise<CheckResult> {
  try {
    const { passed, ...measured } = await run()
    return { name, status: passed ? 'passed' : 'failed', ...measured }
  } catch (error) {
    // A head that was never fetched says nothing about the model.
    if (isStellaError(error) && error.code === 'MODEL_NOT_DOWNLOADED') {
      return { name, status: 'skipped', detail: error.message }
    }
    if (isStellaError(error) && error.code === 'ABORTED') throw error
    return { name, status: 'failed', detail: messageOf(error) }
  }
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? Number.NaN))), 0)
}
