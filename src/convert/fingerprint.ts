/** What tells artefacts apart whose vectors must not be mixed. */
import { createHash } from 'node:crypto'

import type { ArchitectureInfo } from '../../registry/types.js'
import type { Precision } from './recipe.js'
import { RECIPE } from './recipe.js'

/**
 * SHA-256 over recipe, precision, architecture, sources and, where weights depend on them, calibration texts. The same
 * tensors under another `config.json` are another model: its architecture counts, in any order of keys.
 */
export function fingerprintOf(
  precision: Precision,
  architecture: ArchitectureInfo,
  sources: Readonly<Record<string, string>>,
  calibration: string | undefined,
): string {
  const made = calibration === undefined ? {} : { calibration }
  const facts = { recipe: RECIPE, precision, architecture: sorted(architecture), sources: sorted(sources), ...made }
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, child]) => [key, sorted(child)])
}
