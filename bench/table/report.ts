/** The table of one model as Markdown, from what was measured. */
import { ABSENT, figures, percent, ratio, table } from '../support/markdown.js'
import { machineLine } from '../support/machine.js'
import type { MemoryRow, TableResults } from '../support/results.js'

/** Everything that was measured of a model; parts that were not are left out. */
export function tableReport(results: TableResults): string {
  const facts = `${machineLine(results.machine)}. ${results.date}, ${results.rounds} rounds.`
  const work = `${figures(results.gopPerToken)} GOP of matrix products for each token.`
  const parts = [
    fidelity(results),
    speed(results),
    mixed(results),
    latency(results),
    loading(results),
    memory(results),
    long(results),
  ]
  return [`### ${results.model}`, `${facts} ${work}`, ...parts.filter((part) => part !== '')].join('\n\n')
}

function fidelity({ precisions: rows }: TableResults): string {
  if (rows.length === 0) return ''
  const head = ['precision', 'least cosine to fp32', 'mean cosine', 'top-10 overlap', 'loads']
  const cells = rows.map(({ precision, fidelity: found, refused }) => {
    const cosines = [found?.minCosine, found?.meanCosine, found?.topTenOverlap]
    return [precision, ...cosines.map((value) => value?.toFixed(5) ?? ABSENT), refused === null ? 'yes' : 'refused']
  })
  return table(head, cells)
}

function speed({ speed: rows }: TableResults): string {
  if (rows.length === 0) return ''
  const head = ['texts × tokens', 'threads', 'precision', 'tokens/s', '× fp32', 'bare GOP/s', 'of bare', 'hot GOP/s']
  const cells = rows.map((row) => [
    row.shape,
    String(row.threads),
    row.precision,
    figures(row.tokensPerSecond),
    row.precision === 'fp32' ? '1' : ratio(row.overFp32),
    figures(row.bareGops),
    percent(row.bareShare),
    figures(row.hotGops),
  ])
  return table(head, cells)
}

function mixed({ mixed: rows }: TableResults): string {
  if (rows.length === 0) return ''
  const head = ['threads', 'precision', 'tokens/s, mixed over equal lengths']
  return table(
    head,
    rows.map(({ threads, precision, mixedOverEqual }) => [String(threads), precision, ratio(mixedOverEqual)]),
  )
}

function latency({ latency: rows }: TableResults): string {
  if (rows.length === 0) return ''
  const head = ['one text', 'precision', 'threads', 'calls', 'p50 ms', 'p95 ms']
  const cells = rows.map((row) => [
    `${row.tokens} tokens`,
    row.precision,
    String(row.threads),
    String(row.calls),
    figures(row.p50Ms),
    figures(row.p95Ms),
  ])
  return table(head, cells)
}

function loading({ loading: rows }: TableResults): string {
  if (rows.length === 0) return ''
  const head = [
    'precision',
    'conversion s',
    'its peak MB',
    'artefact MB',
    'first load s',
    'later load s',
    'first text ms',
  ]
  const cells = rows.map((row) => [
    row.precision,
    figures(row.convertSeconds),
    figures(row.convertPeakMB),
    figures(row.artefactMB),
    figures(row.firstLoadSeconds),
    figures(row.laterLoadSeconds),
    figures(row.firstTextMs),
  ])
  return table(head, cells)
}

function memory({ memory: rows }: TableResults): string {
  if (rows.length === 0) return ''
  const kinds = [
    'empty MB',
    'loaded MB',
    'of it anonymous',
    'after use MB',
    'of it anonymous',
    'each further worker MB',
  ]
  const cells = rows.map((row) => {
    const { measured } = row
    if (measured === null)
      return [row.precision, String(row.workers), 'does not fit', ABSENT, ABSENT, ABSENT, ABSENT, ABSENT]
    const { empty, loaded, afterLargest } = measured
    const numbers = [empty.pssMB, loaded.pssMB, loaded.anonymousMB, afterLargest.pssMB, afterLargest.anonymousMB]
    return [row.precision, String(row.workers), ...numbers.map(figures), figures(furtherWorkerMB(row, rows))]
  })
  return table(['precision', 'workers', ...kinds], cells)
}

/**
 * What each worker beyond the first adds after the largest shape, in MB of Pss; null without a row of one worker to
 * compare with.
 */
export function furtherWorkerMB(row: MemoryRow, rows: readonly MemoryRow[]): number | null {
  const one = rows.find(({ precision, workers }) => precision === row.precision && workers === 1)?.measured
  if (row.measured === null || one === undefined || one === null || row.workers === 1) return null
  return (row.measured.afterLargest.pssMB - one.afterLargest.pssMB) / (row.workers - 1)
}

function long({ long: rows }: TableResults): string {
  if (rows.length === 0) return ''
  const head = ['one text', 'precision', 'threads', 's', 'GEMM s', 'attention s', 'over their sum', 'extra peak MB']
  const cells = rows.map((row) => [
    `${row.tokens} tokens`,
    row.precision,
    String(row.threads),
    ...[row.seconds, row.gemmSeconds, row.attentionSeconds].map(figures),
    ratio(row.overParts),
    figures(row.extraPeakMB),
  ])
  return table(head, cells)
}
