import { describe, expect, it } from 'vitest'

import { MIN_SPECIMEN_COSINE, encodeSpecimen, specimenCosine } from '../../../src/packed/specimen.js'

const VECTOR = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i))
const SPECIMEN = encodeSpecimen(Int32Array.of(101, 7, 102), VECTOR)

describe('a specimen', () => {
  it('survives JSON', () => {
    const back: unknown = JSON.parse(JSON.stringify(SPECIMEN))
    expect(back).toEqual(SPECIMEN)
    expect(SPECIMEN.ids).toEqual([101, 7, 102])
  })

  it('agrees with the vector it was made of, whatever its length', () => {
    expect(specimenCosine(SPECIMEN, VECTOR)).toBeCloseTo(1, 12)
    expect(
      specimenCosine(
        SPECIMEN,
        VECTOR.map((value) => value * 3),
      ),
    ).toBeCloseTo(1, 6)
  })

  it('agrees with another no more', () => {
    const other = VECTOR.map((value, i) => (i % 8 === 0 ? -value : value))
    expect(specimenCosine(SPECIMEN, other)).toBeLessThan(MIN_SPECIMEN_COSINE)
    expect(specimenCosine(SPECIMEN, new Float32Array(64))).toBeNaN()
    expect(specimenCosine(SPECIMEN, new Float32Array(63).fill(1))).toBeNaN()
  })
})
