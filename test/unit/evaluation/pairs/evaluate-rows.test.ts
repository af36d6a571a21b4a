import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { EvaluationResult, TextPair } from '../../../../src/evaluation/evaluation-result.js'
import type { EvaluatePairs } from '../../../../src/evaluation/pairs/evaluate-rows.js'
import {
  MAX_WAITING_CHARACTERS,
  MAX_WAITING_ROWS,
  evaluateRows,
} from '../../../../src/evaluation/pairs/evaluate-rows.js'
import type { PairRow } from '../../../../src/evaluation/pairs/pair-row.js'
import { refusedRow } from '../../../../src/evaluation/pairs/pair-row.js'
import { scored } from '../results.js'

function pair(line: number): PairRow {
  return { kind: 'pair', line, pair: { id: `p${line}`, groundTruth: 'x', prediction: 'y' } }
}

function refused(line: number, text = ''): PairRow {
  return refusedRow('is bad', { source: 'p', line }, { id: `r${line}`, groundTruth: text })
}

/** Has `ahead` pairs at once, and gives results in their order. */
function evaluator(ahead: number): EvaluatePairs {
  return async function* (pairs: AsyncIterable<TextPair>): AsyncGenerator<EvaluationResult> {
    const waiting: TextPair[] = []
    for await (const each of pairs) {
      waiting.push(each)
      if (waiting.length < ahead) continue
      const first = waiting.shift()
      if (first !== undefined) yield scored(first.id, 0.5)
    }
    for (const each of waiting) yield scored(each.id, 0.5)
  }
}

async function* rowsFrom(rows: Iterable<PairRow>): AsyncGenerator<PairRow> {
  for (const row of rows) {
    await Promise.resolve()
    yield row
  }
}

async function idsOf(rows: Iterable<PairRow>, evaluate: EvaluatePairs): Promise<[number, string][]> {
  const ids: [number, string][] = []
  for await (const { line, result } of evaluateRows(rowsFrom(rows), evaluate)) ids.push([line, result.id])
  return ids
}

describe('evaluateRows', () => {
  it('gives a result for every row, in their order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        async (good, ahead) => {
          const rows = good.map((isGood, index) => (isGood ? pair(index + 1) : refused(index + 1)))
          const expected = good.map((isGood, index) => [index + 1, `${isGood ? 'p' : 'r'}${index + 1}`])
          expect(await idsOf(rows, evaluator(ahead))).toEqual(expected)
        },
      ),
    )
  })

  it('tells a refused row before the next pair is there', async () => {
    const rows = async function* (): AsyncGenerator<PairRow> {
      yield refused(1)
      await new Promise(() => undefined)
    }
    const results = evaluateRows(rows(), evaluator(1))
    expect((await results.next()).value).toMatchObject({ line: 1, result: { success: false } })
  })

  it('holds so many rows and no more, where all are refused', async () => {
    const some = MAX_WAITING_ROWS * 3
    expect(
      await idsOf(
        Array.from({ length: some }, (_, index) => refused(index + 1)),
        evaluator(4),
      ),
    ).toHaveLength(some)

    let read = 0
    const text = 'x'.repeat(MAX_WAITING_CHARACTERS / 4)
    const rows = async function* (): AsyncGenerator<PairRow> {
      for (;;) {
        await Promise.resolve()
        yield refused(++read, text)
      }
    }
    const results = evaluateRows(rows(), evaluator(4))
    await results.next()
    // Time for the reader to go on, if it were to.
    for (let turn = 0; turn < 1000; turn++) await Promise.resolve()
    expect(read).toBeLessThanOrEqual(6)
    await results.return(undefined)
  })

  it('throws what the evaluator throws, and what the rows throw', async () => {
    const failing: EvaluatePairs = async function* (pairs) {
      for await (const each of pairs) {
        yield scored(each.id, 0.5)
        throw new Error('the model broke')
      }
    }
    await expect(idsOf([pair(1), pair(2)], failing)).rejects.toThrow('the model broke')
    const broken = async function* (): AsyncGenerator<PairRow> {
      yield await Promise.resolve(pair(1))
      throw new Error('the disk broke')
    }
    const results = evaluateRows(broken(), evaluator(3))
    await expect(results.next()).rejects.toThrow('the disk broke')
  })

  it('ends evaluator and rows when its reader leaves, also where the rows wait for room', async () => {
    const ended: string[] = []
    const rows = async function* (): AsyncGenerator<PairRow> {
      try {
        for (let line = 1; ; line++) {
          await Promise.resolve()
          yield refused(line)
        }
      } finally {
        ended.push('rows')
      }
    }
    const evaluate: EvaluatePairs = async function* (pairs) {
      try {
        yield* evaluator(2)(pairs)
      } finally {
        ended.push('evaluator')
      }
    }
    for await (const { line } of evaluateRows(rows(), evaluate)) {
      if (line === 3) break
    }
    expect(ended).toEqual(['rows', 'evaluator'])
  })
})
