import { describe, expect, it } from 'vitest'

import { runEvaluate } from '../../../src/cli/evaluate-run.js'
import { StellaError } from '../../../src/errors.js'
import type { EvaluationResult, TextPair } from '../../../src/evaluation/evaluation-result.js'
import type { PairRow } from '../../../src/evaluation/pairs/pair-row.js'
import { refusedRow } from '../../../src/evaluation/pairs/pair-row.js'
import { scoreLines } from '../../../src/evaluation/report/score-lines.js'
import { scored } from '../evaluation/results.js'

async function* rowsTo(count: number): AsyncGenerator<PairRow> {
  for (let line = 1; line <= count; line++) {
    await Promise.resolve()
    // Every tenth holds no pair.
    if (line % 10 === 0) yield refusedRow('is bad', { source: 'p', line })
    else yield { kind: 'pair', line, pair: { id: String(line), groundTruth: 'x', prediction: 'y' } }
  }
}

async function* evaluate(pairs: AsyncIterable<TextPair>): AsyncGenerator<EvaluationResult> {
  for await (const { id } of pairs) yield scored(id, Number(id) / 1000)
}

/** Remembers each write. */
function target(): { readonly writes: string[]; write: (data: string | Uint8Array) => Promise<void> } {
  const writes: string[] = []
  return {
    writes,
    write: async (data) => {
      await Promise.resolve()
      writes.push(String(data))
    },
  }
}

describe('runEvaluate', () => {
  it('writes a line per row in their order, and sums them up', async () => {
    const sink = target()
    const done: number[] = []
    const summary = await runEvaluate({
      ...{ rows: rowsTo(1000), evaluate, scores: scoreLines({ format: 'jsonl' }), target: sink },
      onProgress: (rows) => done.push(rows),
    })
    const lines = sink.writes.join('').trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { line: number }).line)).toEqual(
      Array.from({ length: 1000 }, (_, index) => index + 1),
    )
    expect(done).toHaveLength(1000)
    expect(done.at(-1)).toBe(1000)
    expect(summary).toMatchObject({ pairs: 1000, succeeded: 900, failed: 100, failuresByCode: { INPUT_INVALID: 100 } })
    expect(summary.worst[0]?.result.id).toBe('1')
    expect(summary.bins).toHaveLength(1000)
    // Many rows a write.
    expect(sink.writes.length).toBeLessThan(20)
  })

  it('writes the head of a table also where nothing follows', async () => {
    const sink = target()
    const scores = scoreLines({ format: 'csv' })
    await runEvaluate({ rows: rowsTo(0), evaluate, scores, target: sink, onProgress: () => undefined })
    expect(sink.writes).toEqual([scores.head])
  })

  it('does not hold scores back where they come slowly', async () => {
    const sink = target()
    let now = 0
    const slowly = async function* (pairs: AsyncIterable<TextPair>): AsyncGenerator<EvaluationResult> {
      for await (const { id } of pairs) {
        now += 300
        yield scored(id, 0.5)
      }
    }
    await runEvaluate({
      ...{ rows: rowsTo(5), evaluate: slowly, scores: scoreLines({ format: 'jsonl' }), target: sink },
      ...{ onProgress: () => undefined, now: () => now },
    })
    expect(sink.writes).toHaveLength(5)
  })

  it('throws what the evaluator throws, with the scores before it written or lost with the file', async () => {
    const broken = async function* (pairs: AsyncIterable<TextPair>): AsyncGenerator<EvaluationResult> {
      for await (const { id } of pairs) {
        yield scored(id, 0.5)
        throw new StellaError('BREAKER_OPEN', 'no')
      }
    }
    const run = { rows: rowsTo(5), scores: scoreLines({ format: 'jsonl' }), onProgress: () => undefined }
    await expect(runEvaluate({ ...run, evaluate: broken, target: target() })).rejects.toMatchObject({
      code: 'BREAKER_OPEN',
    })
    const full = { write: () => Promise.reject(new StellaError('STORAGE_FAILED', 'full')) }
    await expect(runEvaluate({ ...run, rows: rowsTo(5), evaluate, target: full })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    })
  })
})
