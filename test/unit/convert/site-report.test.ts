import { describe, expect, it } from 'vitest'

import type { Site, SiteScheme } from '../../../src/convert/backbone-plan.js'
import { SITE_KINDS, reciprocal, sitesOf } from '../../../src/convert/backbone-plan.js'
import { reportSite, schemeName, worstSite } from '../../../src/convert/site-report.js'

describe('a site’s report', () => {
  it.each([
    [{ kind: 'fp32' }, 'fp32'],
    [{ kind: 'row8', steps: 1 }, 'row8'],
    [{ kind: 'row8', steps: 2 }, 'row8-two-step'],
    [{ kind: 'block8', block: 32 }, 'block8-32'],
    [{ kind: 'block4', block: 64 }, 'block4-64'],
  ] as const satisfies readonly (readonly [SiteScheme, string])[])('of %j says %s', (scheme, name) => {
    expect(schemeName(scheme)).toBe(name)
    expect(reportSite({ scheme }, 0.25)).toEqual({ scheme: name, smoothed: false, error: 0.25 })
    expect(reportSite({ scheme, smoothing: Float32Array.of(1) }, 0)).toEqual({ scheme: name, smoothed: true, error: 0 })
  })

  it('holds nothing but noise at one, which JSON can hold', () => {
    expect(reportSite({ scheme: { kind: 'fp32' } }, Number.POSITIVE_INFINITY).error).toBe(1)
    expect(reportSite({ scheme: { kind: 'fp32' } }, 3).error).toBe(1)
  })
})

describe('the worst site', () => {
  const errors = (...all: readonly (readonly [Site, number])[]) => worstSite(new Map(all))

  it('is the one of the largest error, the first of several, with the cosine that error leaves', () => {
    const found = errors(['layers.0.mlp.in', 0.5], ['layers.1.mlp.out', 3], ['layers.2.mlp.out', 3])
    expect(found).toEqual({ name: 'layers.1.mlp.out', cosine: 0.5 })
  })

  it('of no noise has cosine 1, of nothing but noise 0', () => {
    expect(errors(['layers.0.mlp.in', 0])).toEqual({ name: 'layers.0.mlp.in', cosine: 1 })
    expect(errors(['layers.0.mlp.in', Number.POSITIVE_INFINITY])).toEqual({ name: 'layers.0.mlp.in', cosine: 0 })
  })

  it('of no sites is none', () => {
    expect(errors()).toBeNull()
  })
})

describe('sites', () => {
  it('are four to a layer, in the order they run', () => {
    expect(sitesOf(0)).toEqual([])
    expect(sitesOf(2)).toEqual([
      ...SITE_KINDS.map((kind) => `layers.0.${kind}`),
      ...SITE_KINDS.map((kind) => `layers.1.${kind}`),
    ])
    expect(SITE_KINDS).toEqual(['attention.in', 'attention.out', 'mlp.in', 'mlp.out'])
  })

  it('have factors whose reciprocals are theirs, or none', () => {
    expect(reciprocal(Float32Array.of(2, 0.5, 4))).toEqual(Float32Array.of(0.5, 2, 0.25))
    expect(reciprocal(undefined)).toBeUndefined()
  })
})
