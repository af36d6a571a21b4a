/** What was chosen for each site and what it costs, as the manifest keeps it. */
import type { Manifest } from '../files/manifest.js'
import type { Site, SitePlan, SiteScheme } from './backbone-plan.js'

/** One site's entry in the manifest. */
export type SiteReport = NonNullable<Manifest['sites']>[string]

/** What a scheme is called in reports. */
export function schemeName(scheme: SiteScheme): string {
  switch (scheme.kind) {
    case 'fp32':
      return 'fp32'
    case 'row8':
      return scheme.steps === 1 ? 'row8' : 'row8-two-step'
    case 'block8':
    case 'block4':
      return `${scheme.kind}-${scheme.block}`
  }
}

/** The entry of a site. */
export function reportSite({ scheme, smoothing }: SitePlan, error: number): SiteReport {
  // JSON knows no infinity; all noise is a share of one.
  return { scheme: schemeName(scheme), smoothed: smoothing !== undefined, error: Math.min(1, error) }
}

/** The site with the largest error, and the cosine that error alone leaves: noise of share `e` turns by `1/√(1+e)`. */
export function worstSite(errors: ReadonlyMap<Site, number>): { name: string; cosine: number } | null {
  let worst: { readonly site: Site; readonly error: number } | undefined
  for (const [site, error] of errors) if (worst === undefined || error > worst.error) worst = { site, error }
  return worst === undefined ? null : { name: worst.site, cosine: 1 / Math.sqrt(1 + worst.error) }
}
