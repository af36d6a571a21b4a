import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { forValues } from '../../../src/convert/layers/attention.js'
import { shareHeads, smoothingOf } from '../../../src/convert/smoothing.js'

/** float32 rounding of a few operations. */
const ROUNDING = 1e-6

const of = (inputs: readonly number[], weights: readonly number[]) => ({
  inputs: Float32Array.from(inputs),
  weights: Float32Array.from(weights),
})

/** Magnitudes as calibration gives them: zeros, and twelve decades. */
const anyMagnitudes = (length: number): fc.Arbitrary<number[]> => {
  const magnitude = fc.oneof(
    { weight: 5, arbitrary: fc.double({ min: -6, max: 6, noNaN: true }).map((power) => Math.fround(10 ** power)) },
    { weight: 1, arbitrary: fc.constant(0) },
  )
  return fc.array(magnitude, { minLength: length, maxLength: length })
}

describe('smoothingOf', () => {
  it('is √(max|x| / max|w|), brought to a geometric mean of 1', () => {
    // √(16/1), √(1/4), √(4/4) have a geometric mean of (4 · ½ · 1)^⅓.
    const mean = Math.cbrt(2)
    const smoothing = smoothingOf(of([16, 1, 4], [1, 4, 4]))
    for (const [i, expected] of [4, 0.5, 1].entries()) expect(smoothing[i]).toBeCloseTo(expected / mean, 6)
  })

  it('leaves an input and weights that are even alone', () => {
    expect(smoothingOf(of([3, 3, 3], [0.1, 0.1, 0.1]))).toEqual(Float32Array.of(1, 1, 1))
  })

  it('makes channels of input and weights equally large', () => {
    const { inputs, weights } = of([100, 1, 0.2], [0.01, 0.03, 0.5])
    const smoothing = smoothingOf({ inputs, weights })
    const ratios = Array.from(smoothing, (s, i) => (inputs[i] ?? NaN) / s / ((weights[i] ?? NaN) * s))
    for (const ratio of ratios) expect(ratio / (ratios[0] ?? NaN)).toBeCloseTo(1, 5)
  })

  it('counts a channel that was hardly seen as a ten-thousandth of the largest, on both sides', () => {
    expect(smoothingOf(of([1, 0], [1, 1]))).toEqual(smoothingOf(of([1, 1e-4], [1, 1])))
    expect(smoothingOf(of([1, 1e-9], [1, 1]))).toEqual(smoothingOf(of([1, 1e-4], [1, 1])))
    expect(smoothingOf(of([1, 1], [1, 0]))).toEqual(smoothingOf(of([1, 1], [1, 1e-4])))
  })

  it('divides by nothing where an input or a weight is all zeros', () => {
    expect(smoothingOf(of([0, 0], [5, 5]))).toEqual(Float32Array.of(1, 1))
    expect(smoothingOf(of([2, 2], [0, 0]))).toEqual(Float32Array.of(1, 1))
  })

  it('is positive and finite, with a geometric mean of 1, and no farther apart than the floors allow', () => {
    const anySite = fc
      .integer({ min: 1, max: 40 })
      .chain((length) => fc.tuple(anyMagnitudes(length), anyMagnitudes(length)))
    fc.assert(
      fc.property(anySite, ([inputs, weights]) => {
        const smoothing = smoothingOf(of(inputs, weights))
        const logs = Array.from(smoothing, Math.log)
        expect(Math.abs(logs.reduce((sum, log) => sum + log, 0) / logs.length)).toBeLessThan(ROUNDING)
        // √(10⁴ · 10⁴) between the extremes.
        expect(Math.max(...smoothing) / Math.min(...smoothing)).toBeLessThanOrEqual(1e4 * (1 + ROUNDING))
      }),
    )
  })

  it('does not depend on the size of input or weights as a whole', () => {
    fc.assert(
      fc.property(fc.tuple(anyMagnitudes(7), anyMagnitudes(7)), ([inputs, weights]) => {
        const one = smoothingOf(of(inputs, weights))
        const other = smoothingOf(
          of(
            inputs.map((value) => value * 2 ** 9),
            weights.map((value) => value / 2 ** 5),
          ),
        )
        for (const [i, value] of one.entries()) expect(Math.abs((other[i] ?? NaN) / value - 1)).toBeLessThan(ROUNDING)
      }),
    )
  })
})

describe('shareHeads', () => {
  const shape = { heads: 4, kvHeads: 2, headDim: 3 }

  it('gives every head of a group the group’s largest, place by place', () => {
    const inputs = [1, 9, 3, /**/ 4, 2, 6, /**/ 7, 8, 1, /**/ 0, 10, 12]
    const shared = shareHeads(
      of(
        inputs,
        inputs.map((value) => value / 10),
      ),
      shape,
    )
    const expected = [4, 9, 6, /**/ 4, 9, 6, /**/ 7, 10, 12, /**/ 7, 10, 12]
    expect(shared.inputs).toEqual(Float32Array.from(expected))
    expect(shared.weights).toEqual(Float32Array.from(expected, (value) => Math.fround(value / 10)))
  })

  it('changes nothing where each head has values of its own, and keeps what it does not share', () => {
    const hessian = { group: 2, values: new Float32Array(4) }
    const statistics = { ...of([1, 2, 3, 4], [5, 6, 7, 8]), hessian }
    expect(shareHeads(statistics, { heads: 2, kvHeads: 2, headDim: 2 })).toEqual(statistics)
  })

  it('makes a smoothing that can be taken back to the values and repeated again', () => {
    const shapes = fc.record({
      group: fc.integer({ min: 1, max: 4 }),
      kvHeads: fc.integer({ min: 1, max: 3 }),
      headDim: fc.integer({ min: 1, max: 5 }),
    })
    fc.assert(
      fc.property(
        shapes,
        fc.array(fc.float({ min: 1, max: 100, noNaN: true }), { minLength: 60, maxLength: 60 }),
        (any, pool) => {
          const heads = any.kvHeads * any.group
          const own = { heads, kvHeads: any.kvHeads, headDim: any.headDim }
          const values = pool.slice(0, heads * any.headDim)
          const smoothing = smoothingOf(shareHeads(of(values, values.toReversed()), own))
          const back = forValues(smoothing, own)
          expect(back).toHaveLength(any.kvHeads * any.headDim)
          // As attention repeats them: head `h` reads the values of head `⌊h / group⌋`.
          const repeated = Array.from(smoothing, (_, channel) => {
            const head = Math.floor(Math.floor(channel / any.headDim) / any.group)
            return back[head * any.headDim + (channel % any.headDim)]
          })
          expect(repeated).toEqual(Array.from(smoothing))
        },
      ),
    )
  })
})
