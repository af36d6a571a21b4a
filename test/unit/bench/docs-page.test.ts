import { readFile } from 'node:fs/promises'

import { describe, expect, it } from 'vitest'

import { BENCHMARKS_PAGE, PERFORMANCE_PAGE, withResults, withSummary } from '../../../bench/docs.js'
import { readResults } from '../../../bench/support/results.js'
import { PEERS, TABLE } from './results.js'

it('docs/benchmarks.md says what bench/results holds (npm run bench:docs)', async () => {
  const page = await readFile(BENCHMARKS_PAGE, 'utf8')
  expect(page).toBe(withResults(page, await readResults()))
})

it('docs/performance.md says it in short (npm run bench:docs)', async () => {
  const page = await readFile(PERFORMANCE_PAGE, 'utf8')
  expect(page).toBe(withSummary(page, await readResults()))
})

describe('the page', () => {
  const PAGE =
    '# x\n\n<!-- bench:table -->\nold\n<!-- /bench:table -->\n\nmid\n\n<!-- bench:peers --><!-- /bench:peers -->\n'

  it('gets tables and peers, each between its own markers, and keeps the rest', () => {
    const page = withResults(PAGE, [PEERS, TABLE])
    const [head, tables, mid, peers, tail] = page.split(/<!-- .*? -->/)
    expect([head, mid, tail]).toEqual(['# x\n\n', '\n\nmid\n\n', '\n'])
    expect(tables).toContain('of bare')
    expect(tables).not.toContain('old')
    expect(peers).toContain('a-peer')
  })

  it('stays as it is when made again', () => {
    const page = withResults(PAGE, [PEERS, TABLE])
    expect(withResults(page, [PEERS, TABLE])).toBe(page)
  })

  it('says so where nothing was saved', () => {
    expect(withResults(PAGE, []).match(/Nothing saved yet/g)).toHaveLength(2)
  })

  it('without its markers is refused', () => {
    expect(() => withResults('# x', [])).toThrow('bench:table')
  })
})
