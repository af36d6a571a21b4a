/**
 * Puts `bench/results` into `docs/benchmarks.md` and, in short, into `docs/performance.md`: `npm run bench:docs`. A test
 * fails while they differ.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { packageRoot } from '../src/files/package-root.js'
import { betweenMarkers } from '../tools/docs/between-markers.js'
import { peersReport } from './peers/report.js'
import type { Results } from './support/results.js'
import { readResults } from './support/results.js'
import { tableReport } from './table/report.js'
import { performanceSummary } from './table/summary.js'

/** The page. */
export const BENCHMARKS_PAGE = join(packageRoot(), 'docs/benchmarks.md')

/** The page that says what to set. */
export const PERFORMANCE_PAGE = join(packageRoot(), 'docs/performance.md')

/** What stands where nothing was measured. */
const NOTHING = 'Nothing saved yet.'

/**
 * `page` with the results between their markers, `<!-- bench:table -->` … `<!-- /bench:table -->` and so for `peers`;
 * what stood there is replaced.
 *
 * @throws Error when a marker is missing.
 */
export function withResults(page: string, results: readonly Results[]): string {
  const tables = results.filter((result) => result.kind === 'table').map(tableReport)
  const peers = results.filter((result) => result.kind === 'peers').map(peersReport)
  return between(between(page, 'bench:table', tables), 'bench:peers', peers)
}

/** `page` with the summary of all models between its markers, `<!-- bench:summary -->` and the other. */
export function withSummary(page: string, results: readonly Results[]): string {
  const tables = results.filter((result) => result.kind === 'table')
  return between(page, 'bench:summary', tables.length === 0 ? [] : [performanceSummary(tables)])
}

function between(page: string, marker: string, parts: readonly string[]): string {
  return betweenMarkers(page, marker, parts.length === 0 ? NOTHING : parts.join('\n\n'))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = await readResults()
  await writeFile(BENCHMARKS_PAGE, withResults(await readFile(BENCHMARKS_PAGE, 'utf8'), results))
  await writeFile(PERFORMANCE_PAGE, withSummary(await readFile(PERFORMANCE_PAGE, 'utf8'), results))
}
