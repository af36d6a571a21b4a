/** What `docs/performance.md` says of each model, in two tables: what was measured, in few columns. */
import { figures, table } from '../support/markdown.js'
import type { TableResults } from '../support/results.js'
import { furtherWorkerMB } from './report.js'

/** The shape that stands for texts of one length: short, and several at a time. */
const SHORT = '4×64'

/** Tables over all models. Parts that were not measured are dashes. */
export function performanceSummary(results: readonly TableResults[]): string {
  return [speedTable(results), costTable(results)].join('\n\n')
}

function speedTable(results: readonly TableResults[]): string {
  const head = [
    'model',
    'precision',
    `tokens/s, ${SHORT}`,
    'mixed',
    '1×512',
    'two threads over one',
    'one text, p50 ms',
  ]
  return table(
    head,
    ofEachPrecision(results, (found, precision) => {
      const most = Math.max(...found.speed.map(({ threads }) => threads))
      const speed = (shape: string, threads: number): number | null =>
        found.speed.find((row) => row.shape === shape && row.threads === threads && row.precision === precision)
          ?.tokensPerSecond ?? null
      const gain = over(speed(SHORT, 2), speed(SHORT, 1))
      const latency = found.latency.find((row) => row.precision === precision && row.threads === most)
      const rates = [SHORT, 'mixed', '1×512'].map((shape) => figures(speed(shape, most)))
      return [...rates, gain === null ? figures(null) : gain.toFixed(2), figures(latency?.p50Ms ?? null)]
    }),
  )
}

function costTable(results: readonly TableResults[]): string {
  const head = [
    'model',
    'precision',
    'conversion s',
    'first load s',
    'later load s',
    'held MB',
    'each further worker MB',
  ]
  return table(
    head,
    ofEachPrecision(results, (found, precision) => {
      const load = found.loading.find((row) => row.precision === precision)
      const rows = found.memory.filter((row) => row.precision === precision)
      const one = rows.find(({ workers }) => workers === 1)?.measured
      const most = [...rows].sort((a, b) => b.workers - a.workers)[0]
      const further = most === undefined ? null : furtherWorkerMB(most, rows)
      const numbers = [load?.convertSeconds, load?.firstLoadSeconds, load?.laterLoadSeconds, one?.afterLargest.pssMB]
      return [...numbers.map((value) => figures(value ?? null)), figures(further)]
    }),
  )
}

function ofEachPrecision(
  results: readonly TableResults[],
  cells: (found: TableResults, precision: string) => readonly string[],
): readonly (readonly string[])[] {
  return results.flatMap((found) =>
    found.precisions.map(({ precision }) => [found.model, precision, ...cells(found, precision)]),
  )
}

function over(value: number | null, other: number | null): number | null {
  return value === null || other === null ? null : value / other
}
