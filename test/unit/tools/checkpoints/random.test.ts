/** The seeded generator: reproducible, independent by name, normal enough. */
import { describe, expect, test } from 'vitest'

import { randomStreams } from '../../../../tools/checkpoints/random.js'

const SAMPLES = 200_000

/** Three standard errors of the mean of SAMPLES unit normals, rounded up. */
const MOMENT_TOLERANCE = 0.01

function normals(seed: number, name: string, length: number, mean = 0, deviation = 1): Float32Array {
  const values = new Float32Array(length)
  randomStreams(seed)(name).fillNormal(values, mean, deviation)
  return values
}

describe('randomStreams', () => {
  test('draws these numbers on every machine', () => {
    const random = randomStreams(1)('weight')
    expect([random.nextUint32(), random.nextUint32(), random.nextUint32()]).toMatchInlineSnapshot(`
      [
        583134140,
        1730585265,
        4042783947,
      ]
    `)
    expect([...normals(1, 'weight', 4)]).toMatchInlineSnapshot(`
      [
        1.410778522491455,
        -1.0995455980300903,
        0.3465117812156677,
        -0.2457672357559204,
      ]
    `)
  })

  test('gives the same stream for the same seed and name, and another for either changed', () => {
    expect(normals(7, 'a', 64)).toEqual(normals(7, 'a', 64))
    expect(normals(7, 'a', 64)).not.toEqual(normals(8, 'a', 64))
    expect(normals(7, 'a', 64)).not.toEqual(normals(7, 'b', 64))
  })

  test('goes on where it stopped, in pairs of deviates', () => {
    const random = randomStreams(3)('x')
    const first = new Float32Array(10)
    const second = new Float32Array(6)
    random.fillNormal(first, 0, 1)
    random.fillNormal(second, 0, 1)
    expect([...first, ...second]).toEqual([...normals(3, 'x', 16)])
  })

  test('fills an array of odd length to its end and no further', () => {
    const buffer = new Float32Array(6).fill(99)
    randomStreams(3)('x').fillNormal(buffer.subarray(0, 5), 0, 1)
    expect([...buffer.subarray(0, 5)]).toEqual([...normals(3, 'x', 5)])
    expect(buffer[5]).toBe(99)
  })

  test('draws normal deviates of the mean and spread asked for', () => {
    const values = normals(11, 'moments', SAMPLES, 2, 3)
    const standard = Array.from(values, (value) => (value - 2) / 3)
    const moment = (power: number): number => standard.reduce((sum, value) => sum + value ** power, 0) / SAMPLES
    expect(Math.abs(moment(1))).toBeLessThan(MOMENT_TOLERANCE)
    expect(Math.abs(moment(2) - 1)).toBeLessThan(MOMENT_TOLERANCE)
    expect(Math.abs(moment(3))).toBeLessThan(3 * MOMENT_TOLERANCE)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(10 * MOMENT_TOLERANCE)
    const withinOne = standard.filter((value) => Math.abs(value) < 1).length / SAMPLES
    expect(Math.abs(withinOne - 0.6827)).toBeLessThan(MOMENT_TOLERANCE)
  })

  test('draws uniform numbers in [0, 1)', () => {
    const random = randomStreams(5)('uniform')
    const values = Array.from({ length: 10_000 }, () => random.nextFloat())
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    expect(Math.abs(mean - 0.5)).toBeLessThan(MOMENT_TOLERANCE)
  })
})
