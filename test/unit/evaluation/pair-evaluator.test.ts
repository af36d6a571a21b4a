import { getEventListeners } from 'node:events'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { StellaErrorCode } from '../../../src/errors.js'
import { StellaError } from '../../../src/errors.js'
import { EvaluationMeter } from '../../../src/evaluation/evaluation-meter.js'
import { MAX_OVERLOADED_MS, PairEvaluator } from '../../../src/evaluation/pair-evaluator.js'
import type { SimilarityModel } from '../../../src/evaluation/similarity-model.js'
import { parsePair } from '../../../src/evaluation/text-pair.js'
import { ManualModel, instantModel, overloaded, pair, similarity } from './manual-model.js'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

function setUp(model: SimilarityModel, options = {}) {
  const meter = new EvaluationMeter()
  const controller = new AbortController()
  const { signal } = controller
  const evaluator = new PairEvaluator({ model, meter, options, signal })
  return { meter, controller, evaluator, evaluate: (number = 0) => evaluator.evaluate(parsePair(pair(number))) }
}

/** A model that is full so many times. */
function fullFor(times: number, error: StellaError = overloaded()): { model: SimilarityModel; askedAt: number[] } {
  const askedAt: number[] = []
  const computeSimilarity: SimilarityModel['computeSimilarity'] = () => {
    askedAt.push(Date.now())
    return askedAt.length <= times ? Promise.reject(error) : Promise.resolve(similarity(0.5))
  }
  return { model: { computeSimilarity }, askedAt }
}

describe('a pair', () => {
  it('gets its score, with the texts, the options and a signal', async () => {
    const model = new ManualModel()
    const { evaluate, controller, meter } = setUp(model, { promptType: 's2p', lane: 'bulk' })
    const outcome = evaluate(3)
    expect(model.of(3).options).toEqual({ promptType: 's2p', lane: 'bulk', signal: controller.signal })
    expect(meter.stats().running).toBe(1)
    model.of(3).answer(similarity(0.75))
    expect(await outcome).toEqual({
      kind: 'result',
      result: {
        ...{ id: 'p3', groundTruthText: 'g3', predictionText: 't3', success: true },
        similarityScore: similarity(0.75),
      },
    })
    expect(meter.stats()).toMatchObject({ running: 0, pairs: 1, succeeded: 1, failed: 0 })
  })

  it('that is none is not shown to the model', async () => {
    const model = new ManualModel()
    const { evaluator, meter } = setUp(model)
    const outcome = await evaluator.evaluate(parsePair({ id: 'x' }))
    expect(outcome).toMatchObject({ kind: 'result', result: { success: false, error: { code: 'INPUT_INVALID' } } })
    expect(model.asked).toEqual([])
    expect(meter.stats()).toMatchObject({ pairs: 1, failed: 1, failuresByCode: { INPUT_INVALID: 1 } })
  })

  it.each<StellaErrorCode>(['INPUT_INVALID', 'INPUT_TOO_LONG', 'TIMEOUT', 'WORKER_LOST', 'INTERNAL'])(
    'that fails with %s is a result',
    async (code) => {
      const { evaluate, meter } = setUp(instantModel(new Map([[0, new StellaError(code, 'so it is')]])))
      expect(await evaluate()).toMatchObject({
        kind: 'result',
        result: { id: 'p0', groundTruthText: 'g0', similarityScore: null, success: false, error: { code } },
      })
      expect(meter.stats().failuresByCode).toEqual({ [code]: 1 })
    },
  )

  it.each<StellaErrorCode>([
    ...(['POOL_CLOSED', 'ABORTED', 'BREAKER_OPEN', 'MEMORY_EXHAUSTED', 'OPTION_INVALID', 'TASK_UNKNOWN'] as const),
    ...(['DIMENSIONS_UNSUPPORTED', 'MODEL_UNKNOWN', 'MODEL_NOT_LOADED', 'MODEL_NOT_DOWNLOADED'] as const),
    ...(['MODEL_LOAD_FAILED', 'ARTEFACT_INVALID', 'STORAGE_FAILED', 'DOWNLOAD_FAILED'] as const),
  ])('that meets %s is no result, and not counted: the next would meet it, too', async (code) => {
    const error = new StellaError(code, 'so it is')
    const { evaluate, meter } = setUp(instantModel(new Map([[0, error]])))
    const outcome = await evaluate()
    expect(outcome.kind === 'fatal' && outcome.error === error).toBe(true)
    expect(meter.stats()).toMatchObject({ pairs: 0, failed: 0, running: 0 })
  })

  it.each([new TypeError('a bug'), 'thrown', undefined])('that meets %s passes it on, as it is', async (thrown) => {
    const { evaluate } = setUp(instantModel(new Map([[0, thrown]])))
    expect(await evaluate()).toEqual({ kind: 'fatal', error: thrown })
  })

  it.each([
    [0, 'groundTruth'],
    [1, 'prediction'],
  ])('is told which text is the wrong one: %i is the %s', async (index, text) => {
    const error = new StellaError('INPUT_INVALID', 'Text is empty', { details: { index, more: 1 } })
    const { evaluate } = setUp(instantModel(new Map([[0, error]])))
    expect(await evaluate()).toMatchObject({ result: { error: { details: { index, text, more: 1 } } } })
  })

  it.each([
    similarity(Number.NaN),
    similarity(1.0001),
    { ...similarity(0.5), cosineSimilarity: Number.NaN },
    { ...similarity(0.5), cosineSimilarity: -1.5 },
  ])('fails where the model gives what is no score, and gets none made up', async (given) => {
    const { evaluate, meter } = setUp({ computeSimilarity: () => Promise.resolve(given) })
    const outcome = await evaluate()
    expect(outcome).toMatchObject({ result: { success: false, similarityScore: null, error: { code: 'INTERNAL' } } })
    expect(meter.stats().scores).toBeNull()
  })
})

describe('a full pool', () => {
  it('is asked again when it said so', async () => {
    const { model, askedAt } = fullFor(2, overloaded(700))
    const { evaluate, evaluator, meter } = setUp(model)
    const began = Date.now()
    const outcome = evaluate()
    await vi.advanceTimersByTimeAsync(699)
    expect(askedAt).toHaveLength(1)
    expect(evaluator.isWaiting).toBe(true)
    await vi.advanceTimersByTimeAsync(701)
    expect(await outcome).toMatchObject({ kind: 'result', result: { success: true } })
    expect(askedAt.map((at) => at - began)).toEqual([0, 700, 1400])
    expect(evaluator.isWaiting).toBe(false)
    expect(meter.stats()).toMatchObject({ overloaded: 2, succeeded: 1, failed: 0, elapsedMs: 1400 })
  })

  it.each([
    [0, 10],
    [-5, 10],
    [Number.NaN, 10],
    [3_600_000, 60_000],
    [Number.POSITIVE_INFINITY, 60_000],
  ])('that asks for %d ms is asked after %d', async (retryAfterMs, waited) => {
    const { model, askedAt } = fullFor(1, overloaded(retryAfterMs))
    const { evaluate } = setUp(model)
    const began = Date.now()
    const outcome = evaluate()
    await vi.runAllTimersAsync()
    expect(await outcome).toMatchObject({ kind: 'result' })
    expect(askedAt.map((at) => at - began)).toEqual([0, waited])
  })

  it('that stays full ends the batch, and not before ten minutes', async () => {
    const error = overloaded(7_000)
    const { model, askedAt } = fullFor(Number.POSITIVE_INFINITY, error)
    const { evaluate, evaluator } = setUp(model)
    const began = Date.now()
    const outcome = evaluate()
    await vi.runAllTimersAsync()
    expect(await outcome).toEqual({ kind: 'fatal', error })
    expect((askedAt.at(-1) ?? 0) - began).toBe(MAX_OVERLOADED_MS)
    expect(askedAt).toHaveLength(Math.ceil(MAX_OVERLOADED_MS / 7_000) + 1)
    expect(evaluator.isWaiting).toBe(false)
  })

  it('that would never take the pair fails that pair alone, at once', async () => {
    const error = new StellaError('OVERLOADED', 'larger than the queue', { details: { limit: 'bytes' } })
    const { model, askedAt } = fullFor(1, error)
    const { evaluate } = setUp(model)
    expect(await evaluate()).toMatchObject({ kind: 'result', result: { error: { code: 'OVERLOADED', status: 503 } } })
    expect(askedAt).toHaveLength(1)
  })

  it('is not waited for after an abort', async () => {
    const { model, askedAt } = fullFor(1)
    const { evaluate, controller, evaluator, meter } = setUp(model)
    const outcome = evaluate()
    await vi.advanceTimersByTimeAsync(1)
    controller.abort()
    expect(await outcome).toMatchObject({ kind: 'fatal', error: { code: 'ABORTED' } })
    expect(askedAt).toHaveLength(1)
    expect(evaluator.isWaiting).toBe(false)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(meter.stats()).toMatchObject({ running: 0, pairs: 0 })
  })
})

describe('an abort', () => {
  it('is no failure of the pair, whatever its reason looks like', async () => {
    const model = new ManualModel()
    const { evaluate, controller, meter } = setUp(model)
    const outcome = evaluate()
    const reason = new StellaError('TIMEOUT', 'the caller had no time')
    controller.abort(reason)
    expect(await outcome).toEqual({ kind: 'fatal', error: reason })
    expect(meter.stats().pairs).toBe(0)
  })
})
