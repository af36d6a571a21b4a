/** The bars, what they let through, and that they ask for one and the same thing. */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'

import { STELLA_NANO } from '../../../registry/index.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import { probeTexts } from '../../../src/convert/calibration/probe-texts.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import type { JudgedFigures, QuantisedPrecision } from '../../../src/convert/fidelity-bars.js'
import {
  AUTO_FIDELITY_BAR,
  FIDELITY_BARS,
  fidelityTooLow,
  passes,
  passesAuto,
  requireFidelity,
  shortfalls,
} from '../../../src/convert/fidelity-bars.js'
import { measureFidelity } from '../../../src/convert/fidelity.js'
import { LoadedStellaModel } from '../../../src/inference/loaded-stella-model.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const PERFECT: JudgedFigures = { minCosine: 1, meanCosine: 1, topTenOverlap: 1 }
const QUANTISED = ['int8', 'int4'] as const satisfies readonly QuantisedPrecision[]
const FIGURES = ['minCosine', 'meanCosine', 'topTenOverlap'] as const

describe('passes', () => {
  it('takes fp32 as it is: it is the reference', () => {
    expect(passes('fp32', null)).toBe(true)
  })

  it.each(QUANTISED)('takes no %s that was never measured', (precision) => {
    expect(passes(precision, null)).toBe(false)
    expect(passesAuto(null)).toBe(false)
  })

  describe.each(QUANTISED)('for %s', (precision) => {
    const bar = FIDELITY_BARS[precision]

    it('takes figures that are at the bar, and perfect ones', () => {
      expect(passes(precision, bar)).toBe(true)
      expect(passes(precision, PERFECT)).toBe(true)
    })

    it.each(FIGURES)('refuses a %s just below the bar, and one that is no number', (figure) => {
      expect(passes(precision, { ...PERFECT, [figure]: bar[figure] - 1e-9 })).toBe(false)
      expect(passes(precision, { ...PERFECT, [figure]: Number.NaN })).toBe(false)
    })
  })

  it('is what shortfalls says, for any figures and bar', () => {
    const figure = fc.double({ min: -1, max: 1 })
    const figures = fc.record({ minCosine: figure, meanCosine: figure, topTenOverlap: figure })
    fc.assert(
      fc.property(figures, figures, (found, bar) => {
        const expected = FIGURES.filter((name) => !(found[name] >= bar[name]))
        expect(shortfalls(found, bar).map((one) => one.figure)).toEqual(expected)
      }),
    )
  })
})

describe('passesAuto', () => {
  it('asks for half the error that loading int8 allows, in each figure', () => {
    for (const figure of FIGURES) {
      expect(1 - AUTO_FIDELITY_BAR[figure]).toBeCloseTo((1 - FIDELITY_BARS.int8[figure]) / 2, 12)
      expect(FIDELITY_BARS.int8[figure]).toBeGreaterThan(FIDELITY_BARS.int4[figure])
      expect(passesAuto({ ...PERFECT, [figure]: AUTO_FIDELITY_BAR[figure] - 1e-9 })).toBe(false)
    }
    expect(passesAuto(AUTO_FIDELITY_BAR)).toBe(true)
  })
})

describe('the refusal of an artefact under its bar', () => {
  it('names what falls short, the bar, and what to do, and has the figures in its details', async () => {
    const figures = { minCosine: 0.9899999, meanCosine: 0.9991, topTenOverlap: 0.85 }
    const error = await failureOf(() => {
      requireFidelity('stella-x', 'int8', figures)
    })
    expect(error.code).toBe('FIDELITY_TOO_LOW')
    expect(error.message).toBe(
      'stella-x in int8 strays too far from fp32: lowest cosine 0.98999 (at least 0.99), top-10 overlap 0.85 (at least 0.9). ' +
        "Use `precision: 'fp32'`, or convert it again with calibration texts like those you embed",
    )
    expect(error.details).toEqual({
      model: 'stella-x',
      precision: 'int8',
      ...figures,
      bar: FIDELITY_BARS.int8,
      failed: ['minCosine', 'topTenOverlap'],
    })
    expect(JSON.parse(JSON.stringify(error.details))).toEqual(error.details)
  })

  it('says so of one that was never measured', async () => {
    const error = await failureOf(() => {
      requireFidelity('stella-x', 'int4', null)
    })
    expect(error.message).toContain('in int4 was never compared with fp32')
    expect(error.message).toContain("`precision: 'fp32'`")
  })

  it('points from int4 to int8 too', () => {
    expect(fidelityTooLow('x', 'int4', { ...PERFECT, minCosine: -1 }).message).toMatch(
      /lowest cosine -1 \(at least 0\.88\)\. Use `precision: 'int8'` or/,
    )
  })

  it('does not come where the bar is reached', () => {
    for (const precision of QUANTISED) requireFidelity('x', precision, FIDELITY_BARS[precision])
    requireFidelity('x', 'fp32', null)
  })
})

/** A repeatable stream of numbers from a normal distribution: mulberry32 and Box-Muller. */
function normals(seed: number): () => number {
  let state = seed
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

/** `slab` with noise in every direction alike, such that the mean cosine comes to about `cosine`. */
function noisy(slab: Float32Array, size: number, cosine: number): Float32Array {
  const next = normals(7)
  const amplitude = Math.sqrt(1 / cosine ** 2 - 1) / Math.sqrt(size)
  const lengths = Array.from({ length: slab.length / size }, (_, text) =>
    Math.hypot(...slab.subarray(text * size, (text + 1) * size)),
  )
  return slab.map((value, i) => value + next() * amplitude * (lengths[Math.floor(i / size)] ?? 0))
}

describe.each(['stella-nano', 'new-tiny', 'new-wide', 'qwen2-tiny'] as const)('on the probe texts of %s', (name) => {
  const temporary = temporaryFolder()
  afterAll(() => temporary.remove())

  const fp32 = async (): Promise<{ readonly info: StellaModelInfo; readonly slab: Float32Array }> => {
    const info = name === 'stella-nano' ? STELLA_NANO : await describeCheckpoint(goldenCheckpoint(name))
    await using model = await LoadedStellaModel.load(info, { home: temporary.path, precision: 'fp32', threads: 1 })
    const slab = new Float32Array(probeTexts().length * info.defaultDimensions)
    for (const [index, { task, text }] of probeTexts().entries()) {
      const { embedding } = await model.embed(text, { task })
      slab.set(embedding, index * info.defaultDimensions)
    }
    return { info, slab }
  }

  it('noise that the mean cosine lets through is let through by the overlap too, and three times as much is refused', async () => {
    const { info, slab } = await fp32()
    const texts = probeTexts().length
    const at = (cosine: number) => measureFidelity(slab, noisy(slab, info.defaultDimensions, cosine), texts)
    expect(at(FIDELITY_BARS.int8.meanCosine).topTenOverlap).toBeGreaterThan(FIDELITY_BARS.int8.topTenOverlap)
    expect(at(FIDELITY_BARS.int4.meanCosine).topTenOverlap).toBeGreaterThan(FIDELITY_BARS.int4.topTenOverlap)
    expect(passesAuto(at(0.9995))).toBe(true)
    expect(passes('int8', at(0.994))).toBe(false)
    expect(passes('int4', at(0.85))).toBe(false)
    expect(passes('int4', at(0.994))).toBe(true)
  })
})
