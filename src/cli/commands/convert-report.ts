/** What `stella convert --report` says of an artefact: how faithful it is, and what each part of it cost. */
import type { Manifest } from '../../files/manifest.js'
import { tableText } from '../output.js'

type Sites = NonNullable<Manifest['sites']>
type Fidelity = NonNullable<Manifest['fidelity']>

/** The report, behind an empty line. */
export function fidelityReport({ precision, fidelity, sites, calibration, rejected }: Manifest): string {
  const refused = (rejected ?? []).map((tried) => `auto refused ${tried.precision}:\n${figures(tried.fidelity)}`)
  if (fidelity === null || sites === null) {
    return [`\n${precision} is the reference: there is nothing to compare it with.\n`, ...refused].join('\n')
  }
  const texts = calibration === null ? '' : `Calibrated on ${calibration.texts} texts.\n`
  return [`\n${texts}${figures(fidelity)}`, schemes(sites), noisiest(sites)].join('\n')
}

function figures({ texts, minCosine, meanCosine, topTenOverlap, worstLayer }: Fidelity): string {
  const rows = [
    ['texts', String(texts)],
    ['lowest cosine', minCosine.toFixed(6)],
    ['mean cosine', meanCosine.toFixed(6)],
    ['top-10 overlap', topTenOverlap.toFixed(4)],
    ...(worstLayer === null ? [] : [['worst layer', `${worstLayer.name} (${worstLayer.cosine.toFixed(6)})`]]),
  ]
  return tableText(['AGREEMENT WITH FP32', ''], rows)
}

/** Sites by kind and scheme: how many, and their errors. */
function schemes(sites: Sites): string {
  const groups = new Map<string, number[]>()
  for (const [site, { scheme, smoothed, error }] of Object.entries(sites)) {
    const group = [kindOf(site), scheme, smoothed ? 'smoothed' : ''].join('|')
    groups.set(group, [...(groups.get(group) ?? []), error])
  }
  const rows = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, errors]) => {
      const sorted = errors.toSorted((a, b) => a - b)
      const middle = sorted[Math.floor(sorted.length / 2)] ?? 0
      return [...group.split('|'), String(errors.length), noise(middle), noise(sorted.at(-1) ?? 0)]
    })
  return tableText(['SITE', 'SCHEME', '', 'COUNT', 'MEDIAN NOISE', 'MOST'], rows)
}

/** Sites shown by name. */
const SHOWN = 5

function noisiest(sites: Sites): string {
  const worst = Object.entries(sites)
    .sort(([, a], [, b]) => b.error - a.error)
    .slice(0, SHOWN)
  const rows = worst.map(([site, { scheme, error }]) => [site, scheme, noise(error)])
  return tableText(['NOISIEST SITES', 'SCHEME', 'NOISE'], rows)
}

function kindOf(site: string): string {
  return site.replace(/^layers\.\d+\./, '')
}

/** A share of the product's power, as a ratio that reads: 0.0002 → 1/5000. */
function noise(error: number): string {
  return error === 0 ? '0' : `1/${Math.round(1 / error)}`
}
