import { describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { EvaluatorOptions } from '../../../src/evaluation/evaluator-options.js'
import type { OpenedModel } from '../../../src/evaluation/similarity-model.js'
import type { OpenModel } from '../../../src/evaluation/stella-evaluator.js'
import { StellaEvaluator } from '../../../src/evaluation/stella-evaluator.js'
import { failureOf } from '../../support/failure.js'
import { settle } from '../../support/streams.js'
import { expectNothingUnhandled } from './evaluation-streams.js'
import { CountingPairs, ManualModel, pairsOf, similarity } from './manual-model.js'

expectNothingUnhandled()

/** An evaluator whose models open when a test says so. */
function setUp(options: EvaluatorOptions = { model: 'stella-nano', batchSize: 3 }) {
  const loads: { resolve: (model: OpenedModel) => void; reject: (error: Error) => void }[] = []
  const open = vi.fn<OpenModel>(() => new Promise<OpenedModel>((resolve, reject) => loads.push({ resolve, reject })))
  const evaluator = new StellaEvaluator(options, open)
  const model = new ManualModel()
  const ready = async (): Promise<void> => {
    const initialised = evaluator.initialize()
    loads[0]?.resolve(model)
    await initialised
  }
  return { evaluator, open, loads, model, ready }
}

describe('initialize', () => {
  it('opens the model with the options, once, however often it is called', async () => {
    const { evaluator, open, loads, model } = setUp()
    const calls = [evaluator.initialize(), evaluator.initialize()]
    loads[0]?.resolve(model)
    await Promise.all(calls)
    await evaluator.initialize()
    expect(open).toHaveBeenCalledOnce()
    expect(open).toHaveBeenCalledWith(expect.objectContaining({ model: 'stella-nano', batchSize: 3 }))
  })

  it('fails all who wait for it, and can be tried again', async () => {
    const { evaluator, open, loads, model } = setUp()
    const broken = new StellaError('MODEL_LOAD_FAILED', 'no memory')
    const calls = [evaluator.initialize(), evaluator.initialize()]
    loads[0]?.reject(broken)
    for (const call of calls) await expect(call).rejects.toBe(broken)
    expect((await failureOf(() => evaluator.evaluateSingle('a', 'b', 'c'))).code).toBe('MODEL_NOT_LOADED')
    const again = evaluator.initialize()
    loads[1]?.resolve(model)
    await again
    expect(open).toHaveBeenCalledTimes(2)
    const result = evaluator.evaluateSingle('g1', 't1', 'c')
    model.of(1).answer()
    expect(await result).toMatchObject({ id: 'c', success: true })
  })

  it('takes a model that is open as it is', async () => {
    const model = new ManualModel()
    const { evaluator, open } = setUp({ model })
    await evaluator.initialize()
    void evaluator.evaluateSingle('g1', 't1', 'c')
    expect(model.asked).toEqual([1])
    model.of(1).answer()
    expect(open).not.toHaveBeenCalled()
  })
})

describe('calls out of turn', () => {
  const calls: readonly [string, (evaluator: StellaEvaluator) => unknown][] = [
    ['evaluateSingle', (evaluator) => evaluator.evaluateSingle('a', 'b', 'c')],
    ['evaluateBatch', (evaluator) => evaluator.evaluateBatch(pairsOf(1))],
  ]

  it.each(calls)('%s before initialize says what to do', async (method, call) => {
    const { evaluator } = setUp()
    const error = await failureOf(() => call(evaluator))
    expect(error.code).toBe('MODEL_NOT_LOADED')
    expect(error.message).toContain(`await evaluator.initialize()\`, then \`${method}`)
  })

  it.each(calls)('%s while the model is loading says so', async (_, call) => {
    const { evaluator, loads, model } = setUp()
    const initialised = evaluator.initialize()
    const error = await failureOf(() => call(evaluator))
    expect(error).toMatchObject({ code: 'MODEL_NOT_LOADED' })
    expect(error.message).toContain('still loading')
    loads[0]?.resolve(model)
    await initialised
  })

  it.each([...calls, ['initialize', (evaluator: StellaEvaluator) => evaluator.initialize()] as const])(
    '%s after cleanup says what to do',
    async (_, call) => {
      const { evaluator, ready } = setUp()
      await ready()
      await evaluator.cleanup()
      const error = await failureOf(() => call(evaluator))
      expect(error).toMatchObject({ code: 'POOL_CLOSED' })
      expect(error.message).toContain('make a new StellaEvaluator')
    },
  )
})

describe('evaluateSingle', () => {
  it('gives a result, or one that says why there is none', async () => {
    const { evaluator, model, ready } = setUp()
    await ready()
    const good = evaluator.evaluateSingle('g1', 't1', 'a', { promptType: 's2p' })
    expect(model.of(1).options).toMatchObject({ promptType: 's2p' })
    model.of(1).answer()
    expect(await good).toMatchObject({ id: 'a', groundTruthText: 'g1', predictionText: 't1', success: true })
    const bad = evaluator.evaluateSingle('g2', 't2', 'b')
    model.of(2).fail(new StellaError('INPUT_TOO_LONG', 'too long'))
    expect(await bad).toMatchObject({ id: 'b', success: false, error: { code: 'INPUT_TOO_LONG' } })
    expect(await evaluator.evaluateSingle(7 as unknown as string, 'b', 'c')).toMatchObject({
      ...{ success: false, error: { code: 'INPUT_INVALID', details: {} } },
    })
    expect(evaluator.getStats()).toMatchObject({ pairs: 3, succeeded: 1, failed: 2 })
  })

  it('throws what is no failure of the pair', async () => {
    const { evaluator, model, ready } = setUp()
    await ready()
    const closed = new StellaError('BREAKER_OPEN', 'closed')
    const result = evaluator.evaluateSingle('g1', 't1', 'a')
    model.of(1).fail(closed)
    await expect(result).rejects.toBe(closed)
  })

  it('serves many at once', async () => {
    const { evaluator, model, ready } = setUp()
    await ready()
    const results = pairsOf(40).map(({ id, groundTruth, prediction }) => {
      return evaluator.evaluateSingle(groundTruth, prediction, id)
    })
    for (const { answer } of [...model.open]) answer()
    expect((await Promise.all(results)).map(({ id }) => id)).toEqual(pairsOf(40).map(({ id }) => id))
  })

  it('is given up by its signal', async () => {
    const { evaluator, model, ready } = setUp()
    await ready()
    const controller = new AbortController()
    const result = evaluator.evaluateSingle('g1', 't1', 'a', { signal: controller.signal })
    controller.abort()
    await expect(result).rejects.toMatchObject({ code: 'ABORTED' })
    expect(model.open).toEqual([])
  })
})

describe('cleanup', () => {
  it('closes the model that was opened, once', async () => {
    const { evaluator, model, ready } = setUp()
    await ready()
    await Promise.all([evaluator.cleanup(), evaluator.cleanup()])
    await evaluator[Symbol.asyncDispose]()
    expect(model.closed).toBe(1)
  })

  it('does not close a model that was given', async () => {
    const model = new ManualModel()
    const { evaluator } = setUp({ model })
    await evaluator.initialize()
    await evaluator.cleanup()
    expect(model.closed).toBe(0)
  })

  it('of an evaluator that was never initialised is nothing', async () => {
    const { evaluator, open } = setUp()
    await evaluator.cleanup()
    expect(open).not.toHaveBeenCalled()
  })

  it('gives up singles and batches, also one that nobody reads, before the model is closed', async () => {
    const { evaluator, model, ready } = setUp()
    await ready()
    const single = evaluator.evaluateSingle('g100', 't', 'a')
    const pairs = new CountingPairs(pairsOf(50))
    const batch = evaluator.evaluateBatch(pairs)
    const first = batch.next()
    await settle()
    model.of(0).answer()
    await first
    let openWhenClosed = -1
    vi.spyOn(model, 'close').mockImplementation(() => {
      openWhenClosed = model.open.length
      return Promise.resolve()
    })
    const cleaned = evaluator.cleanup()
    await expect(single).rejects.toMatchObject({ code: 'POOL_CLOSED' })
    await cleaned
    expect(openWhenClosed).toBe(0)
    await settle()
    expect(pairs.returned).toBe(1)
    await expect(batch.next()).rejects.toMatchObject({ code: 'POOL_CLOSED' })
    // Figures stay.
    expect(evaluator.getStats()).toMatchObject({ pairs: 1, running: 0 })
  })

  it('waits for a model that does not heed its signal, before it closes it', async () => {
    const { evaluator, model, ready } = setUp()
    await ready()
    let answer: () => void = () => undefined
    vi.spyOn(model, 'computeSimilarity').mockImplementation(
      () =>
        new Promise((resolve) => {
          answer = () => {
            resolve(similarity(0.5))
          }
        }),
    )
    const single = evaluator.evaluateSingle('g1', 't1', 'a')
    const cleaning = evaluator.cleanup()
    await settle()
    expect(model.closed).toBe(0)
    answer()
    await cleaning
    expect(model.closed).toBe(1)
    expect(await single).toMatchObject({ success: true })
  })

  it('reaches a batch that has not begun', async () => {
    const { evaluator, ready } = setUp()
    await ready()
    const pairs = new CountingPairs(pairsOf(3))
    const batch = evaluator.evaluateBatch(pairs)
    await evaluator.cleanup()
    await expect(batch.next()).rejects.toMatchObject({ code: 'POOL_CLOSED' })
    expect(pairs.read).toBe(0)
  })

  it('while the model is loading waits for it, closes it, and fails initialize', async () => {
    const { evaluator, loads, model } = setUp()
    const initialised = evaluator.initialize()
    const cleaned = vi.fn()
    const cleaning = evaluator.cleanup().then(cleaned)
    await settle()
    expect(cleaned).not.toHaveBeenCalled()
    loads[0]?.resolve(model)
    await expect(initialised).rejects.toMatchObject({ code: 'POOL_CLOSED' })
    await cleaning
    expect(model.closed).toBe(1)
  })

  it('while the model is loading gives the load up', async () => {
    const { evaluator, open, loads } = setUp()
    const initialised = evaluator.initialize()
    const cleaning = evaluator.cleanup()
    const signal = open.mock.calls[0]?.[0].signal
    expect(signal?.aborted).toBe(true)
    loads[0]?.reject(new StellaError('ABORTED', 'gave up loading'))
    await expect(initialised).rejects.toMatchObject({ code: 'POOL_CLOSED' })
    await cleaning
  })

  it('tells of a model that cannot be closed', async () => {
    const { evaluator, model, ready } = setUp()
    await ready()
    const broken = new Error('cannot close')
    vi.spyOn(model, 'close').mockRejectedValue(broken)
    await expect(evaluator.cleanup()).rejects.toBe(broken)
  })
})
