/** Puts `bench/results` into `docs/benchmarks.md`: `npm run bench:docs`. A test fails while the two differ. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { packageRoot } from '../src/files/package-root.js'
import { peersReport } from './peers/report.js'
import type { Results } from './support/results.js'
import { readResults } from './support/results.js'
import { tableReport } from './table/report.js'

/** The page. */
export const BENCHMARKS_PAGE = join(packageRoot(), 'docs/benchmarks.md')

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

function between(page: string, marker: string, parts: readonly string[]): string {
  const [open, close] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`]
  const [start, end] = [page.indexOf(open), page.indexOf(close)]
  if (start === -1 || end < start) throw new Error(`the page has no ${open} with a ${close} after it`)
  const text = parts.length === 0 ? NOTHING : parts.join('\n\n')
  return `${page.slice(0, start + open.length)}\n\n${text}\n\n${page.slice(end)}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(BENCHMARKS_PAGE, withResults(await readFile(BENCHMARKS_PAGE, 'utf8'), await readResults()))
}
