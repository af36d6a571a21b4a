/**
 * Writes a quantised backbone: calibrates on texts, measures schemes site by site, chooses, writes, and holds the result
 * against float32 on texts that calibration has not seen.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { BACKBONE_FILE } from './artefact-files.js'
import { buildBackbone } from './backbone.js'
import type { BackbonePlan, Site, TableForm } from './backbone-plan.js'
import { sitesOf } from './backbone-plan.js'
import type { Choice } from './choose-schemes.js'
import { chooseSchemes, twoSteps, withFeedback } from './choose-schemes.js'
import type { FidelityFigures } from './fidelity.js'
import type { QuantisedPrecision } from './fidelity-bars.js'
import type { Laboratory } from './laboratory.js'
import { writeGraph } from './write-graph.js'

/** What was made. */
export interface QuantisedBackbone {
  readonly choices: ReadonlyMap<Site, Choice>
  readonly fidelity: FidelityFigures
}

/** How vectors of the probe texts are compared with float32's. */
export type Judge = (graph: string) => Promise<FidelityFigures>

/** Times that a backbone under the bar is written again with dearer schemes at its worst sites. */
const MAX_REPAIRS = 3

/** Share of the sites that gets a dearer scheme at a time. */
const REPAIR_SHARE = 1 / 4

/** int8 tables hold a relative error of 10⁻² in each row; that is for who wants the smallest artefact. */
const TABLES = { int8: 'float16', int4: 'int8' } as const satisfies Readonly<Record<QuantisedPrecision, TableForm>>

/**
 * Writes `backbone.onnx` and its weights.
 *
 * @param isGood - Whether figures need no repair.
 */
export async function quantiseBackbone(
  laboratory: Laboratory,
  precision: QuantisedPrecision,
  judge: Judge,
  isGood: (figures: FidelityFigures) => boolean,
): Promise<QuantisedBackbone> {
  const { architecture, reader, prefix, target } = laboratory
  const statistics = await laboratory.calibrate()
  const chosen = await chooseSchemes(precision, statistics, (candidate) => laboratory.compare(candidate))
  let choices = withFeedback(chosen, statistics)
  for (let repairs = 0; ; repairs++) {
    const plan = planOf(precision, choices, sitesOf(architecture.layers))
    await writeGraph(target, BACKBONE_FILE, (tensors) => buildBackbone(architecture, reader, prefix, tensors, { plan }))
    const fidelity = await judge(join(target.folder, BACKBONE_FILE))
    if (isGood(fidelity) || repairs === MAX_REPAIRS) return { choices, fidelity }
    const better = twoSteps(worst(choices))
    if (better.size === 0) return { choices, fidelity }
    const errors = await laboratory.compare(better)
    choices = new Map([
      ...choices,
      ...[...better].map(([site, sitePlan]) => [site, { plan: sitePlan, error: errors.get(site) ?? 1 }] as const),
    ])
    await rm(join(target.folder, BACKBONE_FILE))
    await rm(join(target.folder, `${BACKBONE_FILE}.data`))
  }
}

/** The sites of the largest errors that can still be helped by a second step. */
function worst(choices: ReadonlyMap<Site, Choice>): ReadonlyMap<Site, Choice> {
  const open = [...choices].filter(([, { plan }]) => plan.scheme.kind === 'row8' && plan.scheme.steps === 1)
  open.sort(([, a], [, b]) => b.error - a.error)
  return new Map(open.slice(0, Math.ceil(choices.size * REPAIR_SHARE)))
}

function planOf(
  precision: QuantisedPrecision,
  choices: ReadonlyMap<Site, Choice>,
  sites: readonly Site[],
): BackbonePlan {
  const missing = sites.find((site) => !choices.has(site))
  if (missing !== undefined) throw new Error(`${missing} was given no scheme`)
  return {
    table: TABLES[precision],
    site: (site) => choices.get(site)?.plan ?? { scheme: { kind: 'fp32' } },
  }
}
