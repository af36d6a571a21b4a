import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { TextPair } from '../../../src/evaluation/evaluation-result.js'
import type { EvaluationProgress } from '../../../src/evaluation/evaluator-options.js'
import { collect, holdClock, settle } from '../../support/streams.js'
import { evaluatorOf, expectNothingUnhandled, idsOf, streamOf } from './evaluation-streams.js'
import { CountingPairs, ManualModel, instantModel, pair, pairsOf, scoreFor } from './manual-model.js'

expectNothingUnhandled()

beforeEach(() => {
  holdClock()
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the results of a batch', () => {
  it('come one for each pair, in the order of the pairs', async () => {
    const { stream, evaluator } = await streamOf(instantModel(), pairsOf(100))
    const results = await collect(stream)
    expect(idsOf(results)).toEqual(idsOf(await collect(evaluator.evaluateBatch(new CountingPairs(pairsOf(100))))))
    expect(results).toHaveLength(100)
    for (const [number, { id, similarityScore, success }] of results.entries()) {
      expect({ id, success, score: similarityScore?.normalizedCosine }).toEqual({
        ...{ id: `p${number}`, success: true, score: scoreFor(number) },
      })
    }
  })

  it.each([[[]], [new Set<TextPair>()]])('are none for none', async (pairs) => {
    const { stream } = await streamOf(instantModel(), pairs)
    expect(await collect(stream)).toEqual([])
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('wait for the one that is next; unordered, they do not', async () => {
    for (const [ordered, expected] of [[true, 'p0'] as const, [false, 'p2'] as const]) {
      const model = new ManualModel()
      const { stream } = await streamOf(model, pairsOf(3), { ordered })
      const first = stream.next()
      await settle()
      model.of(2).answer()
      await settle()
      model.of(0).answer()
      expect(await first).toMatchObject({ value: { id: expected } })
      model.of(1).answer()
      expect(idsOf(await collect(stream))).toEqual(ordered ? ['p1', 'p2'] : ['p0', 'p1'])
    }
  })

  it('have failed pairs in their places, and go on after them', async () => {
    const errors = new Map([
      [1, new StellaError('INPUT_INVALID', 'empty')],
      [3, new StellaError('INTERNAL', 'broken')],
    ])
    const pairs = [...pairsOf(5), null as unknown as TextPair, pair(6)]
    const { stream, evaluator } = await streamOf(instantModel(errors), pairs)
    const results = await collect(stream)
    expect(results.map(({ success }) => success)).toEqual([true, false, true, false, true, false, true])
    expect(results.map(({ error }) => error?.code)).toEqual([
      ...[undefined, 'INPUT_INVALID', undefined, 'INTERNAL', undefined, 'INPUT_INVALID', undefined],
    ])
    expect(results[5]?.error?.details).toEqual({ place: 5 })
    expect(results.every(({ success, similarityScore }) => success === (similarityScore !== null))).toBe(true)
    expect(evaluator.getStats()).toMatchObject({ pairs: 7, succeeded: 4, failed: 3 })
  })

  it('give the options of a pair to the model, in the lane of bulk work', async () => {
    const model = new ManualModel()
    const { stream } = await streamOf(model, pairsOf(2), { promptType: 's2p', embeddingDimension: 256, maxLength: 99 })
    void stream.next()
    await settle()
    const { signal, ...options } = model.of(1).options
    expect(signal).toBeInstanceOf(AbortSignal)
    expect(options).toEqual({ promptType: 's2p', embeddingDimension: 256, maxLength: 99, lane: 'bulk' })
    await stream.return()
  })

  it('are told of as they are done, with a total where the pairs are an array', async () => {
    const told: EvaluationProgress[] = []
    const onProgress = (progress: EvaluationProgress): void => void told.push(progress)
    const errors = new Map([[1, new StellaError('TIMEOUT', 'late')]])
    const evaluator = await evaluatorOf(instantModel(errors))
    await collect(evaluator.evaluateBatch(pairsOf(3), { onProgress }))
    expect(told).toEqual([
      { done: 1, failed: 0, total: 3 },
      { done: 2, failed: 1, total: 3 },
      { done: 3, failed: 1, total: 3 },
    ])
    await collect(evaluator.evaluateBatch(new CountingPairs(pairsOf(1)), { onProgress }))
    expect(told.at(-1)).toEqual({ done: 1, failed: 0, total: undefined })
  })
})
