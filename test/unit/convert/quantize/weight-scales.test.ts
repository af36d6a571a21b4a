import fc from 'fast-check'
import { expect, it } from 'vitest'

import { applyScales, firstNonFinite } from '../../../../src/convert/quantize/weight-scales.js'
import { anyMatrix, normals } from './numbers.js'

it('scales multiply columns and rows, however the weight is cut', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(
      anyMatrix({ rows: 5, columns: 12 }),
      cuts,
      fc.boolean(),
      fc.boolean(),
      ({ values, rows, columns }, pieces, byInput, byOutput) => {
        const inputScale = byInput ? normals('input', columns) : undefined
        const outputScale = byOutput ? normals('output', rows) : undefined
        const expected = values.map(
          (value, i) => value * (outputScale?.[Math.floor(i / columns)] ?? 1) * (inputScale?.[i % columns] ?? 1),
        )
        const made = values.slice()
        for (let start = 0, turn = 0; start < made.length; turn++) {
          const end = Math.min(made.length, start + (pieces[turn % pieces.length] ?? 1))
          applyScales(made.subarray(start, end), start, columns, { inputScale, outputScale })
          start = end
        }
        expect(made).toEqual(expected)
      },
    ),
  )
})

it('the first number that is none is found', () => {
  fc.assert(
    fc.property(
      anyMatrix({ rows: 2, columns: 20 }),
      fc.option(fc.constantFrom(NaN, Infinity, -Infinity)),
      fc.nat(),
      ({ values }, bad, place) => {
        const at = place % values.length
        if (bad !== null) values[at] = bad
        expect(firstNonFinite(values)).toBe(bad === null ? -1 : at)
      },
    ),
  )
  expect(firstNonFinite(Float32Array.of(Infinity, -Infinity))).toBe(0)
  expect(firstNonFinite(Float32Array.of(3.4e38, 3.4e38, -3.4e38))).toBe(-1)
})
