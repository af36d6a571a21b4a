/** Rounding with error feedback is judged by the output error on tokens that the statistics never saw. */
import { describe, expect, it } from 'vitest'

import { blockLayout } from '../../../../src/convert/quantize/blocks.js'
import { quantizeBlocks4 } from '../../../../src/convert/quantize/blocks4.js'
import { quantizeBlocks4WithFeedback } from '../../../../src/convert/quantize/error-feedback.js'
import type { Hessian } from '../../../../src/convert/quantize/hessian-factor.js'
import { factorHessian } from '../../../../src/convert/quantize/hessian-factor.js'
import { dequantized, normals, product, relativeError } from './numbers.js'

/** Output error with feedback over output error of searched rounding. Measured here: 0.63 and 0.52, 0.42 and 0.49. */
const BOUND_CORRELATED = 0.7
const BOUND_OUTLIERS = 0.55

/** The same where inputs differ in size alone, and the steps suit the large ones: 0.89 */
const BOUND_SIZES = 0.93

/** The same on inputs without any structure, where feedback can only fit noise: 1.01. */
const BOUND_WHITE = 1.03

const TOKENS = 1024

/** `x [tokens, columns]` whose columns share `factors` hidden causes; every 61st is 5 to 9 times as large. */
function inputs(name: string, columns: number, options: { factors: number; outliers: boolean }): Float32Array {
  const { factors, outliers } = options
  const mixing = normals('mixing', factors * columns, 1 / Math.sqrt(factors))
  const causes = normals(`${name}-causes`, TOKENS * factors)
  const x = normals(`${name}-noise`, TOKENS * columns, 0.3)
  for (let i = 0; i < x.length; i++) {
    const [token, column] = [Math.floor(i / columns), i % columns]
    let sum = x[i] ?? 0
    for (let f = 0; f < factors; f++) sum += (causes[token * factors + f] ?? 0) * (mixing[f * columns + column] ?? 0)
    x[i] = outliers && column % 61 === 0 ? sum * (5 + (column % 20)) : sum
  }
  return x
}

function hessianOf(x: Float32Array, columns: number, group: number): Hessian {
  const groups = Math.ceil(columns / group)
  // NaN beyond the last column: nothing may read it.
  const values = new Float32Array(groups * group * group).fill(NaN)
  for (let index = 0; index < groups; index++) {
    const size = Math.min(group, columns - index * group)
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        let sum = 0
        for (let at = index * group; at < x.length; at += columns) sum += (x[at + i] ?? 0) * (x[at + j] ?? 0)
        values[(index * group + i) * group + j] = sum
      }
    }
  }
  return { group, values }
}

/** Output error with feedback over that of searched rounding, on other tokens than it was made for. */
function errorRatio(columns: number, group: number, options: { factors: number; outliers: boolean }) {
  const rows = 24
  const block = 32
  const weight = normals('weight', rows * columns, 0.02)
  const shape = { rows, columns, block, bits: 4 } as const
  const { blocks, codeBytes } = blockLayout(columns, block, 4)
  const codes = new Uint8Array(rows * codeBytes)
  const steps = new Float32Array(rows * blocks)
  const unseen = inputs('unseen', columns, options)
  const expected = product(unseen, weight, columns)
  const errorOf = (): number => relativeError(product(unseen, dequantized(codes, steps, shape), columns), expected)
  quantizeBlocks4(weight, columns, block, codes, steps)
  const plain = errorOf()
  const factors = factorHessian(hessianOf(inputs('seen', columns, options), columns, group), columns, block)
  quantizeBlocks4WithFeedback(weight, columns, block, factors, codes, steps)
  return errorOf() / plain
}

describe('rounding with error feedback', () => {
  it.each([64, 128] as const)('errs less in the output where inputs are correlated, in groups of %i', (group) => {
    expect(errorRatio(256, group, { factors: 24, outliers: false })).toBeLessThan(BOUND_CORRELATED)
  })

  it('errs much less where some inputs are large', () => {
    expect(errorRatio(256, 128, { factors: 24, outliers: true })).toBeLessThan(BOUND_OUTLIERS)
  })

  it('does so where the last group and the last block are cut short', () => {
    expect(errorRatio(203, 64, { factors: 24, outliers: true })).toBeLessThan(BOUND_OUTLIERS)
  })

  it('errs less where inputs differ in size alone', () => {
    expect(errorRatio(256, 64, { factors: 0, outliers: true })).toBeLessThan(BOUND_SIZES)
  })

  it('costs little where there is nothing to gain', () => {
    expect(errorRatio(256, 64, { factors: 0, outliers: false })).toBeLessThan(BOUND_WHITE)
  })

  it('without correlation and with equal energies rounds as the search does', () => {
    const [rows, columns, block, group] = [6, 150, 32, 64] as const
    const weight = normals('identity', rows * columns)
    const { blocks, codeBytes } = blockLayout(columns, block, 4)
    const make = () => ({ codes: new Uint8Array(rows * codeBytes), steps: new Float32Array(rows * blocks) })
    const [plain, feedback, dead] = [make(), make(), make()]
    const identity = new Float32Array(3 * group * group).map((_, i) =>
      i % group === Math.floor(i / group) % group ? 7 : 0,
    )
    quantizeBlocks4(weight, columns, block, plain.codes, plain.steps)
    const run = (values: Float32Array, { codes, steps }: ReturnType<typeof make>): void => {
      const factors = factorHessian({ group, values }, columns, block)
      quantizeBlocks4WithFeedback(weight, columns, block, factors, codes, steps)
    }
    run(identity, feedback)
    expect(feedback).toEqual(plain)
    // Inputs that were zero for all tokens say nothing either.
    run(new Float32Array(identity.length), dead)
    expect(dead).toEqual(plain)
  })

  it('gives each row the codes it has alone', () => {
    const [columns, group, block] = [128, 64, 32] as const
    const x = inputs('alone', columns, { factors: 8, outliers: true })
    const factors = factorHessian(hessianOf(x, columns, group), columns, block)
    const weight = normals('alone', 5 * columns)
    const run = (values: Float32Array): Uint8Array => {
      const codes = new Uint8Array(values.length / 2)
      quantizeBlocks4WithFeedback(values, columns, block, factors, codes, new Float32Array(values.length / block))
      return codes
    }
    const all = run(weight)
    for (let row = 0; row < 5; row++) {
      const alone = run(weight.slice(row * columns, (row + 1) * columns))
      expect(all.slice((row * columns) / 2, ((row + 1) * columns) / 2)).toEqual(alone)
    }
  })
})

describe('factorHessian', () => {
  it('finds F and D with (F + I) D (F + I)ᵀ = H plus a hundredth of the mean diagonal', () => {
    const size = 48
    const x = inputs('factor', size, { factors: 10, outliers: true })
    const { values } = hessianOf(x, size, size)
    const [factor] = factorHessian({ group: size, values }, size, 16)
    if (factor === undefined) throw new Error('no factor')
    const { order, feedback, importance } = factor
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i))
    const mean = Array.from({ length: size }, (_, i) => values[i * size + i] ?? NaN).reduce((a, b) => a + b) / size
    const upper = (j: number, k: number): number => (j === k ? 1 : j < k ? (feedback[k * size + j] ?? NaN) : 0)
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        let sum = 0
        for (let k = 0; k < size; k++) sum += upper(i, k) * (importance[k] ?? NaN) * upper(j, k)
        const expected = (values[(order[i] ?? 0) * size + (order[j] ?? 0)] ?? NaN) + (i === j ? 0.01 * mean : 0)
        expect(Math.abs(sum - expected)).toBeLessThan(1e-9 * mean)
      }
    }
  })

  it('keeps blocks together, the one of most energy first', () => {
    const group = 64
    const values = new Float32Array(group * group)
    for (let i = 0; i < group; i++) values[i * group + i] = i >= 32 && i < 48 ? 9 : 1
    const [factor] = factorHessian({ group, values }, group, 16)
    const blocks = Array.from(factor?.order ?? [], (input) => Math.floor(input / 16))
    expect(blocks.filter((block, i) => block !== blocks[i - 1])).toEqual([2, 0, 1, 3])
  })

  it('takes a matrix that rounding has made slightly indefinite, with more damping', () => {
    // Rank one, and a diagonal a little short of it.
    const size = 16
    const values = Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 0.97 : 1))
    const [factor] = factorHessian({ group: size, values }, size, 16)
    expect(factor?.importance.every((value) => value > 0)).toBe(true)
  })

  it.each([
    ['of another size', 64, new Float32Array(64 * 64), 100, 32, '4096 statistics; 2 groups of 64 inputs have 8192'],
    ['in groups that cut blocks', 48, new Float32Array(48 * 48), 48, 32, 'groups of 48 inputs cannot be cut'],
    ['that are not finite', 16, new Float32Array(256).fill(NaN), 16, 16, 'the mean squared input is NaN'],
    ['that overflowed', 16, new Float32Array(256).fill(Infinity), 16, 16, 'the mean squared input is Infinity'],
    ['of negative energy', 16, new Float32Array(256).fill(-1), 16, 16, 'the mean squared input is -1'],
    [
      'that belong to nothing',
      16,
      new Float32Array(256).map((_, i) => (i % 17 === 0 ? 1 : 1e30)),
      16,
      16,
      'not positive semidefinite',
    ],
  ])('refuses statistics %s', (_, group, values, columns, block, message) => {
    expect(() => factorHessian({ group, values }, columns, block)).toThrow(message)
  })
})
