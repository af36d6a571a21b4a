/** A linear map in every scheme, in the engine, against float64 from the codes and against the exact product. */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'

import type { SiteScheme } from '../../../../src/convert/backbone-plan.js'
import { STEP } from '../../../../src/convert/layers/site-input.js'
import { temporaryFolder } from '../../../support/temp-folder.js'
import { normals, product, relativeError } from '../quantize/numbers.js'
import type { Projection } from './linear-graph.js'
import { HALF_STEP, keptWeight, openProjection } from './linear-graph.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

/** 203 inputs: not a whole number of blocks, and of no alignment. */
const [INPUTS, OUTPUTS, ROWS] = [203, 70, 6]

/**
 * Share of `Σ |x| |w|` that a float32 sum of {@link INPUTS} products may be off: one rounding of 2⁻²⁴ for each sum and
 * product, most of which cancel.
 */
const FLOAT32_SUM = 1e-6

/** The rest is taken of a quotient of up to 127, whose last place is a noticeable part of the finer step. */
const HALF_STEP_OF_REST = 0.5 + 127 * 2 ** -23 * STEP

const SCHEMES = {
  fp32: { kind: 'fp32' },
  'row8, one step': { kind: 'row8', steps: 1 },
  'row8, two steps': { kind: 'row8', steps: 2 },
  block8: { kind: 'block8', block: 32 },
  block4: { kind: 'block4', block: 32 },
} as const satisfies Readonly<Record<string, SiteScheme>>

/** Most noise, as a share of the product: about twice what the schemes make of these numbers. */
const MOST_NOISE = {
  fp32: 1e-6,
  'row8, one step': 0.03,
  'row8, two steps': 0.025,
  block8: 0.02,
  block4: 0.2,
} as const satisfies Readonly<Record<keyof typeof SCHEMES, number>>

const NAMES = Object.keys(SCHEMES) as (keyof typeof SCHEMES)[]
const ROW8 = ['row8, one step', 'row8, two steps'] as const

/** Channels from 1/30 to 30 times as large as the middle one. */
const UNEVEN = Float32Array.from(normals('channels', INPUTS), (value) => 2 ** (2.5 * Math.tanh(value) * 2))

/** The smoothing that evens them out. */
const SMOOTHING = UNEVEN

function projection(scheme: SiteScheme, changes: Partial<Projection> = {}): Projection {
  return {
    inputs: INPUTS,
    outputs: OUTPUTS,
    weight: normals('weight', OUTPUTS * INPUTS, 0.05),
    plan: { scheme },
    ...changes,
  }
}

/** Rows of unit size, channel by channel times {@link UNEVEN}. */
function uneven(name: string, rows = ROWS): Float32Array {
  return normals(name, rows * INPUTS).map((value, i) => value * (UNEVEN[i % INPUTS] ?? 1))
}

/** `Σ a b` over the inputs for every row of `a` and of `b`, of magnitudes. */
function magnitudes(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  return product(Float64Array.from(a, Math.abs), Float64Array.from(b, Math.abs), INPUTS)
}

describe.each(NAMES)('%s', (name) => {
  const scheme = SCHEMES[name]

  describe.each([
    ['plain', undefined],
    ['smoothed', SMOOTHING],
  ])('%s', (_, smoothing) => {
    const shape = projection(scheme, { plan: { scheme, smoothing } })
    const x = uneven('x')

    it('strays from the exact product by half a step of each weight and each input, and no more', async () => {
      await using opened = await openProjection(temporary.path, shape)
      const { y } = await opened.run(x)
      const kept = keptWeight(shape)
      const read = x.map((value, i) => value / (smoothing?.[i % INPUTS] ?? 1))
      const exact = product(x, shape.weight, INPUTS)
      const size = magnitudes(read, kept.values)
      // |Σ (x + dx)(w + dw) − Σ x w| ≤ Σ |dx| |w + dw| + Σ |x| |dw|
      const ofInputs = magnitudes(inputSteps(read, scheme), kept.values)
      const ofWeights = magnitudes(read, kept.errors)
      for (const [i, value] of y.entries()) {
        const rounding = HALF_STEP * (ofInputs[i] ?? NaN) + (ofWeights[i] ?? NaN)
        const bound = rounding + FLOAT32_SUM * (size[i] ?? NaN)
        expect(Math.abs(value - (exact[i] ?? NaN))).toBeLessThanOrEqual(bound)
      }
      // A bound that nothing comes near would hold for other numbers, too.
      expect(relativeError(y, exact)).toBeLessThanOrEqual(MOST_NOISE[name])
    })

    it('gives a row the same bits alone, among others, in any place, and on two threads', async () => {
      await using one = await openProjection(temporary.path, shape)
      await using two = await openProjection(temporary.path, shape, 2)
      const { y } = await one.run(x)
      for (let row = 0; row < ROWS; row++) {
        const alone = await one.run(x.slice(row * INPUTS, (row + 1) * INPUTS))
        expect(alone.y).toEqual(y.slice(row * OUTPUTS, (row + 1) * OUTPUTS))
      }
      const turned = Float32Array.from([...x.slice(2 * INPUTS), ...x.slice(0, 2 * INPUTS)])
      expect((await two.run(turned)).y).toEqual(
        Float32Array.from([...y.slice(2 * OUTPUTS), ...y.slice(0, 2 * OUTPUTS)]),
      )
    })

    it('multiplies a row’s result by a power of two exactly, if the row is', async () => {
      await using opened = await openProjection(temporary.path, shape)
      const { y } = await opened.run(x)
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: -70, max: 70 }), { minLength: ROWS, maxLength: ROWS }),
          async (powers) => {
            const factor = (i: number, width: number): number => 2 ** (powers[Math.floor(i / width)] ?? 0)
            const scaled = await opened.run(x.map((value, i) => value * factor(i, INPUTS)))
            expect(scaled.y).toEqual(y.map((value, i) => value * factor(i, OUTPUTS)))
          },
        ),
        { numRuns: 10 },
      )
    })
  })

  it('makes zeros of zeros, and exactly the bias where there is one', async () => {
    const bias = normals('bias', OUTPUTS)
    await using plain = await openProjection(temporary.path, projection(scheme))
    await using shifted = await openProjection(temporary.path, projection(scheme, { bias }))
    const x = uneven('x', 2)
    const zeroed = x.map((value, i) => (i < INPUTS ? 0 : value))
    const without = await plain.run(zeroed)
    const withBias = await shifted.run(zeroed)
    expect(without.y.slice(0, OUTPUTS).every((value) => value === 0)).toBe(true)
    expect(withBias.y.slice(0, OUTPUTS)).toEqual(bias)
    const sums = without.y.map((value, i) => value + (bias[i % OUTPUTS] ?? NaN))
    expect(relativeError(withBias.y, sums)).toBeLessThan(FLOAT32_SUM)
  })

  it('lacks the same factor of every product, or none, and applying it gives the product', async () => {
    await using opened = await openProjection(temporary.path, projection(scheme))
    const { y, unscaled, factor, scale } = await opened.run(uneven('x'))
    expect(factor).toEqual(scale)
    expect(unscaled.map((value, i) => value * (factor?.[Math.floor(i / OUTPUTS)] ?? 1))).toEqual(y)
  })

  it('takes a factor that its input still lacks', async () => {
    const x = uneven('x')
    await using opened = await openProjection(temporary.path, projection(scheme, { lacking: 2 ** -9 }))
    await using plain = await openProjection(temporary.path, projection(scheme))
    const { y } = await plain.run(x)
    expect((await opened.run(x)).y).toEqual(y.map((value) => value * 2 ** -9))
  })

  it('stands rows of 10³⁰ and of 10⁻²⁵ beside each other', async () => {
    await using opened = await openProjection(temporary.path, projection(scheme))
    const x = uneven('x')
    const size = (row: number): number => (row % 2 === 0 ? 1e30 : 1e-25)
    const sized = x.map((value, i) => value * size(Math.floor(i / INPUTS)))
    const { y } = await opened.run(sized)
    const exact = product(sized, projection(scheme).weight, INPUTS)
    for (let row = 0; row < ROWS; row++) {
      const part = (all: ArrayLike<number>) => Array.from(all).slice(row * OUTPUTS, (row + 1) * OUTPUTS)
      expect(relativeError(part(y), part(exact)), `row ${row}`).toBeLessThanOrEqual(2 * MOST_NOISE[name])
    }
  })
})

describe.each(ROW8)('%s', (name) => {
  const scheme = SCHEMES[name]

  it('is the exact product of its codes, to the last place of a float32', async () => {
    for (const smoothing of [undefined, SMOOTHING]) {
      const shape = projection(scheme, { plan: { scheme, smoothing } })
      await using opened = await openProjection(temporary.path, shape)
      const { y, codes, rest, scale } = await opened.run(uneven('x'))
      const kept = keptWeight(shape).values
      const whole = product(codes ?? [], kept, INPUTS)
      const fine = product(rest ?? new Float32Array(ROWS * INPUTS), kept, INPUTS).map((sum) => sum / STEP)
      for (const [i, value] of y.entries()) {
        const step = scale?.[Math.floor(i / OUTPUTS)] ?? NaN
        const [one, two] = [(whole[i] ?? NaN) * step, (fine[i] ?? NaN) * step]
        // Sums of codes are integers and exact. Rounded are the products with two scales, 1 / STEP, and the sum of both.
        const bound = 4 * 2 ** -24 * (Math.abs(one) + Math.abs(two))
        expect(Math.abs(value - (one + two))).toBeLessThanOrEqual(bound)
      }
    }
  })

  it('rounds each row by its own largest magnitude, to codes from −127 to 127', async () => {
    await using opened = await openProjection(temporary.path, projection(scheme))
    const x = uneven('x')
    const { codes, rest, scale } = await opened.run(x)
    for (let row = 0; row < ROWS; row++) {
      const part = (all: Float32Array | undefined) => all?.slice(row * INPUTS, (row + 1) * INPUTS) ?? new Float32Array()
      const [values, whole, fine] = [part(x), part(codes), part(rest)]
      const step = scale?.[row] ?? NaN
      expect(step * 127).toBeCloseTo(Math.max(...values.map(Math.abs)), 5)
      expect(Math.max(...whole.map(Math.abs))).toBe(127)
      for (const [i, value] of values.entries()) {
        const left = value - (whole[i] ?? NaN) * step
        expect(Math.abs(left)).toBeLessThanOrEqual(HALF_STEP * step)
        if (rest === undefined) continue
        expect(Math.abs(fine[i] ?? NaN)).toBeLessThanOrEqual(127)
        expect(Math.abs(left - ((fine[i] ?? NaN) * step) / STEP)).toBeLessThanOrEqual((HALF_STEP_OF_REST * step) / STEP)
      }
    }
  })
})

it('a second step takes the rounding of the input down by as much as it is finer', async () => {
  const x = uneven('x', 40)
  const errors = []
  for (const name of ROW8) {
    const shape = projection(SCHEMES[name])
    await using opened = await openProjection(temporary.path, shape)
    // Against the weights as they are kept, so that only the input's rounding is left.
    errors.push(relativeError((await opened.run(x)).y, product(x, keptWeight(shape).values, INPUTS)))
  }
  const [one = NaN, two = NaN] = errors
  expect(one / two).toBeGreaterThan(0.9 * STEP)
  expect(one / two).toBeLessThan(1.1 * STEP)
})

it('smoothing takes an uneven input’s noise down, at even weights', async () => {
  const x = uneven('x', 40)
  const noise = async (smoothing: Float32Array | undefined): Promise<number> => {
    const shape = projection(SCHEMES['row8, one step'], { plan: { scheme: SCHEMES['row8, one step'], smoothing } })
    await using opened = await openProjection(temporary.path, shape)
    return relativeError((await opened.run(x)).y, product(x, shape.weight, INPUTS))
  }
  expect(await noise(UNEVEN.map(Math.sqrt))).toBeLessThan((await noise(undefined)) * 0.9)
})

it.each(NAMES)('%s: wide matrices and full runs give a row the same bits, too', async (name) => {
  // The engine has kernels of their own for one row, for a few, and for tiles of many.
  const [inputs, outputs, rows] = [1024, 192, 130]
  const weight = normals('wide', outputs * inputs, 0.03)
  await using opened = await openProjection(
    temporary.path,
    { inputs, outputs, weight, plan: { scheme: SCHEMES[name] } },
    2,
  )
  const x = normals('wide x', rows * inputs)
  const { y } = await opened.run(x)
  for (const count of [1, 2, 3, 16, 17, 64]) {
    expect((await opened.run(x.slice(0, count * inputs))).y, `${count} rows`).toEqual(y.slice(0, count * outputs))
  }
})

/** The step by which each element of the input may be rounded: that of its row or block, a second one taken off. */
function inputSteps(read: Float32Array, scheme: SiteScheme): Float64Array {
  if (scheme.kind === 'fp32') return new Float64Array(read.length)
  const block = scheme.kind === 'row8' ? INPUTS : scheme.block
  const finer = scheme.kind === 'row8' && scheme.steps === 2 ? STEP : 1
  return Float64Array.from(read, (_, i) => {
    const row = Math.floor(i / INPUTS) * INPUTS
    const start = row + Math.floor((i % INPUTS) / block) * block
    const part = read.subarray(start, Math.min(start + block, row + INPUTS))
    return Math.max(...part.map(Math.abs)) / 127 / finer
  })
}
