/**
 * Streams rows through an evaluator: scores are written in the order of the rows, and what a report tells is added up.
 * Knows neither where rows come from nor where scores go.
 */
import type { EvaluatePairs, EvaluatedRow } from '../evaluation/pairs/evaluate-rows.js'
import { evaluateRows } from '../evaluation/pairs/evaluate-rows.js'
import type { PairRow } from '../evaluation/pairs/pair-row.js'
import { REPORT_BINS } from '../evaluation/report/evaluation-report.js'
import type { ScoreLines } from '../evaluation/report/score-lines.js'
import type { EvaluationSummary, SummaryOptions } from '../evaluation/summary.js'
import { SummaryBuilder } from '../evaluation/summary.js'
import type { ByteSink } from './output.js'

/** Rows written at once: a write costs as much as the scoring of a pair with a small model. */
const WRITE_ROWS = 128

/** Longest time that a score waits for others to be written with, in milliseconds. */
const WRITE_AFTER_MS = 250

/** What to run. */
export interface EvaluateRun {
  readonly rows: AsyncIterable<PairRow>
  readonly evaluate: EvaluatePairs
  readonly scores: ScoreLines
  readonly target: ByteSink
  /** What is kept for the report. @default bins as fine as the page's picture can be, and ten examples */
  readonly kept?: SummaryOptions | undefined
  /** Called with the rows that have a result. */
  readonly onProgress: (done: number) => void
  /** A clock in milliseconds; for tests. @default performance.now */
  readonly now?: (() => number) | undefined
}

/**
 * Runs to the end of the rows.
 *
 * @throws what the rows, the evaluator and the target throw.
 */
export async function runEvaluate(run: EvaluateRun): Promise<EvaluationSummary> {
  const { rows, evaluate, scores, target, kept, onProgress, now = () => performance.now() } = run
  const builder = new SummaryBuilder({ bins: REPORT_BINS, ...kept })
  let waiting: EvaluatedRow[] = []
  let writtenAt = now()
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await target.write(scores.lines(waiting))
    waiting = []
    writtenAt = now()
  }
  if (scores.head !== '') await target.write(scores.head)
  let done = 0
  for await (const row of evaluateRows(rows, evaluate)) {
    builder.add(row.result)
    waiting.push(row)
    onProgress(++done)
    if (waiting.length >= WRITE_ROWS || now() - writtenAt >= WRITE_AFTER_MS) await flush()
  }
  await flush()
  return builder.summary()
}
