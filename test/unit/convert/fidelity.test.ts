/** Agreement of two slabs of vectors, held against a plain computation, and what broken vectors come to. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { NEIGHBOURS, measureFidelity } from '../../../src/convert/fidelity.js'

/** Rounding of sums in float64, in another order. */
const ROUNDING = 1e-12

/** Rows with a length that is not vanishing, whose rounding says nothing. */
const row = (size: number) =>
  fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: size, maxLength: size })
    .filter((values) => Math.hypot(...values) > 1e-3)

const slabs = (min: number, max: number) =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min: 1, max: 6 })).chain(([texts, size]) =>
    fc.record({
      texts: fc.constant(texts),
      size: fc.constant(size),
      reference: fc
        .array(row(size), { minLength: texts, maxLength: texts })
        .map((rows) => Float32Array.from(rows.flat())),
      candidate: fc
        .array(row(size), { minLength: texts, maxLength: texts })
        .map((rows) => Float32Array.from(rows.flat())),
    }),
  )

function plainCosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
  return dot(a, b) / Math.sqrt(dot(a, a)) / Math.sqrt(dot(b, b))
}

const rowOf = (slab: Float32Array, text: number, size: number) => slab.subarray(text * size, (text + 1) * size)

/** Points of a circle, by their angles in degrees: near in angle is near in cosine. */
const circle = (...degrees: readonly number[]): Float32Array =>
  Float32Array.from(degrees.flatMap((angle) => [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)]))

describe('measureFidelity', () => {
  it('finds a slab equal to itself, at any scale of each vector', () => {
    fc.assert(
      fc.property(
        slabs(2, 14),
        fc.array(fc.constantFrom(1, 4, 1024), { minLength: 14, maxLength: 14 }),
        (given, scales) => {
          const { texts, size, reference } = given
          const scaled = reference.map((value, i) => value * (scales[Math.floor(i / size)] ?? 1))
          const found = measureFidelity(reference, scaled, texts)
          expect(found.texts).toBe(texts)
          expect(found.minCosine).toBeGreaterThan(1 - ROUNDING)
          expect(found.minCosine).toBeLessThanOrEqual(1)
          expect(found.meanCosine).toBeLessThanOrEqual(1)
          expect(found.topTenOverlap).toBe(1)
        },
      ),
    )
  })

  it('gives the lowest and the mean cosine, and the first text that has the lowest', () => {
    fc.assert(
      fc.property(slabs(2, 14), ({ texts, size, reference, candidate }) => {
        const found = measureFidelity(reference, candidate, texts)
        const cosines = Array.from({ length: texts }, (_, text) =>
          plainCosine(rowOf(reference, text, size), rowOf(candidate, text, size)),
        )
        expect(Math.abs(found.minCosine - Math.min(...cosines))).toBeLessThan(ROUNDING)
        expect(Math.abs(found.meanCosine - cosines.reduce((a, b) => a + b) / texts)).toBeLessThan(ROUNDING)
        expect(Math.abs((cosines[found.worstText] ?? 2) - Math.min(...cosines))).toBeLessThan(ROUNDING)
      }),
    )
  })

  it('has an overlap from 0 to 1, the same whichever slab is the reference', () => {
    fc.assert(
      fc.property(slabs(NEIGHBOURS + 2, 20), ({ texts, reference, candidate }) => {
        const there = measureFidelity(reference, candidate, texts)
        const back = measureFidelity(candidate, reference, texts)
        expect(there.topTenOverlap).toBeGreaterThanOrEqual(0)
        expect(there.topTenOverlap).toBeLessThanOrEqual(1)
        expect(back.topTenOverlap).toBeCloseTo(there.topTenOverlap, 12)
        expect(back.minCosine).toBe(there.minCosine)
      }),
    )
  })

  it('cannot tell neighbourhoods apart where all others are neighbours', () => {
    fc.assert(
      fc.property(slabs(2, NEIGHBOURS + 1), ({ texts, reference, candidate }) => {
        expect(measureFidelity(reference, candidate, texts).topTenOverlap).toBe(1)
      }),
    )
  })

  it('counts the neighbours that are the same', () => {
    // Two groups of eleven on opposite sides: each text's ten nearest are its group.
    const left = Array.from({ length: 11 }, (_, i) => i)
    const right = left.map((angle) => 180 + angle)
    const reference = circle(...left, ...right)
    expect(measureFidelity(reference, circle(...right, ...left), 22).topTenOverlap).toBe(1)
    // One text of either group changes sides: it keeps none of its ten, and the other twenty lose one of theirs.
    const swapped = circle(...left.slice(0, 10), 185.5, ...right.slice(0, 10), 5.5)
    const found = measureFidelity(reference, swapped, 22)
    expect(found.topTenOverlap).toBeCloseTo((20 * 0.9 + 2 * 0) / 22, 12)
    expect([10, 21]).toContain(found.worstText)
    expect(found.minCosine).toBeLessThan(-0.99)
  })

  it('does not tell two slabs apart by texts that are equal', () => {
    const same = circle(...Array.from({ length: 30 }, (_, i) => (i % 2) * 5))
    expect(measureFidelity(same, same.slice(), 30)).toEqual({
      texts: 30,
      minCosine: 1,
      meanCosine: 1,
      topTenOverlap: 1,
      worstText: 0,
    })
  })

  it('sums in double precision: a thousand small numbers beside a large one count', () => {
    const size = 4097
    const reference = new Float32Array(2 * size).fill(1e-4)
    reference[0] = 1
    reference[size] = 1
    const candidate = reference.slice()
    candidate[0] = -1
    const tail = (size - 1) * Math.fround(1e-4) ** 2
    expect(measureFidelity(reference, candidate, 2).minCosine).toBeCloseTo((tail - 1) / (tail + 1), 10)
  })

  it('neither overflows nor vanishes at the ends of float32', () => {
    const huge = Float32Array.of(3e38, 3e38, -3e38, 3e38)
    expect(measureFidelity(huge, huge, 2).minCosine).toBeCloseTo(1, 14)
    const tiny = Float32Array.of(1.5e-45, 0, 0, 1.5e-45)
    expect(measureFidelity(tiny, tiny, 2)).toMatchObject({ minCosine: 1, topTenOverlap: 1 })
    expect(measureFidelity(tiny, huge, 2).minCosine).toBeCloseTo(Math.SQRT1_2, 14)
  })
})

describe('a vector that is none', () => {
  // No two texts are equally far from a third.
  const angles = Array.from({ length: 14 }, (_, i) => i + 0.371 * i * i)
  const healthy = circle(...angles)
  const broken = (text: number, ...values: readonly number[]): Float32Array => {
    const slab = healthy.slice()
    slab.set(values, text * 2)
    return slab
  }

  it.each([
    ['NaN', [Number.NaN, 1]],
    ['an infinity', [Number.POSITIVE_INFINITY, 0]],
    ['infinities that cancel', [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]],
  ] as const)('with %s has cosine -1 and keeps no neighbour', (_, values) => {
    const found = measureFidelity(healthy, broken(3, ...values), 14)
    expect(found).toMatchObject({ minCosine: -1, worstText: 3 })
    expect(found.meanCosine).toBeCloseTo((13 - 1) / 14, 12)
    expect(found.topTenOverlap).toBeLessThan(13 / 14)
  })

  it('of zeros has cosine 0 and keeps no neighbour', () => {
    const found = measureFidelity(healthy, broken(3, 0, -0), 14)
    expect(found).toMatchObject({ minCosine: 0, worstText: 3 })
    expect(found.meanCosine).toBeCloseTo(13 / 14, 12)
    expect(found.topTenOverlap).toBeLessThanOrEqual(13 / 14)
  })

  it('in the reference shows as it does in the candidate, also where both are broken alike', () => {
    for (const [values, cosine] of [
      [[Number.NaN, 0], -1],
      [[0, 0], 0],
    ] as const) {
      const slab = broken(5, ...values)
      expect(measureFidelity(slab, healthy, 14)).toMatchObject({ minCosine: cosine, worstText: 5 })
      const both = measureFidelity(slab, slab, 14)
      expect(both).toMatchObject({ minCosine: cosine, worstText: 5 })
      expect(both.topTenOverlap).toBeCloseTo(13 / 14, 12)
    }
  })

  it('is never the near one', () => {
    const found = measureFidelity(healthy, broken(1, Number.NaN, Number.NaN), 14)
    const away = (a: number, b: number): number => Math.abs((angles[a] ?? 0) - (angles[b] ?? 0))
    const expected = Array.from({ length: 14 }, (_, text) => {
      if (text === 1) return 0
      const near = (skip: number) =>
        angles
          .map((_, other) => other)
          .filter((other) => other !== text && other !== skip)
          .sort((a, b) => away(text, a) - away(text, b))
          .slice(0, 10)
      const before = near(-1)
      return near(1).filter((other) => before.includes(other)).length / 10
    })
    expect(found.topTenOverlap).toBeCloseTo(expected.reduce((a, b) => a + b) / 14, 12)
  })

  it('gives finite figures, whatever the bits', () => {
    const any = fc.float32Array({ minLength: 24, maxLength: 24 })
    fc.assert(
      fc.property(any, any, (reference, candidate) => {
        const { minCosine, meanCosine, topTenOverlap, worstText } = measureFidelity(reference, candidate, 12)
        for (const cosine of [minCosine, meanCosine]) expect(Math.abs(cosine)).toBeLessThanOrEqual(1)
        expect(minCosine).toBeLessThanOrEqual(meanCosine + ROUNDING)
        expect(topTenOverlap).toBeGreaterThanOrEqual(0)
        expect(topTenOverlap).toBeLessThanOrEqual(1)
        expect(worstText).toBeLessThan(12)
      }),
      { numRuns: 300 },
    )
  })
})

describe('slabs of other shapes', () => {
  it.each([
    ['no text', new Float32Array(0), new Float32Array(0), 0],
    ['one text', new Float32Array(4), new Float32Array(4), 1],
    ['no numbers', new Float32Array(0), new Float32Array(0), 2],
    ['a rest', new Float32Array(5), new Float32Array(5), 2],
    ['half a text', new Float32Array(5), new Float32Array(5), 2.5],
    ['two sizes', new Float32Array(4), new Float32Array(6), 2],
    ['NaN texts', new Float32Array(4), new Float32Array(4), Number.NaN],
  ])('are refused: %s', (_, reference, candidate, texts) => {
    expect(() => measureFidelity(reference, candidate, texts)).toThrow(
      expect.objectContaining({ name: 'StellaError', code: 'INPUT_INVALID' }) as Error,
    )
  })
})
