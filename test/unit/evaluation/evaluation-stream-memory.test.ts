/** What a long batch holds: as much at its end as near its beginning. */
import v8 from 'node:v8'
import vm from 'node:vm'

import { describe, expect, it } from 'vitest'

import type { TextPair } from '../../../src/evaluation/evaluation-result.js'
import type { SimilarityModel } from '../../../src/evaluation/similarity-model.js'
import { StellaEvaluator } from '../../../src/evaluation/stella-evaluator.js'
import { SummaryBuilder } from '../../../src/evaluation/summary.js'
import { pair, scoreFor, similarity } from './manual-model.js'

/** One that held a number for each would grow by more than what is allowed. */
const PAIRS = 100_000

/** What the heap may grow by between a tenth and the end, in bytes; a result takes some 500. */
const ALLOWED_GROWTH = 600_000

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

function heapUsed(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

function* syncPairs(): Generator<TextPair> {
  for (let number = 0; number < PAIRS; number++) yield pair(number)
}

async function* asyncPairs(): AsyncGenerator<TextPair> {
  for (let number = 0; number < PAIRS; number++) {
    // As a file does: most are there, some have to be waited for.
    if (number % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    yield pair(number)
  }
}

/** Answers after a turn of the event loop, and every seventh pair after some more. */
function uneven(): SimilarityModel {
  let asked = 0
  return {
    computeSimilarity: async () => {
      const number = asked++
      for (let turn = 0; turn < (number % 7 === 3 ? 3 : 1); turn++) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      return similarity(scoreFor(number))
    },
  }
}

describe('the heap', () => {
  it.each([
    ['ordered, from a source that is always ready', true, syncPairs],
    ['unordered, from a slow source', false, asyncPairs],
  ] as const)('stays flat over 100,000 pairs: %s', async (_, ordered, pairs) => {
    const evaluator = new StellaEvaluator({ model: uneven() })
    await evaluator.initialize()
    const builder = new SummaryBuilder()
    const { signal } = new AbortController()
    let [count, first, last] = [0, 0, 0]
    for await (const result of evaluator.evaluateBatch(pairs(), { ordered, signal })) {
      builder.add(result)
      count++
      if (count === PAIRS / 10) first = heapUsed()
      if (count === PAIRS - 2000) last = heapUsed()
    }
    expect(builder.summary()).toMatchObject({ pairs: PAIRS, succeeded: PAIRS, tokens: 7 * PAIRS })
    expect(evaluator.getStats().pairs).toBe(PAIRS)
    expect(Math.min(first, last)).toBeGreaterThan(0)
    expect(last - first).toBeLessThan(ALLOWED_GROWTH)
  })
})
