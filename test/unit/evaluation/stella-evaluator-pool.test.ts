/** An evaluator on a model on a pool: what the pool does to a batch, with a fake engine. */
import { describe, expect, it, onTestFinished } from 'vitest'

import type { EvaluationResult, TextPair } from '../../../src/evaluation/evaluation-result.js'
import { StellaEvaluator } from '../../../src/evaluation/stella-evaluator.js'
import type { FakePool, FakePoolOptions } from '../../../src/fake/index.js'
import { createFakePool } from '../../../src/fake/index.js'
import { StellaModel } from '../../../src/model/stella-model.js'
import { collect, collectUntilFailure } from '../../support/streams.js'

const PAIRS: readonly TextPair[] = Array.from({ length: 60 }, (_, number) => ({
  id: `v${number}`,
  groundTruth: `the dog number ${number} runs over the field`,
  prediction: `the dog number ${number} walks over the street`,
}))

async function setUp(options: FakePoolOptions = {}): Promise<{ pool: FakePool; evaluator: StellaEvaluator }> {
  const pool = await createFakePool({ workers: 1, memory: '8GB', ...options })
  onTestFinished(() => pool.close())
  const evaluator = new StellaEvaluator({ model: 'stella-nano', pool })
  onTestFinished(() => evaluator.cleanup())
  await evaluator.initialize()
  return { pool, evaluator }
}

function scoreOf({ similarityScore }: EvaluationResult): number {
  return similarityScore?.normalizedCosine ?? Number.NaN
}

describe('an evaluator on a pool', () => {
  it('scores equal texts 1, and texts that share words above texts that do not', async () => {
    const { evaluator } = await setUp()
    const same = await evaluator.evaluateSingle('the cat sleeps', 'the cat sleeps', 'a')
    const near = await evaluator.evaluateSingle('the cat sleeps', 'the cat sits', 'b')
    const far = await evaluator.evaluateSingle('the cat sleeps', 'stock prices rose', 'c')
    expect(scoreOf(same)).toBeCloseTo(1, 6)
    expect(scoreOf(near)).toBeGreaterThan(scoreOf(far))
    expect(same.similarityScore?.metadata).toMatchObject({ model: 'stella-nano', promptType: 's2s' })
  })

  it('gives a batch the scores of its pairs alone, and uses each model call for one pair', async () => {
    const { evaluator } = await setUp()
    const results = await collect(evaluator.evaluateBatch(PAIRS))
    expect(results.map(({ id }) => id)).toEqual(PAIRS.map(({ id }) => id))
    for (const [place, { groundTruth, prediction, id }] of PAIRS.slice(0, 5).entries()) {
      const alone = await evaluator.evaluateSingle(groundTruth, prediction, id)
      expect(scoreOf(alone)).toBeCloseTo(results[place] === undefined ? Number.NaN : scoreOf(results[place]), 6)
    }
    expect(evaluator.getStats()).toMatchObject({ pairs: 65, succeeded: 65, overloaded: 0 })
  })

  it('fails the pair with a text that breaks the engine, and no other', async () => {
    const { pool, evaluator } = await setUp()
    pool.fake.failText('number 7 walks')
    const results = await collect(evaluator.evaluateBatch(PAIRS))
    expect(results.filter(({ success }) => !success)).toEqual([
      expect.objectContaining({
        id: 'v7',
        similarityScore: null,
        error: expect.objectContaining({ code: 'INTERNAL' }) as object,
      }),
    ])
  })

  it('fails the pair with an empty text, and says which of the two it is', async () => {
    const { evaluator } = await setUp()
    const result = await evaluator.evaluateSingle('the cat sleeps', '', 'a')
    expect(result.error).toMatchObject({ code: 'INPUT_INVALID', details: { index: 1, text: 'prediction' } })
  })

  it('waits for a queue that is full, and loses nothing', async () => {
    const { evaluator } = await setUp({ queue: { texts: 4 } })
    const results = await collect(evaluator.evaluateBatch(PAIRS, { maxInFlight: 16 }))
    expect(results.map(({ id, success }) => [id, success])).toEqual(PAIRS.map(({ id }) => [id, true]))
    expect(evaluator.getStats().overloaded).toBeGreaterThan(0)
  })

  it('fails a pair that is larger than the queue, and no other', async () => {
    const { evaluator } = await setUp({ queue: { bytes: 1000 } })
    const large = { id: 'large', groundTruth: 'word '.repeat(1000), prediction: 'word' }
    const results = await collect(evaluator.evaluateBatch([...PAIRS.slice(0, 3), large, ...PAIRS.slice(3, 6)]))
    expect(results.map(({ success }) => success)).toEqual([true, true, true, false, true, true, true])
    expect(results[3]?.error).toMatchObject({ code: 'OVERLOADED', details: { limit: 'bytes' } })
  })

  it('ends the batch when the model is broken, rather than fail every pair', async () => {
    const { pool, evaluator } = await setUp()
    pool.fake.failRuns('INTERNAL', { count: Number.POSITIVE_INFINITY })
    const { items, error } = await collectUntilFailure(evaluator.evaluateBatch(PAIRS, { maxInFlight: 4 }))
    expect(error).toMatchObject({ code: 'BREAKER_OPEN' })
    expect(items.every(({ error: own }) => own?.code === 'INTERNAL')).toBe(true)
    expect(items.length).toBeLessThan(20)
  })

  it('ends the batch when the pool is closed under it', async () => {
    const { pool, evaluator } = await setUp()
    const stream = evaluator.evaluateBatch(PAIRS, { maxInFlight: 2 })
    await stream.next()
    await pool.close()
    const { error } = await collectUntilFailure(stream)
    expect(error).toMatchObject({ code: 'POOL_CLOSED' })
  })

  it('ends the batch with what is wrong with its options', async () => {
    const { evaluator } = await setUp()
    const { items, error } = await collectUntilFailure(evaluator.evaluateBatch(PAIRS, { promptType: 's3s' }))
    expect(items).toEqual([])
    expect(error).toMatchObject({ code: 'TASK_UNKNOWN' })
  })

  it('takes a StellaModel that is open, with its prompts, and leaves it open', async () => {
    const { pool } = await setUp()
    const prompts = { discriminative: 'Instruct: Find what says the same.\nQuery: ' }
    const model = await StellaModel.open({ model: 'stella-nano', pool, prompts, promptType: 'discriminative' })
    const evaluator = new StellaEvaluator({ model })
    await evaluator.initialize()
    const results = await collect(evaluator.evaluateBatch(PAIRS))
    expect(results.map(({ success }) => success)).toEqual(PAIRS.map(() => true))
    expect(results[0]?.similarityScore?.metadata.promptType).toBe('discriminative')
    await evaluator.cleanup()
    expect((await model.encodeTexts(['still there'])).embeddings).toHaveLength(1)
  })

  it('leaves a pool that was given open', async () => {
    const { pool, evaluator } = await setUp()
    await evaluator.cleanup()
    expect((await pool.embed('stella-nano', 'still there')).embedding.length).toBeGreaterThan(0)
  })
})
