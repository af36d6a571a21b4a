import { describe, expect, it } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { checkPairSource, failedResult, parsePair } from '../../../src/evaluation/text-pair.js'
import { failureOf } from '../../support/failure.js'

const GOOD = { id: 'a', groundTruth: 'b', prediction: 'c' }

describe('a pair', () => {
  it('is taken in as a copy, without what else it holds', () => {
    const given = { ...GOOD, label: 1 }
    const parsed = parsePair(given)
    given.id = 'changed'
    expect(parsed).toEqual({ ok: true, pair: GOOD })
  })

  it('may have an empty id and empty texts: what can be embedded is for the model to say', () => {
    expect(parsePair({ id: '', groundTruth: '', prediction: '' }).ok).toBe(true)
  })

  const odd: readonly [unknown, string, object][] = [
    [null, 'got null', { id: '' }],
    [undefined, 'got undefined', { id: '' }],
    ['a', 'got "a" (string)', { id: '' }],
    [['a', 'b', 'c'], '`id` is undefined, `groundTruth` is undefined, `prediction` is undefined', { id: '' }],
    [{ ...GOOD, id: 7 }, '`id` is 7 (number)', { id: '', groundTruthText: 'b', predictionText: 'c' }],
    [{ id: 'a', groundTruth: 'b' }, '`prediction` is undefined', { id: 'a', groundTruthText: 'b', predictionText: '' }],
    [{ ...GOOD, groundTruth: null }, '`groundTruth` is null', { id: 'a', groundTruthText: '' }],
    [{ ...GOOD, prediction: ['c'] }, '`prediction` is an array', { id: 'a' }],
  ]
  it.each(odd)('%j is none: a result that says so', (given, reason, result) => {
    const parsed = parsePair(given, 12)
    expect(parsed).toMatchObject({
      ok: false,
      result: {
        ...{ success: false, similarityScore: null, ...result },
        error: {
          code: 'INPUT_INVALID',
          detail: `Pair 12 should have three strings, \`id\`, \`groundTruth\` and \`prediction\`; ${reason}`,
          details: { place: 12 },
        },
      },
    })
  })

  it('that failed keeps its texts, and has problem details', () => {
    const error = new StellaError('INPUT_TOO_LONG', 'too long', { details: { tokens: 9 } })
    expect(failedResult(GOOD, error)).toEqual({
      ...{ id: 'a', groundTruthText: 'b', predictionText: 'c', similarityScore: null, success: false },
      error: {
        ...{ type: 'urn:stella-pool:error:input-too-long', title: 'Input too long', status: 413 },
        ...{ detail: 'too long', code: 'INPUT_TOO_LONG', details: { tokens: 9 } },
      },
    })
  })
})

describe('a source of pairs', () => {
  async function* generator(): AsyncGenerator<never> {
    await Promise.resolve()
    yield* []
  }

  it.each([[[]], [new Set()], [generator()], [new Map().values()]])('may be anything that can be iterated', (given) => {
    expect(() => {
      checkPairSource(given)
    }).not.toThrow()
  })

  it.each([
    [null, 'got null'],
    ['pairs.jsonl', 'got "pairs.jsonl" (string)'],
    [new String('abc'), 'got an object (String)'],
    [generator, 'got a function; call it, if it is a generator function'],
    [GOOD, 'got an object (Object); put a single pair in an array, or use `evaluateSingle`'],
    [7, 'got 7 (number)'],
  ])('is not %s', async (given, reason) => {
    const error = await failureOf(() => {
      checkPairSource(given)
    })
    expect(error).toMatchObject({ code: 'INPUT_INVALID', details: { argument: 'pairs' } })
    expect(error.message.endsWith(reason)).toBe(true)
  })
})
