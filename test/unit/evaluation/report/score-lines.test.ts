import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { EvaluatedRow } from '../../../../src/evaluation/pairs/evaluate-rows.js'
import { readPairs } from '../../../../src/evaluation/pairs/read-pairs.js'
import type { ScoreLinesOptions } from '../../../../src/evaluation/report/score-lines.js'
import { scoreLines } from '../../../../src/evaluation/report/score-lines.js'
import { stream } from '../pairs/rows.js'
import { failed, scored } from '../results.js'

function written(rows: readonly EvaluatedRow[], options: ScoreLinesOptions): string {
  const scores = scoreLines(options)
  return scores.head + scores.lines(rows.slice(0, 1)) + scores.lines(rows.slice(1))
}

const ROWS: readonly EvaluatedRow[] = [
  { line: 1, result: scored('a', 0.25, { groundTruth: 'x, "y"', prediction: 'two\nlines', truncated: [false, true] }) },
  { line: 4, result: failed('b', 'INPUT_TOO_LONG', 'is too long', { groundTruth: 'z' }) },
]

describe('scores as JSON Lines', () => {
  it('have an object per pair: its scores, or its error', () => {
    const lines = written(ROWS, { format: 'jsonl' }).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        id: 'a',
        line: 1,
        success: true,
        cosineSimilarity: -0.5,
        normalizedCosine: 0.25,
        tokens: [7, 9],
        truncated: [false, true],
      },
      {
        id: 'b',
        line: 4,
        success: false,
        error: {
          type: 'urn:stella-pool:error:input-too-long',
          title: 'Input too long',
          status: 413,
          detail: 'is too long',
          code: 'INPUT_TOO_LONG',
          details: { line: 3 },
        },
      },
    ])
    expect(Object.keys(JSON.parse(lines[0] ?? '') as object)[0]).toBe('id')
  })

  it('are pairs again where they repeat the texts', async () => {
    const text = written(ROWS, { format: 'jsonl', texts: true })
    const rows = []
    for await (const row of readPairs(stream(text), { format: 'jsonl' })) rows.push(row)
    expect(rows[0]).toMatchObject({ pair: { id: 'a', groundTruth: 'x, "y"', prediction: 'two\nlines' } })
  })
})

describe('scores as CSV', () => {
  it('have a header and a row per pair', () => {
    const table: unknown = parse(written(ROWS, { format: 'csv' }), { columns: true })
    expect(table).toEqual([
      {
        id: 'a',
        line: '1',
        success: 'true',
        cosineSimilarity: '-0.5',
        normalizedCosine: '0.25',
        groundTruthTokens: '7',
        predictionTokens: '9',
        groundTruthTruncated: 'false',
        predictionTruncated: 'true',
        errorCode: '',
        errorDetail: '',
      },
      {
        id: 'b',
        line: '4',
        success: 'false',
        cosineSimilarity: '',
        normalizedCosine: '',
        groundTruthTokens: '',
        predictionTokens: '',
        groundTruthTruncated: '',
        predictionTruncated: '',
        errorCode: 'INPUT_TOO_LONG',
        errorDetail: 'is too long',
      },
    ])
  })

  it('have texts that come back as they were', () => {
    const texts = fc.string({
      unit: fc.constantFrom('a', ',', '"', '\n', '\r', ';', '\t', 'é', '🌊', ' '),
      maxLength: 20,
    })
    fc.assert(
      fc.property(texts, texts, (id, text) => {
        const row = { line: 1, result: scored(`i${id}`, 0.5, { groundTruth: `t${text}`, prediction: 'p' }) }
        const [parsed]: unknown[] = parse(written([row], { format: 'csv', texts: true }), {
          columns: true,
          record_delimiter: '\n',
        })
        expect(parsed).toMatchObject({ id: `i${id}`, groundTruth: `t${text}`, prediction: 'p' })
      }),
    )
  })

  it.each(['=1+1', '+1', '-1', '@x', '\tx', '\rx', '＝1'])(
    'do not run %j, which a spreadsheet would take for a formula',
    (text) => {
      const row = { line: 1, result: scored(text, 0.25, { groundTruth: text, prediction: text }) }
      const csv = written([row], { format: 'csv', texts: true })
      const [parsed] = parse(csv, { columns: true, record_delimiter: '\n' }) as unknown as Record<string, string>[]
      for (const column of ['id', 'groundTruth', 'prediction']) expect(parsed?.[column]).toBe(`'${text}`)
      // A number is none, also below 0.
      expect(parsed?.['cosineSimilarity']).toBe('-0.5')
      expect(written([row], { format: 'jsonl', texts: true })).toContain(JSON.stringify({ id: text }).slice(1, -1))
    },
  )
})

it.each([[{ format: 'xml' }], [{ format: 'jsonl', texts: 'yes' }], [{ format: 'csv', text: true }], [null]])(
  'scores are not written as %j says',
  (options) => {
    expect(() => scoreLines(options as unknown as ScoreLinesOptions)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  },
)
