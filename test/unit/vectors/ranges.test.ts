import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { encodeEmbedding } from '../../../src/vectors/encoding.js'
import { matrixOf } from '../../../src/vectors/matrix.js'
import type { EncodingRanges } from '../../../src/vectors/ranges.js'
import { RangeTracker, encodingRanges } from '../../../src/vectors/ranges.js'
import { MAX_RANGES_DIMENSIONS, rangesFromJson, rangesToJson } from '../../../src/vectors/ranges-json.js'
import { foreign, matrices, refused, rowsOf, transferred } from './vectors.js'

describe('encodingRanges', () => {
  it('are the lowest and the highest number of each dimension', () => {
    fc.assert(
      fc.property(matrices(fc.integer({ min: 2, max: 20 }), 3), (matrix) => {
        const { minimum, maximum } = encodingRanges(matrix)
        for (let d = 0; d < 3; d++) {
          const values = rowsOf(matrix).map((row) => row[d] ?? NaN)
          expect((minimum[d] ?? NaN) + 0).toBe(Math.min(...values) + 0)
          expect((maximum[d] ?? NaN) + 0).toBe(Math.max(...values) + 0)
        }
      }),
    )
  })

  it('refuse one vector, none, and what is no number', () => {
    expect(() => encodingRanges(matrixOf([[1, 2]]))).toThrow(refused('INPUT_INVALID', /at least 2 vectors.*got 1/))
    const none = { data: new Float32Array(0), rows: 0, dimensions: 2 }
    expect(() => encodingRanges(none)).toThrow(refused('INPUT_INVALID', /got 0/))
    expect(() => encodingRanges(matrixOf([[1], [Number.NaN]]))).toThrow(refused('INPUT_INVALID', /dimension 0 is NaN/))
  })
})

describe('RangeTracker', () => {
  it('gives ranges of what it has seen so far, which later vectors do not change', () => {
    const tracker = new RangeTracker(1)
    tracker.add(Float32Array.of(1))
    expect(() => tracker.ranges()).toThrow(/got 1/)
    tracker.add(Float32Array.of(3))
    const ranges = tracker.ranges()
    tracker.add(foreign([-5]))
    expect(ranges).toEqual({ minimum: Float32Array.of(1), maximum: Float32Array.of(3) })
    expect([tracker.ranges().minimum[0], tracker.count]).toEqual([-5, 3])
  })

  it('refuses vectors of another size, and stays as it was', () => {
    const tracker = new RangeTracker(2)
    expect(() => {
      tracker.add(Float32Array.of(1))
    }).toThrow(refused('INPUT_INVALID', /1 dimensions; expected 2/))
    expect(() => {
      tracker.add(Float32Array.of(1, Infinity))
    }).toThrow(refused('INPUT_INVALID', /dimension 1 is Infinity/))
    expect(() => {
      tracker.add(transferred(2))
    }).toThrow(refused('INPUT_INVALID', /transferred/))
    expect(tracker.count).toBe(0)
    expect(() => new RangeTracker(0)).toThrow(refused('OPTION_INVALID', /`dimensions`/))
  })
})

describe('ranges as JSON', () => {
  it('come back to the bit', () => {
    fc.assert(
      fc.property(matrices(fc.integer({ min: 2, max: 4 }), 5), (matrix) => {
        const ranges = encodingRanges(matrix)
        fc.pre(ranges.maximum.every((high, d) => Number.isFinite(Math.fround(high - (ranges.minimum[d] ?? NaN)))))
        const back = rangesFromJson(JSON.parse(JSON.stringify(rangesToJson(ranges))))
        for (const name of ['minimum', 'maximum'] as const) {
          // JSON has no -0.
          expect(back[name].map((value) => value + 0)).toEqual(ranges[name].map((value) => value + 0))
        }
      }),
    )
  })

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /a `minimum` of 1 to \d+ numbers; got undefined/],
    ['null', null, /`minimum`/],
    ['a list', [[0], [1]], /`minimum`/],
    ['no maximum', { minimum: [0] }, /`maximum`.*undefined/],
    ['no dimension', { minimum: [], maximum: [] }, /`minimum`.*got 0 of them/],
    ['too many', { minimum: Array<number>(MAX_RANGES_DIMENSIONS + 1).fill(0), maximum: [] }, /got 65537 of them/],
    ['texts', { minimum: ['0'], maximum: [1] }, /`minimum`.*dimension 0 is "0"/],
    ['null for a number', { minimum: [0], maximum: [null] }, /`maximum`.*dimension 0 is null/],
    ['a number beyond float32', { minimum: [0], maximum: [1e39] }, /dimension 0 is 1e\+39/],
    ['sizes that differ', { minimum: [0, 0], maximum: [1] }, /maximum` has 1 dimensions; expected 2/],
    ['a minimum above the maximum', { minimum: [0, 2], maximum: [1, 1] }, /dimension 1 has 2 and 1/],
    ['a range wider than float32', { minimum: [-3e38], maximum: [3e38] }, /in float32; dimension 0/],
  ])('refuse %s', (_, value, message) => {
    expect(() => rangesFromJson(value)).toThrow(refused('INPUT_INVALID', message))
  })
})

it.each<[string, EncodingRanges]>([
  ['NaN', { minimum: Float32Array.of(Number.NaN), maximum: Float32Array.of(1) }],
  ['an open end', { minimum: Float32Array.of(0), maximum: Float32Array.of(Infinity) }],
  ['another type', { minimum: [0] as unknown as Float32Array, maximum: Float32Array.of(1) }],
  ['arrays that went away', { minimum: transferred(1), maximum: transferred(1) }],
])('no vector is encoded in ranges with %s', (_, ranges) => {
  expect(() => encodeEmbedding(Float32Array.of(0), 'uint8', { ranges })).toThrow(refused('INPUT_INVALID', /ranges/))
})
