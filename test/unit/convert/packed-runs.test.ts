import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { inTextOrder, packRuns } from '../../../src/convert/packed-runs.js'
import { RUN_LIMITS } from '../../../src/packed/packing.js'

const anyTexts = fc.array(
  fc
    .array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1, maxLength: 700, size: 'max' })
    .map((ids) => Int32Array.from(ids)),
  { minLength: 1, maxLength: 25 },
)

describe('packed runs', () => {
  it('hold every text once, whole, and rows in run order go back to text order', () => {
    fc.assert(
      fc.property(anyTexts, (texts) => {
        const packed = packRuns(texts)
        // A row of two numbers for each text, in run order: its first id and its length.
        const rows: number[] = []
        for (const { ids, lengths } of packed.runs) {
          let start = 0
          for (const length of lengths) {
            rows.push(ids[start] ?? -1, length)
            start += length
          }
          expect(start).toBe(ids.length)
          expect(ids.length <= RUN_LIMITS.runTokens || lengths.length === 1).toBe(true)
        }
        const expected = texts.flatMap((ids) => [ids[0] ?? -1, ids.length])
        expect(Array.from(inTextOrder(Float32Array.from(rows), packed))).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  it('of no texts are none', () => {
    const packed = packRuns([])
    expect(packed).toEqual({ runs: [], places: [] })
    expect(inTextOrder(new Float32Array(), packed)).toEqual(new Float32Array())
  })
})
