/** Batches of an evaluator for tests, and what no test of theirs may leave behind. */
import { afterEach, beforeEach, expect, vi } from 'vitest'

import type { EvaluationResult } from '../../../src/evaluation/evaluation-result.js'
import type { EvaluateBatchOptions } from '../../../src/evaluation/evaluator-options.js'
import type { SimilarityModel } from '../../../src/evaluation/similarity-model.js'
import { StellaEvaluator } from '../../../src/evaluation/stella-evaluator.js'
import type { PairSource } from '../../../src/evaluation/text-pair.js'
import { settle } from '../../support/streams.js'

/** Fails a test that leaves a rejection to nobody, or so many listeners on a signal that Node warns of them. */
export function expectNothingUnhandled(): void {
  const unhandled = vi.fn()
  const events = ['unhandledRejection', 'warning'] as const
  beforeEach(() => {
    unhandled.mockClear()
    for (const event of events) process.on(event, unhandled)
  })
  afterEach(async () => {
    await settle()
    for (const event of events) process.off(event, unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })
}

export async function evaluatorOf(model: SimilarityModel): Promise<StellaEvaluator> {
  const evaluator = new StellaEvaluator({ model })
  await evaluator.initialize()
  return evaluator
}

/** A batch, with its evaluator. */
export async function streamOf(
  model: SimilarityModel,
  pairs: PairSource,
  options?: EvaluateBatchOptions,
): Promise<{
  readonly evaluator: StellaEvaluator
  readonly stream: AsyncGenerator<EvaluationResult, void, void>
}> {
  const evaluator = await evaluatorOf(model)
  return { evaluator, stream: evaluator.evaluateBatch(pairs, options) }
}

export function idsOf(results: readonly EvaluationResult[]): string[] {
  return results.map(({ id }) => id)
}
