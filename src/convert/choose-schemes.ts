/** Chooses each site's scheme by what the schemes were measured to cost there. Measures nothing itself. */
import type { Site, SitePlan, SiteScheme } from './backbone-plan.js'
import type { SiteStatistics } from './calibrate.js'
import type { QuantisedPrecision } from './fidelity-bars.js'
import type { Hessian } from './quantize/hessian-factor.js'
import { smoothingOf } from './smoothing.js'

/** A site's plan and its error: the share of noise in the power of its product. */
export interface Choice {
  readonly plan: SitePlan
  readonly error: number
}

/** Plans for some sites, to be measured together. */
export type Candidate = ReadonlyMap<Site, SitePlan>

/** Measures a candidate. */
export type Measure = (candidate: Candidate) => Promise<ReadonlyMap<Site, number>>

/**
 * A site that loses more than this share to noise gets a dearer scheme. Rounding rows of unit noise to 8 bits costs
 * about 2·10⁻⁴ (127 levels for four standard deviations, on both sides of the product); five times that means channels
 * that do not fit one scale. 4-bit rounding costs about 10⁻² by itself.
 */
const SENSITIVE = { int8: 1e-3, int4: 4e-2 } as const satisfies Readonly<Record<QuantisedPrecision, number>>

/** Smoothing is taken where it leaves less than this share of the error without: it can cost a pass over the input. */
const WORTH_SMOOTHING = 0.8

/** Inputs to a scale, in the block schemes. */
const BLOCK = 32

/** What a precision does unless a site needs better. */
const BASE = {
  int8: { kind: 'row8', steps: 1 },
  int4: { kind: 'block4', block: BLOCK },
} as const satisfies Readonly<Record<QuantisedPrecision, SiteScheme>>

/** Chooses for all sites. */
export async function chooseSchemes(
  precision: QuantisedPrecision,
  statistics: ReadonlyMap<Site, SiteStatistics>,
  measure: Measure,
): Promise<ReadonlyMap<Site, Choice>> {
  const first = await cheapest(precision, statistics, measure)
  const sensitive = [...first].filter(([, { error }]) => !(error <= SENSITIVE[precision]))
  const better = await dearer(precision, new Map(sensitive), measure)
  return new Map([...first, ...better])
}

/** The precision's own scheme at every site, smoothed where that pays. */
async function cheapest(
  precision: QuantisedPrecision,
  statistics: ReadonlyMap<Site, SiteStatistics>,
  measure: Measure,
): Promise<ReadonlyMap<Site, Choice>> {
  const scheme = BASE[precision]
  const plain: Candidate = mapValues(statistics, () => ({ scheme }))
  const smoothed: Candidate = mapValues(statistics, (site) => ({ scheme, smoothing: smoothingOf(site) }))
  const plainErrors = await measure(plain)
  const smoothedErrors = await measure(smoothed)
  return mapValues(statistics, (_, site) => {
    const without = choice(plain, plainErrors, site)
    const withIt = choice(smoothed, smoothedErrors, site)
    return withIt.error < without.error * WORTH_SMOOTHING ? withIt : without
  })
}

/**
 * The choices with error feedback where they round to 4 bits. It takes many times as long as plain rounding, so
 * schemes are chosen without; the errors stay those without.
 */
export function withFeedback(
  choices: ReadonlyMap<Site, Choice>,
  statistics: ReadonlyMap<Site, SiteStatistics>,
): ReadonlyMap<Site, Choice> {
  return mapValues(choices, ({ plan, error }, site) => {
    const hessian = statistics.get(site)?.hessian
    const { scheme, smoothing } = plan
    if (scheme.kind !== 'block4' || hessian === undefined) return { plan, error }
    return { plan: { smoothing, scheme: { ...scheme, hessian: smoothHessian(hessian, smoothing) } }, error }
  })
}

/** Two steps in int8, 8-bit blocks instead of 4-bit ones; in int8 blocks too, where two steps do not do. */
async function dearer(
  precision: QuantisedPrecision,
  sites: ReadonlyMap<Site, Choice>,
  measure: Measure,
): Promise<ReadonlyMap<Site, Choice>> {
  if (sites.size === 0) return sites
  const blocks: Candidate = mapValues(sites, ({ plan }) => ({ ...plan, scheme: { kind: 'block8', block: BLOCK } }))
  const blockErrors = await measure(blocks)
  if (precision === 'int4') return mapValues(sites, (old, site) => better(choice(blocks, blockErrors, site), old))
  const steps = oneDearer(sites)
  const stepErrors = await measure(steps)
  return mapValues(sites, (old, site) => {
    const two = choice(steps, stepErrors, site)
    const block = choice(blocks, blockErrors, site)
    // Two steps run on the fast kernels and cost half of what blocks do, or less (bench/gemm-rates.ts).
    const best = two.error <= SENSITIVE.int8 || two.error <= block.error ? two : block
    return better(best, old)
  })
}

/** A dearer choice is taken only where it leaves less noise. */
function better(found: Choice, old: Choice): Choice {
  return found.error < old.error ? found : old
}

/** The same plans one scheme dearer: two steps for one, 8 bits for 4. Sites that have another scheme stay out. */
export function oneDearer(sites: ReadonlyMap<Site, Choice>): Candidate {
  const plans = [...sites].flatMap(([site, { plan }]) => {
    const scheme = dearerScheme(plan.scheme)
    return scheme === undefined ? [] : [[site, { ...plan, scheme }] as const]
  })
  return new Map(plans)
}

function dearerScheme(scheme: SiteScheme): SiteScheme | undefined {
  if (scheme.kind === 'row8' && scheme.steps === 1) return { kind: 'row8', steps: 2 }
  return scheme.kind === 'block4' ? { kind: 'block8', block: scheme.block } : undefined
}

/** `Σ xᵀx` of inputs divided by the smoothing, in memory that threads share. */
function smoothHessian({ group, values }: Hessian, smoothing: Float32Array | undefined): Hessian {
  const scaled = new Float32Array(new SharedArrayBuffer(values.byteLength))
  for (let start = 0, first = 0; start < values.length; start += group * group, first += group) {
    for (let a = 0; a < group; a++) {
      for (let b = 0; b < group; b++) {
        const scale = (smoothing?.[first + a] ?? 1) * (smoothing?.[first + b] ?? 1)
        scaled[start + a * group + b] = (values[start + a * group + b] ?? 0) / scale
      }
    }
  }
  return { group, values: scaled }
}

function choice(candidate: Candidate, errors: ReadonlyMap<Site, number>, site: Site): Choice {
  const plan = candidate.get(site)
  const error = errors.get(site)
  if (plan === undefined || error === undefined) throw new Error(`${site} was not measured`)
  return { plan, error }
}

function mapValues<V, R>(map: ReadonlyMap<Site, V>, make: (value: V, site: Site) => R): ReadonlyMap<Site, R> {
  return new Map([...map].map(([site, value]) => [site, make(value, site)]))
}
