/** A linear map in every scheme, in the engine, against float64 from the codes and against the exact product. */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'

import type { SiteScheme } from '../../../../src/convert/backbone-plan.js'
import { STEP } from '../../../../src/convert/layers/site-input.js'
import { temporaryFolder } from '../../../support/temp-folder.js'
import { normals, product, relativeError } from '../quantize/numbers.js'
import type { Projection } from './linear-graph.js'
import { keptWeight, openProjection } from './linear-graph.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

/** 203 inputs: not a whole number of blocks, and of no alignment. */
const [INPUTS, OUTPUTS, ROWS] = [203, 70, 6]

/**
 * Share of `Σ |x| |w|` that a float32 sum of {@link INPUTS} products may be off: one rounding of 2⁻²⁴ for each sum and
 * product, most of which cancel.
 */
const FLOAT32_SUM = 1e-6

const SCHEMES = {
  fp32: { kind: 'fp32' },
  'row8, one step': { kind: 'row8', steps: 1 },
  'row8, two steps': { kind: 'row8', steps: 2 },
  block8: { kind: 'block8', block: 32 },
  block4: { kind: 'block4', block: 32 },
} as const satisfies Readonly<Record<string, SiteScheme>>

const NAMES = Object.keys(SCHEMES) as (keyof typeof SCHEMES)[]
const ROW8 = ['row8, one step', 'row8, two steps'] as const

/** Channels from 1/30 to 30 times as large as the middle one. */
const UNEVEN = Float32Array.from(normals('channels', INPUTS), (value) => 2 ** (2.5 * Math.tanh(value) * 2))

/** The smoothing that evens them out. */
const SMOOTHING = UNEVEN

function projection(scheme: SiteScheme, changes: Partial<Projection> = {}): Projection {
  return { inputs: INPUTS, outputs: OUTPUTS, weight: normals('weight', OUTPUTS * INPUTS, 0.05), plan: { scheme }, ...changes }
}

/** Rows of unit size, channel by channel times {@link UNEVEN}. */
function uneven(name: string, rows = ROWS): Float32Array {
  return normals(name, rows * INPUTS).map((value, i) => value * (UNEVEN[i % INPUTS] ?? 1))
}

/** `Σ a b` over the inputs for every row of `a` and of `b`, of magnitudes. */
function magnitudes(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  return product(Float64Array.from(a, Math.abs), Float64Array.from(b, Math.abs), INPUTS)
}

it('explore', async () => {
  for (const name of NAMES) for (const smoothing of [undefined, SMOOTHING]) {
    const p = projection(SCHEMES[name], { plan: { scheme: SCHEMES[name], smoothing } })
    await using opened = await openProjection(temporary.path, p)
    const x = uneven('x', 40)
    const r = await opened.run(x)
    const exact = product(x, p.weight, INPUTS)
    console.log(name, smoothing !== undefined, relativeError(r.y, exact), r.factor?.length)
    const one = await opened.run(x.slice(0, INPUTS))
    const five = await opened.run(x.slice(0, INPUTS*5))
    console.log(one.y.every((v, i) => v === r.y[i]), five.y.every((v, i) => v === r.y[i]))
    const scaled = await opened.run(x.map((v) => v * 2 ** 20))
    console.log(scaled.y.every((v, i) => v === (r.y[i] ?? 0) * 2 ** 20))
    const tiny = await opened.run(x.map((v) => v * 2 ** -60))
    console.log(tiny.y.every((v, i) => v === (r.y[i] ?? 0) * 2 ** -60))
  }
})
