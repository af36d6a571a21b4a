/** The evaluator on the embedded model, with real worker threads. Workers run from `dist`. */
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { EvaluationResult, TextPair } from '../../src/evaluation/evaluation-result.js'
import { StellaEvaluator } from '../../src/evaluation/stella-evaluator.js'
import { summarise } from '../../src/evaluation/summary.js'
import { temporaryFolder } from '../support/temp-folder.js'

/** A text alone against the same text among others, in float32, carried into a cosine. */
const MAX_BATCH_DEPENDENCE = 1e-6

const SENTENCES = [
  ['A man is playing a guitar on stage.', 'A man plays the guitar in front of an audience.'],
  ['Two dogs are running through the snow.', 'Two dogs run in deep snow.'],
  ['The woman is slicing tomatoes.', 'A woman cuts up some tomatoes.'],
  ['A train is arriving at the station.', 'The train pulls into the station.'],
] as const

const temporary = temporaryFolder()
const evaluator = new StellaEvaluator({ home: join(temporary.path, 'home'), memory: '4GB', workers: 2 })

beforeAll(() => evaluator.initialize())

afterAll(async () => {
  await evaluator.cleanup()
  await temporary.remove()
})

function cosineOf({ similarityScore }: EvaluationResult): number {
  return similarityScore?.cosineSimilarity ?? Number.NaN
}

function mean(values: readonly number[] = []): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('the evaluator', () => {
  it('scores a text against itself 1', async () => {
    const { similarityScore } = await evaluator.evaluateSingle(SENTENCES[0][0], SENTENCES[0][0], 'same')
    expect(similarityScore?.cosineSimilarity).toBeCloseTo(1, 6)
    expect(similarityScore?.normalizedCosine).toBeCloseTo(1, 6)
  })

  it('scores sentences of like meaning above others, on the whole', async () => {
    const pairs: TextPair[] = SENTENCES.flatMap(([groundTruth], row) =>
      SENTENCES.map(([, prediction], column) => ({
        id: row === column ? 'alike' : 'other',
        ...{ groundTruth, prediction },
      })),
    )
    const scores = new Map<string, number[]>([
      ['alike', []],
      ['other', []],
    ])
    for await (const result of evaluator.evaluateBatch(pairs)) scores.get(result.id)?.push(cosineOf(result))
    expect(scores.get('alike')).toHaveLength(4)
    expect(mean(scores.get('alike'))).toBeGreaterThan(mean(scores.get('other')))
  })

  it('gives a pair the same score alone and in a batch, and fails a bad one alone', async () => {
    const long = 'and so on and so forth, '.repeat(400)
    const pairs: TextPair[] = Array.from({ length: 60 }, (_, number) => {
      const [groundTruth, prediction] = SENTENCES[number % SENTENCES.length] ?? SENTENCES[0]
      return { id: `v${number}`, groundTruth, prediction: number % 10 === 9 ? `${prediction} ${long}` : prediction }
    })
    const bad = { id: 'empty', groundTruth: 'something', prediction: '' }
    const results: EvaluationResult[] = []
    for await (const result of evaluator.evaluateBatch([...pairs.slice(0, 30), bad, ...pairs.slice(30)])) {
      results.push(result)
    }
    expect(results.map(({ id }) => id)).toEqual([
      ...pairs.slice(0, 30).map(({ id }) => id),
      'empty',
      ...pairs.slice(30).map(({ id }) => id),
    ])
    expect(results.filter(({ success }) => !success).map(({ id, error }) => [id, error?.code])).toEqual([
      ['empty', 'INPUT_INVALID'],
    ])
    const summary = await summarise(results)
    expect(summary).toMatchObject({ pairs: 61, succeeded: 60, failed: 1, truncated: 6 })
    for (const { id, groundTruth, prediction } of pairs.slice(0, 4)) {
      const alone = await evaluator.evaluateSingle(groundTruth, prediction, id)
      const among = results.find((result) => result.id === id)
      expect(Math.abs(cosineOf(alone) - (among === undefined ? Number.NaN : cosineOf(among)))).toBeLessThanOrEqual(
        MAX_BATCH_DEPENDENCE,
      )
    }
  })

  it('is cleaned up for good', async () => {
    await evaluator.cleanup()
    await expect(evaluator.initialize()).rejects.toMatchObject({ code: 'POOL_CLOSED' })
    expect(evaluator.getStats().running).toBe(0)
  })
})
