import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { findBrokenRow, normalizeRows } from '../../../src/inference/normalize.js'

/** A vector of float32 numbers, each rounded once. */
const LENGTH_TOLERANCE = 1e-6

const anyNumber = fc.float({ noNaN: true, noDefaultInfinity: true })
const anySlab = fc
  .record({ rows: fc.integer({ min: 0, max: 5 }), width: fc.integer({ min: 1, max: 20 }) })
  .chain(({ rows, width }) =>
    fc
      .array(anyNumber, { minLength: rows * width, maxLength: rows * width })
      .map((values) => ({ width, slab: Float32Array.from(values) })),
  )

function lengthOf(row: Float32Array): number {
  return Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
}

describe('normalizeRows', () => {
  it('gives every row length 1 and keeps its direction; a row of zeros stays', () => {
    fc.assert(
      fc.property(anySlab, ({ slab, width }) => {
        const before = slab.slice()
        expect(normalizeRows(slab, width)).toBeUndefined()
        for (let start = 0; start < slab.length; start += width) {
          const row = slab.subarray(start, start + width)
          const old = before.subarray(start, start + width)
          const oldLength = lengthOf(old)
          if (oldLength === 0) expect(row.every((value) => value === 0)).toBe(true)
          else {
            expect(Math.abs(lengthOf(row) - 1)).toBeLessThan(LENGTH_TOLERANCE)
            const dot = row.reduce((sum, value, index) => sum + (value * (old[index] ?? 0)) / oldLength, 0)
            expect(Math.abs(dot - 1)).toBeLessThan(LENGTH_TOLERANCE)
          }
        }
      }),
    )
  })

  it('changes no row for the sake of another', () => {
    const slab = Float32Array.of(3, 4, 0, 0, 1e-30, 0, 3e38, 4e37)
    normalizeRows(slab, 2)
    expect([...slab.subarray(0, 6)]).toEqual([Math.fround(0.6), Math.fround(0.8), 0, 0, 1, 0])
    expect(lengthOf(slab.subarray(6))).toBeCloseTo(1, 6)
  })

  it('leaves a unit row as it is', () => {
    const slab = Float32Array.of(0, -1, 0)
    normalizeRows(slab, 3)
    expect([...slab]).toEqual([0, -1, 0])
  })
})

describe.each([
  ['normalizeRows', normalizeRows],
  ['findBrokenRow', findBrokenRow],
])('%s', (_, check) => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'reports the first row that holds %s',
    (bad) => {
      expect(check(Float32Array.of(1, 2, 3, 4, 5, 6), 2)).toBeUndefined()
      expect(check(Float32Array.of(1, 2, 3, bad, bad, 6), 2)).toBe(1)
      expect(check(Float32Array.of(bad, 2, 3, 4, 5, bad), 2)).toBe(0)
      expect(check(Float32Array.of(1, 2, 3, 4, 5, bad), 2)).toBe(2)
    },
  )

  it('takes the largest numbers for what they are: finite', () => {
    expect(check(new Float32Array(64).fill(3.4e38), 64)).toBeUndefined()
  })

  it('has nothing to report of nothing', () => {
    expect(check(new Float32Array(), 8)).toBeUndefined()
  })
})

it('findBrokenRow changes nothing', () => {
  const slab = Float32Array.of(3, 4)
  findBrokenRow(slab, 2)
  expect([...slab]).toEqual([3, 4])
})
