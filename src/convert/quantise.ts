/** Quantises a model and judges it: from its texts to the figures that its manifest keeps. */
import { join } from 'node:path'

import type { GraphOrder } from '../../workers/graph-protocol.js'
import type { StellaModelInfo } from '../../registry/types.js'
import type { Manifest } from '../files/manifest.js'
import type { TensorReader } from '../files/safetensors.js'
import { POOLED_OUTPUT } from '../packed/names.js'
import { packTexts } from '../packed/packing.js'
import { runHead } from '../packed/run-graphs.js'
import type { Specimen } from '../packed/specimen.js'
import { SPECIMEN_TOKENS, encodeSpecimen } from '../packed/specimen.js'
import { GraphSession } from '../runtime/session.js'
import { StellaTokenizer } from '../text/tokenizer.js'
import { TOKENIZER_FILE } from './artefact-files.js'
import { probeTexts } from './calibration/probe-texts.js'
import type { TaskText } from './calibration/task-text.js'
import { digestTexts } from './calibration/task-text.js'
import { tokeniseTexts } from './calibration/tokenise-texts.js'
import type { FidelityFigures } from './fidelity.js'
import { measureFidelity } from './fidelity.js'
import type { QuantisedPrecision } from './fidelity-bars.js'
import { FIDELITY_BARS, INT8_GOAL, shortfalls } from './fidelity-bars.js'
import { Laboratory } from './laboratory.js'
import { inTextOrder, packRuns } from './packed-runs.js'
import { quantiseBackbone } from './quantise-backbone.js'
import { reportSite, worstSite } from './site-report.js'
import type { GraphTarget } from './write-graph.js'

/**
 * Tokens that calibration runs at most. Its own texts are fewer. The largest magnitude of a channel grows with the
 * logarithm of the tokens seen, the time with their number.
 */
const CALIBRATION_TOKENS = 8192

/** What to quantise. */
export interface QuantiseOptions {
  readonly info: StellaModelInfo
  readonly reader: TensorReader
  /** What the checkpoint puts before every tensor name. */
  readonly prefix: string
  /** The artefact, which has its tokenizer and `heads` already. */
  readonly target: GraphTarget
  readonly heads: Manifest['heads']
  readonly precision: QuantisedPrecision
  /** Calibration texts. */
  readonly texts: readonly TaskText[]
  /** Whether 4-bit rounding makes up for its errors. */
  readonly feedback: boolean
}

/** Writes the quantised backbone into the artefact; returns what the manifest says of it. */
export async function quantise(
  options: QuantiseOptions,
): Promise<Pick<Manifest, 'calibration' | 'sites' | 'fidelity' | 'specimen'>> {
  const { info, target, precision, texts } = options
  const tokenizer = await StellaTokenizer.load(join(target.folder, TOKENIZER_FILE), info.architecture.vocab)
  const tokenise = (some: readonly TaskText[]): Promise<readonly Int32Array[]> =>
    tokeniseTexts(tokenizer, info, some, { signal: target.signal })
  const probe = probeTexts()
  const probes = packRuns(await tokenise(probe))
  const read = spread(await tokenise(texts), CALIBRATION_TOKENS)
  const calibration = packRuns(read)
  const subject = { ...options, architecture: info.architecture, texts: calibration.runs }
  await using laboratory = await Laboratory.open(subject, precision === 'int4' && options.feedback)
  const { hidden } = info.architecture
  const ids = (probes.runs.at(-1)?.ids ?? new Int32Array()).slice(0, SPECIMEN_TOKENS)
  let specimen: Specimen | null = null
  const head = options.heads.find(({ dimensions }) => dimensions === info.defaultDimensions) ?? options.heads[0]
  const vectors = async (graph: string, weights: GraphOrder['weights']): Promise<Float32Array> => {
    const outputs = { [POOLED_OUTPUT]: 'rows' } as const
    const ran = await laboratory.run({ graph, weights, runs: [...probes.runs, packTexts([ids])], outputs }, 'checking')
    const rows = ran[POOLED_OUTPUT] ?? new Float32Array()
    const pooled = inTextOrder(rows.subarray(0, rows.length - hidden), probes)
    specimen = encodeSpecimen(ids, rows.subarray(rows.length - hidden))
    return head === undefined ? pooled : project(join(target.folder, head.file), pooled, probe.length)
  }
  const reference = await vectors(laboratory.reference, 'unpacked')
  // Packed, as they will be served: only packed 4-bit kernels round their input.
  const judge = async (graph: string): Promise<FidelityFigures> =>
    measureFidelity(reference, await vectors(graph, 'own'), probe.length)
  const goal = precision === 'int8' ? INT8_GOAL : FIDELITY_BARS[precision]
  const isGood = (figures: FidelityFigures): boolean => shortfalls(figures, goal).length === 0
  const { choices, fidelity } = await quantiseBackbone(laboratory, precision, judge, isGood)
  const errors = new Map([...choices].map(([site, { error }]) => [site, error]))
  return {
    specimen,
    calibration: { texts: read.length, sha256: digestTexts(texts) },
    sites: Object.fromEntries([...choices].map(([site, { plan, error }]) => [site, reportSite(plan, error)])),
    fidelity: {
      reference: 'fp32',
      probe: digestTexts(probe),
      dimensions: reference.length / probe.length,
      ...fidelity,
      worstLayer: worstSite(errors),
    },
  }
}

/** Of texts with more tokens than `most` in all, so many evenly spread ones that about `most` are left. */
export function spread(texts: readonly Int32Array[], most: number): readonly Int32Array[] {
  const total = texts.reduce((sum, ids) => sum + ids.length, 0)
  if (total <= most) return texts
  const share = most / total
  const some = texts.filter((_, index) => Math.floor((index + 1) * share) > Math.floor(index * share))
  return some.length > 0 ? some : texts.slice(0, 1)
}

/** `pooled [texts, hidden]` → `[texts, dimensions]`. A head is small: it runs here. */
async function project(file: string, pooled: Float32Array, texts: number): Promise<Float32Array> {
  const session = await GraphSession.open(file, { threads: 1 })
  try {
    return await runHead(session, pooled, texts)
  } finally {
    await session.close()
  }
}
