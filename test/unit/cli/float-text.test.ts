import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { floatText, vectorText } from '../../../src/cli/formats/float-text.js'

const view = new DataView(new ArrayBuffer(4))

function fromBits(bits: number): number {
  view.setUint32(0, bits)
  return view.getFloat32(0)
}

function toBits(value: number): number {
  view.setFloat32(0, value)
  return view.getUint32(0)
}

/** The fewest digits that name `value` among the float32 numbers. */
function shortestDigits(value: number): number {
  for (let digits = 1; digits <= 9; digits++)
    if (Math.fround(Number(value.toPrecision(digits))) === value) return digits
  throw new Error(`no nine digits name ${value}`)
}

function digitsOf(text: string): number {
  const [mantissa = ''] = text.replace('-', '').split('e')
  return mantissa.replace('.', '').replace(/^0+/, '').replace(/0+$/, '').length
}

describe('floatText', () => {
  it('parses back to the very same float32, for any bit pattern', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (bits) => {
        const value = fromBits(bits)
        fc.pre(Number.isFinite(value))
        const parsed: unknown = JSON.parse(floatText(value))
        expect(toBits(Math.fround(Number(parsed)))).toBe(bits)
      }),
      { numRuns: 20_000 },
    )
  })

  it('is as short as can be for the numbers of embeddings', () => {
    fc.assert(
      fc.property(fc.float({ min: -4, max: 4, noNaN: true }), (value) => {
        fc.pre(Math.abs(value) > 1e-6)
        expect(digitsOf(floatText(value))).toBe(Math.max(1, shortestDigits(value)))
      }),
      { numRuns: 5_000 },
    )
  })

  it.each([
    [Math.fround(0.1), '0.1'],
    [Math.fround(0.85649866), '0.85649866'],
    [Math.fround(-0.0014279187), '-0.0014279187'],
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-22, '-22'],
    [2 ** 31, '2147483600'],
    [Math.fround(3.4028234663852886e38), '3.4028235e+38'],
    [1.401298464324817e-45, '1.4013e-45'],
  ])('writes %d as %s', (value, text) => {
    expect(floatText(value)).toBe(text)
  })
})

describe('vectorText', () => {
  it('is a JSON array that parses back exactly', () => {
    const vector = Float32Array.from([0.1, -2.5, 1e-9, 0])
    expect(Float32Array.from(JSON.parse(vectorText(vector)) as number[])).toEqual(vector)
    expect(vectorText(new Float32Array())).toBe('[]')
  })

  it('writes bytes as integers', () => {
    expect(vectorText(Int8Array.of(-128, 127))).toBe('[-128,127]')
    expect(vectorText(Uint8Array.of(0, 255))).toBe('[0,255]')
  })
})
