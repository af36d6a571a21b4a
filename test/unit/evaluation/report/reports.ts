/** Reports for tests, and how to look into a page. */
import type { EvaluationResult } from '../../../../src/evaluation/evaluation-result.js'
import type { EvaluationReport } from '../../../../src/evaluation/report/evaluation-report.js'
import { REPORT_BINS } from '../../../../src/evaluation/report/evaluation-report.js'
import type { SummaryOptions } from '../../../../src/evaluation/summary.js'
import { SummaryBuilder } from '../../../../src/evaluation/summary.js'

/** A report of `results`. */
export function reportOf(
  results: Iterable<EvaluationResult>,
  facts: Partial<Omit<EvaluationReport, 'summary'>> = {},
  options: SummaryOptions = { bins: REPORT_BINS },
): EvaluationReport {
  const builder = new SummaryBuilder(options)
  for (const result of results) builder.add(result)
  return {
    title: 'pairs.jsonl',
    createdAt: new Date('2026-11-21T10:05:00Z'),
    model: {
      key: 'stella-en-400m-v5',
      precision: 'int8',
      device: 'cpu',
      dimensions: 1024,
      maxLength: 512,
      promptType: 's2s',
      prompt: 'Instruct: Retrieve semantically similar text.\nQuery: ',
    },
    summary: builder.summary(),
    elapsedMs: 12_345,
    versions: { 'stella-pool': '0.1.0', Node: '20.20.2' },
    ...facts,
  }
}

/** The tags of a page, in their order, attributes included. */
export function tagsOf(page: string): readonly string[] {
  return page.match(/<[^>]*>/g) ?? []
}

/** The text between the tags of the page. */
export function wordsOf(page: string): string {
  return page
    .replace(/<style>[^]*<\/style>/, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
}

const VOID = new Set(['meta'])

/** What is opened and not closed, or closed and not open; undefined for a page in which everything is in its place. */
export function misplacedTag(page: string): string | undefined {
  const open: string[] = []
  for (const tag of tagsOf(page.replace(/<style>[^]*<\/style>/, '')).slice(1)) {
    const [, closing = '', name = '', end = ''] = /^<(\/?)([a-z0-9]+)[^>]*?(\/?)>$/.exec(tag) ?? []
    if (name === '') return tag
    if (closing === '/') {
      if (open.pop() !== name) return tag
    } else if (end !== '/' && !VOID.has(name)) open.push(name)
  }
  return open[0]
}
