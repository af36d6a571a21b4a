import { describe, expect, it } from 'vitest'

import type { EvaluateBatchOptions, EvaluatorOptions } from '../../../src/evaluation/evaluator-options.js'
import { resolveBatchOptions } from '../../../src/evaluation/evaluator-options.js'
import { StellaEvaluator } from '../../../src/evaluation/stella-evaluator.js'
import type { PairSource } from '../../../src/evaluation/text-pair.js'
import { failureOf } from '../../support/failure.js'
import { evaluatorOf } from './evaluation-streams.js'
import { ManualModel } from './manual-model.js'

describe('options', () => {
  const model = new ManualModel()

  it.each([
    [{ model: 'stella-nano', batchSise: 3 }, 'OPTION_INVALID', /batchSise/],
    [{ batchSize: 0 }, 'OPTION_INVALID', /batchSize/],
    [{ promptType: 's3s' }, 'TASK_UNKNOWN', /s3s/],
    [{ model, batchSize: 3 }, 'OPTION_INVALID', /leave out batchSize/],
    [{ model: Object.assign(new ManualModel(), { batchSize: 0 }) }, 'OPTION_INVALID', /model\.batchSize/],
    [null, 'OPTION_INVALID', /object/],
  ])('%j are refused at once', async (options, code, message) => {
    const error = await failureOf(() => new StellaEvaluator(options as EvaluatorOptions))
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  it.each([
    [{ maxInFlight: 0 }, /`maxInFlight` to be an integer from 1 to 4096/],
    [{ maxInFlight: 4097 }, /`maxInFlight`/],
    [{ ordered: 'yes' }, /`ordered`/],
    [{ onProgress: 1 }, /`onProgress`/],
    [{ signal: {} }, /`signal`/],
    [{ order: true }, /Unknown option `order`/],
  ])('%j of a batch are refused at once', async (options, message) => {
    const evaluator = await evaluatorOf(model)
    const error = await failureOf(() => evaluator.evaluateBatch([], options as EvaluateBatchOptions))
    expect(error).toMatchObject({ code: 'OPTION_INVALID', message: expect.stringMatching(message) as string })
  })

  it('read no more pairs ahead than is of use, however large the batches of the model are', () => {
    expect(resolveBatchOptions({}, 4096).maxInFlight).toBe(4096)
  })

  it('of one pair are refused likewise', async () => {
    const evaluator = await evaluatorOf(model)
    for (const options of [{ ordered: true }, { signal: 7 }]) {
      const error = await failureOf(() => evaluator.evaluateSingle('a', 'b', 'c', options as object))
      expect(error.code).toBe('OPTION_INVALID')
    }
  })

  it('refuses what is no source of pairs, before anything is read', async () => {
    const evaluator = await evaluatorOf(model)
    const error = await failureOf(() => evaluator.evaluateBatch('pairs.jsonl' as unknown as PairSource))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', details: { argument: 'pairs' } })
  })
})
