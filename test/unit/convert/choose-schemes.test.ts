/** Which scheme a site gets, from errors that the test makes up. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { Site, SitePlan, SiteScheme } from '../../../src/convert/backbone-plan.js'
import { sitesOf } from '../../../src/convert/backbone-plan.js'
import type { SiteStatistics } from '../../../src/convert/calibrate.js'
import type { Candidate, Choice } from '../../../src/convert/choose-schemes.js'
import { chooseSchemes, oneDearer, withFeedback } from '../../../src/convert/choose-schemes.js'
import type { QuantisedPrecision } from '../../../src/convert/fidelity-bars.js'
import { schemeName } from '../../../src/convert/site-report.js'
import { smoothingOf } from '../../../src/convert/smoothing.js'

const SITE: Site = 'layers.0.mlp.in'
const OTHER: Site = 'layers.0.mlp.out'

const STATISTICS: SiteStatistics = { inputs: Float32Array.of(4, 1), weights: Float32Array.of(1, 1) }

/** What each scheme costs at a site, by its name, `+` for smoothed. */
type Costs = Readonly<Record<string, number>>

const nameOf = ({ scheme, smoothing }: SitePlan): string => schemeName(scheme) + (smoothing === undefined ? '' : '+')

/** Chooses with a measure that looks costs up, and remembers what it was asked. */
async function choose(precision: QuantisedPrecision, costs: Readonly<Partial<Record<Site, Costs>>>) {
  const asked: Candidate[] = []
  const sites = Object.keys(costs) as Site[]
  const choices = await chooseSchemes(precision, new Map(sites.map((site) => [site, STATISTICS])), (candidate) => {
    asked.push(candidate)
    const errors = [...candidate].map(([site, plan]) => {
      const error = costs[site]?.[nameOf(plan)]
      if (error === undefined) throw new Error(`${site} was measured with ${nameOf(plan)}`)
      return [site, error] as const
    })
    return Promise.resolve(new Map(errors))
  })
  return { asked, choices, chosen: Object.fromEntries([...choices].map(([site, { plan }]) => [site, nameOf(plan)])) }
}

const int8 = async (costs: Costs) => (await choose('int8', { [SITE]: costs })).chosen[SITE]
const int4 = async (costs: Costs) => (await choose('int4', { [SITE]: costs })).chosen[SITE]

describe('int8', () => {
  it('takes one step, plain, where smoothing gains little', async () => {
    expect(await int8({ row8: 2e-4, 'row8+': 1.7e-4 })).toBe('row8')
    expect(await int8({ row8: 2e-4, 'row8+': 9e-4 })).toBe('row8')
    expect(await int8({ row8: 0, 'row8+': 0 })).toBe('row8')
  })

  it('smooths where that takes more than a fifth of the error away', async () => {
    expect(await int8({ row8: 2e-4, 'row8+': 1.5e-4 })).toBe('row8+')
  })

  it('smooths by what calibration saw', async () => {
    const { choices } = await choose('int8', { [SITE]: { row8: 2e-4, 'row8+': 1e-5 } })
    expect(choices.get(SITE)?.plan.smoothing).toEqual(smoothingOf(STATISTICS))
  })

  it('takes two steps at a site that one is too noisy for, smoothed if one was', async () => {
    expect(await int8({ row8: 2e-3, 'row8+': 3e-3, 'row8-two-step': 1e-4, 'block8-32': 1e-5 })).toBe('row8-two-step')
    expect(await int8({ row8: 9e-3, 'row8+': 2e-3, 'row8-two-step+': 1e-4, 'block8-32+': 1e-5 })).toBe('row8-two-step+')
  })

  it('takes blocks only where two steps do not do and blocks are better', async () => {
    expect(await int8({ row8: 0.5, 'row8+': 0.5, 'row8-two-step': 0.1, 'block8-32': 0.01 })).toBe('block8-32')
    expect(await int8({ row8: 0.5, 'row8+': 0.5, 'row8-two-step': 0.1, 'block8-32': 0.2 })).toBe('row8-two-step')
  })

  it('stays with one step where nothing is better', async () => {
    expect(await int8({ row8: 0.5, 'row8+': 0.5, 'row8-two-step': 0.5, 'block8-32': 0.6 })).toBe('row8')
    const lost = Number.POSITIVE_INFINITY
    expect(await int8({ row8: lost, 'row8+': lost, 'row8-two-step': lost, 'block8-32': lost })).toBe('row8')
  })

  it('measures dearer schemes only where they are needed', async () => {
    const calm = { row8: 1e-4, 'row8+': 1e-4 }
    const { asked, chosen } = await choose('int8', {
      [SITE]: calm,
      [OTHER]: { row8: 1e-2, 'row8+': 1e-2, 'row8-two-step': 1e-4, 'block8-32': 1e-4 },
    })
    expect(chosen).toEqual({ [SITE]: 'row8', [OTHER]: 'row8-two-step' })
    expect(asked.map((candidate) => [...candidate.keys()])).toEqual([[SITE, OTHER], [SITE, OTHER], [OTHER], [OTHER]])
    expect((await choose('int8', { [SITE]: calm })).asked).toHaveLength(2)
  })
})

describe('int4', () => {
  it('takes 4-bit blocks, smoothed where that pays', async () => {
    expect(await int4({ 'block4-32': 0.01, 'block4-32+': 0.009 })).toBe('block4-32')
    expect(await int4({ 'block4-32': 0.01, 'block4-32+': 0.001 })).toBe('block4-32+')
  })

  it('takes 8-bit blocks at a site that 4 bits are too noisy for', async () => {
    expect(await int4({ 'block4-32': 0.05, 'block4-32+': 0.05, 'block8-32': 1e-3 })).toBe('block8-32')
    expect(await int4({ 'block4-32': 0.3, 'block4-32+': 0.05, 'block8-32+': 1e-3 })).toBe('block8-32+')
    expect(await int4({ 'block4-32': 0.3, 'block4-32+': 0.3, 'block8-32': 0.4 })).toBe('block4-32')
  })
})

it('every site gets a scheme and the error that was measured for it, whatever the errors are', async () => {
  const anyError = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom(0, 1e-3, Number.POSITIVE_INFINITY),
  )
  const names = ['row8', 'row8-two-step', 'block8-32', 'block4-32'].flatMap((name) => [name, `${name}+`])
  const anyCosts = fc.record(Object.fromEntries(names.map((name) => [name, anyError]))) as fc.Arbitrary<Costs>
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('int8' as const, 'int4' as const),
      fc.array(anyCosts, { minLength: 1, maxLength: 12 }),
      async (precision, all) => {
        const sites = sitesOf(3).slice(0, all.length)
        const costs = Object.fromEntries(sites.map((site, index) => [site, all[index]]))
        const { choices } = await choose(precision, costs)
        expect([...choices.keys()]).toEqual(sites)
        for (const [site, { plan, error }] of choices) {
          expect(error).toBe(costs[site]?.[nameOf(plan)])
          const base = precision === 'int8' ? 'row8' : 'block4-32'
          expect(error).toBeLessThanOrEqual(costs[site]?.[base] ?? NaN)
        }
      },
    ),
  )
})

it('a site that was not measured fails the conversion', async () => {
  const chosen = chooseSchemes('int8', new Map([[SITE, STATISTICS]]), () => Promise.resolve(new Map()))
  await expect(chosen).rejects.toThrow(`${SITE} was not measured`)
})

describe('oneDearer', () => {
  const sites = (...schemes: readonly SiteScheme[]) =>
    new Map(schemes.map((scheme, i): [Site, Choice] => [`layers.${i}.mlp.in`, { plan: { scheme }, error: 1 }]))

  it('is a second step, or 8 bits for 4, with the same smoothing; other schemes have none', () => {
    const smoothing = Float32Array.of(2)
    const kept = new Map([[SITE, { plan: { scheme: { kind: 'block4', block: 64 }, smoothing } as const, error: 1 }]])
    expect(oneDearer(kept)).toEqual(new Map([[SITE, { scheme: { kind: 'block8', block: 64 }, smoothing }]]))
    const all = sites(
      { kind: 'row8', steps: 1 },
      { kind: 'row8', steps: 2 },
      { kind: 'block8', block: 32 },
      { kind: 'fp32' },
    )
    expect(oneDearer(all)).toEqual(new Map([['layers.0.mlp.in', { scheme: { kind: 'row8', steps: 2 } }]]))
  })
})

describe('withFeedback', () => {
  const hessian = { group: 2, values: Float32Array.of(8, 4, 4, 2, /**/ 1, 2, 3, 4) }
  const statistics = new Map([[SITE, { ...STATISTICS, hessian }]])
  const scheme = { kind: 'block4', block: 32 } as const

  it('gives 4-bit sites the second moments of the input they read, divided by the smoothing', () => {
    const smoothing = Float32Array.of(2, 1, 4)
    const choices = withFeedback(new Map([[SITE, { plan: { scheme, smoothing }, error: 0.01 }]]), statistics)
    // Of the last group only the first input exists.
    const values = Float32Array.of(8 / 4, 4 / 2, 4 / 2, 2, /**/ 1 / 16, 2 / 4, 3 / 4, 4)
    expect(choices.get(SITE)).toEqual({
      plan: { scheme: { ...scheme, hessian: { group: 2, values } }, smoothing },
      error: 0.01,
    })
  })

  it('hands them over in memory that threads share', () => {
    const choices = withFeedback(new Map([[SITE, { plan: { scheme }, error: 0.01 }]]), statistics)
    const found = choices.get(SITE)?.plan.scheme
    const given = found?.kind === 'block4' ? found.hessian : undefined
    expect(given?.values).toEqual(hessian.values)
    expect(given?.values.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  it('leaves other schemes alone, and sites without statistics', () => {
    const row8: Choice = { plan: { scheme: { kind: 'row8', steps: 1 } }, error: 0 }
    const choices = new Map<Site, Choice>([
      [SITE, row8],
      [OTHER, { plan: { scheme }, error: 0 }],
    ])
    expect(withFeedback(choices, statistics)).toEqual(choices)
  })
})
