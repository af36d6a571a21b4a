import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { BrokenCsvRecord } from '../../../../src/evaluation/pairs/csv-records.js'
import { MAX_RECORD_BYTES, readCsvRecords } from '../../../../src/evaluation/pairs/csv-records.js'
import type { CsvRecord } from '../../../../src/evaluation/pairs/csv-run.js'
import { pieces, stream } from './rows.js'

async function recordsOf(...chunks: readonly (Uint8Array | string)[]): Promise<(CsvRecord | BrokenCsvRecord)[]> {
  const records: (CsvRecord | BrokenCsvRecord)[] = []
  for await (const record of readCsvRecords(stream(...chunks), ',')) records.push(record)
  return records
}

/** Fields with everything that means something. */
const field = fc.string({ unit: fc.constantFrom('a', 'é', '🌊', ',', '"', '\n', '\r\n', ' ', '\uFFFD'), maxLength: 6 })
const table = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 12 })

function written(fields: readonly string[]): string {
  // An empty line is no record, so a lone empty field is quoted.
  const needed = (text: string): boolean => /[",\n\r]/.test(text) || (text === '' && fields.length === 1)
  return fields.map((text) => (needed(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(',')
}

describe('readCsvRecords', () => {
  it('gives what was written, with its line, however the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 40 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (rows, cuts, end, last) => {
          const text = rows.map(written).join(end) + (last && rows.length > 0 ? end : '')
          const lines: number[] = []
          let line = 1
          for (const row of rows) {
            lines.push(line)
            line += 1 + written(row).split('\n').length - 1
          }
          const records = await recordsOf(...pieces(Buffer.from(text), cuts))
          expect(records).toEqual(rows.map((fields, index) => ({ line: lines[index], fields, isUtf8: true })))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('tells every line of any bytes once, in order, and always ends', async () => {
    const noise = fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', '""', '"\n'), maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(noise, fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 30 }), async (text, cuts) => {
        const whole = await recordsOf(text)
        expect(await recordsOf(...pieces(Buffer.from(text), cuts))).toEqual(whole)
        const lines = whole.map(({ line }) => line)
        expect(lines).toEqual([...new Set(lines)].sort((a, b) => a - b))
        const all = text.split('\n')
        for (const record of whole) {
          if ('problem' in record) continue
          // A record begins where it says: what is not quoted stands there word for word.
          const [first = ''] = record.fields
          if (!/["\n]/.test(first)) expect(all[record.line - 1]?.replaceAll('"', '').startsWith(first)).toBe(true)
        }
        // What is neither empty nor in a record is told as broken: nothing is left out in silence.
        const covered = new Set<number>()
        for (const record of whole) {
          const height = 'problem' in record ? 0 : record.fields.join('').split('\n').length - 1
          for (let line = record.line; line <= record.line + height; line++) covered.add(line)
        }
        for (const [index, line] of all.entries()) {
          if (line.replace(/\r$/, '') !== '') expect(covered.has(index + 1)).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('agrees with itself on a file that is longer than a piece', async () => {
    const rows = Array.from({ length: 5000 }, (_, row) => [`id ${row}`, 'x'.repeat(row % 97), `"${row}"\n`])
    const records = await recordsOf(rows.map((row) => `${written(row)}\n`).join(''))
    expect(records.map((record) => ('fields' in record ? record.fields : record.problem))).toEqual(rows)
    expect(records.at(-1)?.line).toBe(rows.length * 2 - 1)
  })

  it('refuses a record that never ends, without holding it all, and goes on in its next line', async () => {
    let read = 0
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield* stream('a,b\n"open\nnext,line\n')
      const chunk = Buffer.alloc(1024 * 1024, 'x')
      for (; read < 3 * MAX_RECORD_BYTES; read += chunk.length) yield chunk
      yield* stream('\nlast,one\n')
    }
    const records: unknown[] = []
    for await (const record of readCsvRecords(endless(), ',')) records.push(record)
    expect(records).toEqual([
      { line: 1, fields: ['a', 'b'], isUtf8: true },
      { line: 2, problem: expect.stringMatching(/^is longer than 16777216 bytes/) as string },
      { line: 3, fields: ['next', 'line'], isUtf8: true },
      { line: 4, problem: expect.stringMatching(/^is longer than/) as string },
      { line: 5, fields: ['last', 'one'], isUtf8: true },
    ])
  })

  it('takes time in proportion to the file, where every record is broken', async () => {
    const timeOf = async (lines: number): Promise<number> => {
      const text = 'a "b" c,x\n'.repeat(lines)
      const started = performance.now()
      expect(await recordsOf(text)).toHaveLength(lines)
      return performance.now() - started
    }
    await timeOf(200)
    const short = await timeOf(500)
    // Sixteen times as many; in squares it would be 256 times.
    expect(await timeOf(8000)).toBeLessThan(64 * short)
  })

  it('lets go of the file when its reader stops early', async () => {
    let closed = false
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield* stream('a,b\n')
      } finally {
        closed = true
      }
    }
    for await (const record of readCsvRecords(source(), ',')) {
      expect(record.line).toBe(1)
      break
    }
    expect(closed).toBe(true)
  })
})
