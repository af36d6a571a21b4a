/**
 * What a benchmark found, as the JSON file that the documentation is made from. One schema says what is in it, so that
 * a file from an older version is refused and not half read. Holds no path and no name of a machine.
 */
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { writeFileAtomic } from '../../src/files/atomic.js'
import { packageRoot } from '../../src/files/package-root.js'

/** Raise with every change of the schema. */
export const RESULTS_FORMAT = 1

/** Where results are kept. */
export const RESULTS_FOLDER = join(packageRoot(), 'bench/results')

const spread = z.strictObject({ median: z.number(), low: z.number(), high: z.number() })

const machine = z.strictObject({
  cpu: z.string(),
  cores: z.int(),
  memoryGB: z.number(),
  flags: z.array(z.string()).readonly(),
  node: z.string(),
  onnxruntime: z.string(),
  stellaPool: z.string(),
})

const speedRow = z.strictObject({
  shape: z.string(),
  texts: z.int(),
  tokens: z.int(),
  threads: z.int(),
  precision: z.string(),
  /** Tokens of each run that the batch was cut into. */
  runs: z.array(z.int()).readonly(),
  tokensPerSecond: z.number(),
  /** Time in fp32 over time in this precision; null where fp32 was not measured. */
  overFp32: spread.nullable(),
  /** Rate of the model's own products alone, for the same runs, in 10⁹ operations a second. */
  bareGops: z.number().nullable(),
  /** Time of those products over time of the model. */
  bareShare: spread.nullable(),
  /** Rate of one product whose weight is in the cache, for the largest of the runs. */
  hotGops: z.number().nullable(),
})

const mixedRow = z.strictObject({
  threads: z.int(),
  precision: z.string(),
  /** Tokens a second of mixed lengths over those of equal lengths. */
  mixedOverEqual: spread,
})

const latencyRow = z.strictObject({
  precision: z.string(),
  threads: z.int(),
  tokens: z.int(),
  calls: z.int(),
  p50Ms: z.number(),
  p95Ms: z.number(),
})

const precisionRow = z.strictObject({
  precision: z.string(),
  /** Against fp32, as the artefact's manifest says; null for fp32 itself. */
  fidelity: z.strictObject({ minCosine: z.number(), meanCosine: z.number(), topTenOverlap: z.number() }).nullable(),
  /** Why the model cannot be loaded in this precision, and nothing more was measured; null where it can. */
  refused: z.string().nullable(),
})

const loadRow = z.strictObject({
  precision: z.string(),
  convertSeconds: z.number(),
  convertPeakMB: z.number(),
  artefactMB: z.number(),
  firstLoadSeconds: z.number(),
  laterLoadSeconds: z.number(),
  laterLoads: z.int(),
  /** The first text after a later load. */
  firstTextMs: z.number(),
})

const memory = z.strictObject({ pssMB: z.number(), anonymousMB: z.number() })

const memoryRow = z.strictObject({
  precision: z.string(),
  workers: z.int(),
  /** Null where the pool refused the model for want of memory. */
  measured: z
    .strictObject({
      empty: memory,
      loaded: memory,
      afterLargest: memory,
      chargedMB: z.number(),
    })
    .nullable(),
})

const longRow = z.strictObject({
  precision: z.string(),
  tokens: z.int(),
  threads: z.int(),
  seconds: z.number(),
  gemmSeconds: z.number(),
  attentionSeconds: z.number(),
  /** Time over that of the two parts. */
  overParts: spread,
  extraPeakMB: z.number(),
})

const tableSchema = z.strictObject({
  format: z.literal(RESULTS_FORMAT),
  kind: z.literal('table'),
  model: z.string(),
  date: z.iso.date(),
  rounds: z.int(),
  machine,
  gopPerToken: z.number(),
  precisions: z.array(precisionRow),
  speed: z.array(speedRow),
  mixed: z.array(mixedRow),
  latency: z.array(latencyRow),
  loading: z.array(loadRow),
  memory: z.array(memoryRow),
  long: z.array(longRow),
})

const peerRow = z.strictObject({
  peer: z.string(),
  shape: z.string(),
  texts: z.int(),
  tokens: z.int(),
  tokensPerSecond: z.number(),
  /** By our precision: tokens a second of ours over the peer's. */
  ours: z.record(z.string(), spread),
})

const agreementRow = z.strictObject({
  peer: z.string(),
  precision: z.string(),
  texts: z.int(),
  minCosine: z.number(),
  maxAbs: z.number(),
})

const peersSchema = z.strictObject({
  format: z.literal(RESULTS_FORMAT),
  kind: z.literal('peers'),
  model: z.string(),
  date: z.iso.date(),
  rounds: z.int(),
  threads: z.int(),
  machine,
  /** Versions by package of those compared with. */
  peers: z.record(z.string(), z.string()),
  /** Peers that were not measured, and why. */
  absent: z.record(z.string(), z.string()),
  speed: z.array(peerRow),
  agreement: z.array(agreementRow),
})

const resultsSchema = z.discriminatedUnion('kind', [tableSchema, peersSchema])

export type TableResults = z.infer<typeof tableSchema>
export type PeersResults = z.infer<typeof peersSchema>
export type Results = z.infer<typeof resultsSchema>
export type SpeedRow = z.infer<typeof speedRow>
export type MixedRow = z.infer<typeof mixedRow>
export type LatencyRow = z.infer<typeof latencyRow>
export type PrecisionRow = z.infer<typeof precisionRow>
export type LoadRow = z.infer<typeof loadRow>
export type MemoryRow = z.infer<typeof memoryRow>
export type LongRow = z.infer<typeof longRow>
export type PeerRow = z.infer<typeof peerRow>
export type AgreementRow = z.infer<typeof agreementRow>

/** Reads the text of a results file. */
export function parseResults(text: string): Results {
  return resultsSchema.parse(JSON.parse(text))
}

/** Every results file of `folder`, in the order of their names; none where there is no such folder. */
export async function readResults(folder: string = RESULTS_FOLDER): Promise<readonly Results[]> {
  const files = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  })
  const names = files.filter((name) => name.endsWith('.json')).sort()
  return await Promise.all(names.map(async (name) => parseResults(await readFile(join(folder, name), 'utf8'))))
}

/** Writes `results` to `folder`, in place of what was found before for the same model. Gives the file's name. */
export async function saveResults(results: Results, folder: string = RESULTS_FOLDER): Promise<string> {
  await mkdir(folder, { recursive: true })
  const name = `${results.model}${results.kind === 'peers' ? '-peers' : ''}.json`
  await writeFileAtomic(join(folder, name), `${JSON.stringify(rounded(resultsSchema.parse(results)), null, 2)}\n`)
  return name
}

/** Four figures are more than a machine's noise leaves; a cosine keeps what tells it from 1. */
function rounded(value: unknown, key?: string): unknown {
  if (typeof value === 'number') {
    return Number.isInteger(value) ? value : Number(value.toPrecision(key?.endsWith('Cosine') === true ? 9 : 4))
  }
  if (Array.isArray(value)) return value.map((child) => rounded(child, key))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, rounded(child, name)]))
}
