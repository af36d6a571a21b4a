/**
 * Writes a quantised backbone: calibrates on texts, measures schemes site by site, chooses, writes, and holds the result
 * against float32 on texts that calibration has not seen.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { isStellaError } from '../errors.js'
import { BACKBONE_FILE } from './artefact-files.js'
import { buildBackbone } from './backbone.js'
import type { BackbonePlan, Site, TableForm } from './backbone-plan.js'
import { sitesOf } from './backbone-plan.js'
import type { Candidate, Choice } from './choose-schemes.js'
import { chooseSchemes, oneDearer, withFeedback } from './choose-schemes.js'
import type { FidelityFigures } from './fidelity.js'
import type { QuantisedPrecision } from './fidelity-bars.js'
import type { Laboratory } from './laboratory.js'
import type { GraphTarget } from './write-graph.js'
import { writeGraph } from './write-graph.js'

/** What was made. */
export interface QuantisedBackbone {
  readonly choices: ReadonlyMap<Site, Choice>
  readonly fidelity: FidelityFigures
}

/** How vectors of the probe texts are compared with float32's. */
export type Judge = (graph: string) => Promise<FidelityFigures>

/**
 * Shares of the sites that get a dearer scheme while the figures are not good, one after the other: little first, since
 * every site that gets one costs time in every run.
 */
const REPAIRS = [1 / 16, 1 / 8, 1 / 4, 1 / 2]

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
  const { target } = laboratory
  const statistics = await laboratory.calibrate()
  const chosen = await chooseSchemes(precision, statistics, (candidate) => laboratory.compare(candidate))
  let choices = withFeedback(chosen, statistics)
  let table: TableForm = TABLES[precision]
  for (let repairs = 0; ; repairs++) {
    table = await writeBackbone(laboratory, choices, table)
    const fidelity = await judge(join(target.folder, BACKBONE_FILE))
    const share = REPAIRS[repairs]
    if (isGood(fidelity) || share === undefined) return { choices, fidelity }
    const better = dearerAtWorst(choices, share)
    if (better.size === 0) return { choices, fidelity }
    const errors = await laboratory.compare(better)
    choices = new Map([
      ...choices,
      ...[...better].map(([site, sitePlan]) => [site, { plan: sitePlan, error: errorOf(errors, site) }] as const),
    ])
    await removeBackbone(target)
  }
}

/** Returns the form that the table could be stored in. */
async function writeBackbone(
  laboratory: Laboratory,
  choices: ReadonlyMap<Site, Choice>,
  table: TableForm,
): Promise<TableForm> {
  const { architecture, reader, prefix, target } = laboratory
  const plan = planOf(table, choices, sitesOf(architecture.layers))
  try {
    await writeGraph(target, BACKBONE_FILE, (tensors) => buildBackbone(architecture, reader, prefix, tensors, { plan }))
    return table
  } catch (error) {
    // Only the table is stored so. One that halves cannot hold is kept as it is: the layers gain all the same.
    if (!isStellaError(error) || error.details.transform !== 'float16') throw error
    await removeBackbone(target)
    return writeBackbone(laboratory, choices, 'float32')
  }
}

async function removeBackbone({ folder }: GraphTarget): Promise<void> {
  for (const file of [BACKBONE_FILE, `${BACKBONE_FILE}.data`]) await rm(join(folder, file), { force: true })
}

/** Dearer plans for the sites of the largest errors that can still be helped by one. */
function dearerAtWorst(choices: ReadonlyMap<Site, Choice>, share: number): Candidate {
  const errors = new Map([...choices].map(([site, { error }]) => [site, error]))
  const open = [...oneDearer(choices)].sort(([a], [b]) => errorOf(errors, b) - errorOf(errors, a))
  return new Map(open.slice(0, Math.ceil(choices.size * share)))
}

function planOf(table: TableForm, choices: ReadonlyMap<Site, Choice>, sites: readonly Site[]): BackbonePlan {
  const missing = sites.find((site) => !choices.has(site))
  if (missing !== undefined) throw new Error(`${missing} was given no scheme`)
  return {
    table,
    site: (site) => choices.get(site)?.plan ?? { scheme: { kind: 'fp32' } },
  }
}

function errorOf(errors: ReadonlyMap<Site, number>, site: Site): number {
  const error = errors.get(site)
  if (error === undefined) throw new Error(`${site} was not measured`)
  return error
}
