/**
 * Writes the tables of keys of `docs/configuration.md` from the table behind the schema: `npm run docs:config`. A test
 * fails while the two differ.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { table } from '../../bench/support/markdown.js'
import { defaultOf, rangeOf } from '../../src/config/key-row.js'
import type { KeyEntry, KeyRow } from '../../src/config/key-row.js'
import { EVALUATION, keyEntries } from '../../src/config/keys.js'
import { packageRoot } from '../../src/files/package-root.js'
import { betweenMarkers } from './between-markers.js'

/** The page. */
export const CONFIG_PAGE = join(packageRoot(), 'docs/configuration.md')

/** `page` with the tables as they are now. */
export function withKeyTables(page: string): string {
  const inSection = (section: string | undefined): string =>
    keyTable(keyEntries().filter((entry) => entry.section === section))
  return betweenMarkers(
    betweenMarkers(page, 'keys:model', inSection(undefined)),
    'keys:evaluation',
    inSection(EVALUATION),
  )
}

function keyTable(entries: readonly KeyEntry[]): string {
  const rows = entries.map(({ name, row }) => {
    const variable =
      row.variable === undefined ? '' : `\`${row.variable}\`${row.contrary === true ? ' (the contrary)' : ''}`
    const cells = [`\`${name}\``, row.meaning, defaultCell(row), rangeOf(row), variable]
    return cells.map((cell) => cell.replaceAll('|', '\\|'))
  })
  return table(['key', 'meaning', 'default', 'accepted', 'variable'], rows)
}

/** The value as code; what commands do instead is a sentence with code of its own. */
function defaultCell({ commands, ...row }: KeyRow): string {
  const value = row.default === undefined ? defaultOf(row) : `\`${defaultOf(row)}\``
  return commands === undefined ? value : `${value}; ${commands}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(CONFIG_PAGE, withKeyTables(await readFile(CONFIG_PAGE, 'utf8')))
}
