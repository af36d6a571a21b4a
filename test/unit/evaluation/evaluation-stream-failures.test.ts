import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { TextPair } from '../../../src/evaluation/evaluation-result.js'
import type { EvaluationProgress } from '../../../src/evaluation/evaluator-options.js'
import type { SimilarityModel } from '../../../src/evaluation/similarity-model.js'
import { collectUntilFailure, holdClock, settle } from '../../support/streams.js'
import { expectNothingUnhandled, idsOf, streamOf } from './evaluation-streams.js'
import { CountingPairs, ManualModel, instantModel, pair, pairsOf } from './manual-model.js'

expectNothingUnhandled()

beforeEach(() => {
  holdClock()
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('an error that is no pair’s own', () => {
  it('comes after the results of all pairs before it, and ends source and work', async () => {
    const model = new ManualModel()
    const pairs = new CountingPairs(pairsOf(50))
    const { stream, evaluator } = await streamOf(model, pairs, { maxInFlight: 4 })
    const results = collectUntilFailure(stream)
    await settle()
    const closed = new StellaError('POOL_CLOSED', 'closed')
    model.of(2).fail(closed)
    await settle()
    // Nothing more is read, and what comes before is waited for.
    model.of(0).answer()
    await settle()
    expect(pairs.read).toBe(4)
    model.of(1).answer()
    const { items, error } = await results
    expect(idsOf(items)).toEqual(['p0', 'p1'])
    expect(error).toBe(closed)
    expect(model.open).toEqual([])
    expect(pairs.returned).toBe(1)
    expect(evaluator.getStats()).toMatchObject({ pairs: 2, failed: 0, running: 0 })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('is thrown once, however many pairs meet it', async () => {
    const error = new StellaError('MODEL_LOAD_FAILED', 'no model')
    const model: SimilarityModel = { computeSimilarity: () => Promise.reject(error) }
    function* endless(): Generator<TextPair> {
      for (let number = 0; ; number++) yield pair(number)
    }
    const { stream, evaluator } = await streamOf(model, endless())
    expect(await collectUntilFailure(stream)).toEqual({ items: [], error })
    expect(evaluator.getStats()).toMatchObject({ pairs: 0, failed: 0 })
  })

  it.each(['sync', 'async'])('thrown by a %s source comes after the results of all that it gave', async (kind) => {
    const broken = new Error('disk')
    const pairs = new CountingPairs(pairsOf(30), broken)
    async function* late(): AsyncGenerator<TextPair> {
      await Promise.resolve()
      yield* pairs
    }
    const { stream } = await streamOf(instantModel(), kind === 'sync' ? pairs : late())
    const { items, error } = await collectUntilFailure(stream)
    expect(error).toBe(broken)
    expect(items).toHaveLength(30)
  })

  it('thrown as the source begins is the first to be heard of', async () => {
    const broken = new Error('no file')
    const pairs: Iterable<TextPair> = {
      [Symbol.iterator]: () => {
        throw broken
      },
    }
    const { stream } = await streamOf(instantModel(), pairs)
    expect(await collectUntilFailure(stream)).toEqual({ items: [], error: broken })
  })

  it('says so where the source is no iterator', async () => {
    const pairs = { [Symbol.iterator]: () => ({ next: () => 7 }) } as unknown as Iterable<TextPair>
    const { stream } = await streamOf(instantModel(), pairs)
    const { error } = await collectUntilFailure(stream)
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('of the pairs') as string })
  })

  it('of onProgress ends the batch', async () => {
    const bug = new Error('a bug')
    const pairs = new CountingPairs(pairsOf(20))
    const onProgress = ({ done }: EvaluationProgress): void => {
      if (done === 2) throw bug
    }
    const { stream } = await streamOf(instantModel(), pairs, { onProgress, maxInFlight: 2 })
    const { error } = await collectUntilFailure(stream)
    expect(error).toBe(bug)
    expect(pairs.returned).toBe(1)
  })
})
