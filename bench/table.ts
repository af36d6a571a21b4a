/**
 * Speed, latency, load times and memory of each model in each precision: one table, against fp32 and against the bare
 * matrix products of the same run.
 *
 *   npm run bench -- --help
 *
 * Memory is Pss and needs Linux. Worker threads run from `dist`: the npm script builds first.
 */
import type { StellaModelInfo } from '../registry/types.js'
import { readOrExplain } from './support/command-line.js'
import { readMachine } from './support/machine.js'
import type { BenchModel } from './support/models.js'
import { findModel } from './support/models.js'
import type { LoadRow, LongRow, MemoryRow, PrecisionRow, TableResults } from './support/results.js'
import { RESULTS_FORMAT, saveResults } from './support/results.js'
import { tokensOf } from './support/shapes.js'
import { median, pairedRatio } from './support/statistics.js'
import type { Part, TableArguments } from './table/arguments.js'
import { TABLE_USAGE, readTableArguments } from './table/arguments.js'
import { measureLatency } from './table/latency.js'
import { gemmGopPerToken } from './table/linear-shapes.js'
import { tableReport } from './table/report.js'
import { measureSpeed } from './table/speed.js'
import type { Loaded, StepArguments, Steps } from './table/steps.js'
import { runStep } from './table/steps.js'

/** Tokens of the long text, where the model takes as many. */
const LONG_TOKENS = 8192

async function main(given: TableArguments): Promise<void> {
  for (const argument of given.models) {
    await using model = await findModel(argument)
    const results = await measure(model, given)
    process.stdout.write(given.json ? `${JSON.stringify(results)}\n` : `${tableReport(results)}\n\n`)
    if (given.save) report(`wrote bench/results/${await saveResults(results)}`)
  }
}

async function measure(model: BenchModel, asked: TableArguments): Promise<TableResults> {
  const { name, info, home } = model
  const threads = Math.max(...asked.threads)
  const wants = (part: Part): boolean => asked.parts.includes(part)
  // First: it makes the artefacts that the others load.
  const { precisions, loading } = await measureLoading(model, asked, threads)
  const usable = precisions.filter(({ refused }) => refused === null).map(({ precision }) => precision)
  const given = { ...asked, precisions: asked.precisions.filter((precision) => usable.includes(precision)) }
  const speed = []
  const mixed = []
  for (const count of wants('speed') ? given.threads : []) {
    report(`${name}: speed, ${count} threads`)
    const found = await measureSpeed(info, { ...given, home, threads: count, report })
    speed.push(...found.speed)
    mixed.push(...found.mixed)
  }
  if (wants('latency')) report(`${name}: latency`)
  const latency = wants('latency') ? await measureLatency(info, { home, precisions: given.precisions, threads }) : []
  return {
    ...{ format: RESULTS_FORMAT, kind: 'table', model: name, date: new Date().toISOString().slice(0, 10) },
    ...{ rounds: given.rounds, machine: await readMachine(), gopPerToken: gemmGopPerToken(info.architecture) },
    ...{ precisions, speed, mixed, latency, loading },
    memory: wants('memory') ? await measureMemory(model, given) : [],
    long: wants('long') ? await measureLong(model, given, threads) : [],
  }
}

function stepArguments({ info, folder, home }: BenchModel, precision: string, threads: number): StepArguments {
  return { checkpoint: folder, key: info.key, home, precision, threads }
}

/** Loads the model in each precision, which may be refused; conversion and further loads where they were asked for. */
async function measureLoading(
  model: BenchModel,
  given: TableArguments,
  threads: number,
): Promise<{ precisions: PrecisionRow[]; loading: LoadRow[] }> {
  const precisions: PrecisionRow[] = []
  const loading: LoadRow[] = []
  for (const precision of given.precisions) {
    report(`${model.name}: conversion and loads, ${precision}`)
    const step = stepArguments(model, precision, threads)
    const converted = given.parts.includes('loading') ? await runStep('convert', step) : undefined
    const first = await runStep('load', step)
    const refused = 'refused' in first ? first.refused : null
    precisions.push({ precision, fidelity: first.fidelity, refused })
    if ('refused' in first) report(first.refused)
    else if (converted !== undefined) loading.push(await loadRow(step, converted, first, given.laterLoads))
  }
  return { precisions, loading }
}

async function loadRow(
  step: StepArguments,
  { seconds, peakMB, artefactMB }: Steps['convert']['found'],
  first: Loaded,
  laterLoads: number,
): Promise<LoadRow> {
  const later: Loaded[] = []
  while (later.length < laterLoads) {
    const found = await runStep('load', step)
    if ('refused' in found) throw new Error(`a second load was refused: ${found.refused}`)
    later.push(found)
  }
  return {
    ...{ precision: step.precision, convertSeconds: seconds, convertPeakMB: peakMB, artefactMB },
    ...{ firstLoadSeconds: first.seconds, laterLoads: later.length },
    laterLoadSeconds: median(later.map((load) => load.seconds)),
    firstTextMs: median(later.map((load) => load.firstTextMs)),
  }
}

async function measureMemory(model: BenchModel, given: TableArguments): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = []
  const most = Math.max(...given.shapes.map(tokensOf))
  const shapes = given.shapes.filter((shape) => tokensOf(shape) === most || shape.lengths.length === 1)
  for (const precision of given.precisions) {
    for (const workers of given.workers) {
      report(`${model.name}: memory, ${precision}, ${workers} workers`)
      const lengths = shapes.map((shape) => shape.lengths)
      const found = await runStep('footprint', { ...stepArguments(model, precision, 1), workers, shapes: lengths })
      if ('refused' in found) report(found.refused)
      rows.push({ precision, workers, measured: 'refused' in found ? null : found })
    }
  }
  return rows
}

async function measureLong(model: BenchModel, given: TableArguments, threads: number): Promise<LongRow[]> {
  const rows: LongRow[] = []
  const tokens = longTokens(model.info)
  for (const precision of given.precisions) {
    report(`${model.name}: a text of ${tokens} tokens, ${precision}`)
    const step = { ...stepArguments(model, precision, threads), tokens, rounds: given.rounds }
    const { samples, extraPeakMB } = await runStep('long', step)
    const parts = samples.gemms.map((gemms, round) => gemms + (samples.attention[round] ?? NaN))
    rows.push({
      ...{ precision, tokens, threads, extraPeakMB, seconds: median(samples.model) / 1000 },
      ...{ gemmSeconds: median(samples.gemms) / 1000, attentionSeconds: median(samples.attention) / 1000 },
      overParts: pairedRatio(samples.model, parts),
    })
  }
  return rows
}

function longTokens({ tokens }: StellaModelInfo): number {
  return Math.min(LONG_TOKENS, tokens.max)
}

function report(line: string): void {
  process.stderr.write(`${line}\n`)
}

const given = readOrExplain(() => readTableArguments(process.argv.slice(2)), TABLE_USAGE)
if (given !== undefined) await main(given)
