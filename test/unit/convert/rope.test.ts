import { describe, expect, it } from 'vitest'

import { inverseFrequencies } from '../../../src/convert/rope.js'

/** Check values are given to eight digits. */
const RELATIVE_ERROR = 1e-7

function expectNear(actual: number | undefined, expected: number): void {
  expect(Math.abs((actual ?? Number.NaN) / expected - 1)).toBeLessThan(RELATIVE_ERROR)
}

describe('inverseFrequencies', () => {
  it('of the 400M are NTK-scaled: base 320000, divided by 2^(1/32)', () => {
    const frequencies = inverseFrequencies({ theta: 160000, ntkFactor: 2, ntkMixedB: null }, 64)
    expect(frequencies).toHaveLength(32)
    expectNear(frequencies[0], 0.97857206)
    expectNear(frequencies[1], 0.65850166)
    expectNear(frequencies[2], 0.44311958)
    expectNear(frequencies[31], 4.5444232e-6)
  })

  it('of the 1.5B are plain', () => {
    const frequencies = inverseFrequencies({ theta: 1e6, ntkFactor: null, ntkMixedB: null }, 128)
    expect(frequencies).toHaveLength(64)
    expect(frequencies[0]).toBe(1)
    expectNear(frequencies[1], 0.80584219)
  })

  it('fall with every step', () => {
    for (const ntkFactor of [null, 2, 8]) {
      const frequencies = [...inverseFrequencies({ theta: 160000, ntkFactor, ntkMixedB: null }, 64)]
      expect(frequencies).toEqual([...frequencies].sort((a, b) => b - a))
      expect(new Set(frequencies).size).toBe(32)
    }
  })

  it('with a mixed base divide by more, the further along: λ_m = exp(a·m^b), a = ln f / (d/2)^b', () => {
    const rope = { theta: 10000, ntkFactor: 4, ntkMixedB: 0.625 }
    const mixed = inverseFrequencies(rope, 16)
    const plain = inverseFrequencies({ ...rope, ntkFactor: null, ntkMixedB: null }, 16)
    const divisors = [...plain].map((frequency, index) => frequency / (mixed[index] ?? Number.NaN))
    // The last one, m = d/2, is divided by the whole factor.
    expectNear(divisors[7], 4)
    expectNear(divisors[0], Math.exp(Math.log(4) / 8 ** 0.625))
    expect(divisors).toEqual([...divisors].sort((a, b) => a - b))
  })
})
