/** What tells artefacts apart whose vectors must not be mixed. */
import { createHash } from 'node:crypto'

import type { ArchitectureInfo } from '../../registry/types.js'
import type { Precision } from './recipe.js'
import { RECIPE } from './recipe.js'

/**
 * SHA-256 over recipe, precision, architecture, sources and, where schemes were chosen by measurement, what came of it.
 * The same tensors under another `config.json` are another model: its architecture counts, in any order of keys.
 *
 * @param chosen - Hashes of the calibration texts and of the backbone: another processor may choose other schemes for the
 * same checkpoint.
 */
export function fingerprintOf(
  precision: Precision,
  architecture: ArchitectureInfo,
  sources: Readonly<Record<string, string>>,
  chosen: string | undefined,
): string {
  const made = chosen === undefined ? {} : { chosen }
  const facts = { recipe: RECIPE, precision, architecture: sorted(architecture), sources: sorted(sources), ...made }
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, child]) => [key, sorted(child)])
}
