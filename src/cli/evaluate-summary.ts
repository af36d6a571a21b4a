/** What is told at the end of an evaluation: lines for people, a document for programs, a page. Computes nothing. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { EvaluationReport, ReportedModel } from '../evaluation/report/evaluation-report.js'
import { countText, durationText, pairsText, scoreText } from '../evaluation/report/figures-text.js'
import type { EvaluationSummary } from '../evaluation/summary.js'
import { packageVersion } from '../files/package-root.js'
import { engineVersion } from '../runtime/session.js'
import type { CommandContext } from './command.js'
import type { PairsInput } from './input/pairs.js'
import { qualityNote } from './model.js'
import { jsonText } from './output.js'

/** An evaluation that is over. */
export interface Evaluated {
  readonly input: PairsInput
  readonly info: StellaModelInfo
  /** File of `--config`, where there was one. */
  readonly config: string | undefined
  readonly model: ReportedModel
  readonly summary: EvaluationSummary
  /** Time in which pairs were compared, in milliseconds. */
  readonly elapsedMs: number
}

/** The page's facts. */
export function reportOf({ input, info, config, model, summary, elapsedMs }: Evaluated): EvaluationReport {
  const note = qualityNote(info)
  return {
    title: input.title,
    createdAt: new Date(),
    model,
    summary,
    elapsedMs,
    notes: note === undefined ? [] : [note],
    settings: { Pairs: input.path ?? input.title, ...(config === undefined ? {} : { Configuration: config }) },
    versions: {
      'stella-pool': packageVersion(),
      'ONNX Runtime': engineVersion(),
      Node: `${process.versions.node}, ${process.platform} ${process.arch}`,
    },
  }
}

/** Notes on standard error; with `--json` a document, on standard output where that does not carry the scores. */
export async function tellEvaluated(context: CommandContext, evaluated: Evaluated): Promise<void> {
  const { values, output, report } = context
  const { out, 'report-file': reportPath } = values
  if (values.json) {
    const text = jsonText(documentOf(evaluated, { scores: out, report: reportPath }))
    if (out === undefined) report.print(text)
    else await output.write(text)
    return
  }
  for (const line of summaryLines(evaluated)) report.note(line)
  if (out !== undefined) report.note(`wrote the scores of ${pairsText(evaluated.summary.pairs)} to ${out}`)
  if (reportPath !== undefined) report.note(`wrote a report to ${reportPath}`)
}

function documentOf(
  { input, model, summary, elapsedMs }: Evaluated,
  files: Readonly<Record<string, string | undefined>>,
) {
  const { pairs, succeeded, failed, failuresByCode, truncated, tokens, scores } = summary
  const { key, ...rest } = model
  return {
    ...{ pairs, succeeded, failed, failuresByCode, truncated, tokens, scores },
    elapsedMs: Math.round(elapsedMs),
    model: key,
    ...rest,
    files: { pairs: input.path ?? null, scores: files['scores'] ?? null, report: files['report'] ?? null },
  }
}

function summaryLines({ summary, model, elapsedMs }: Evaluated): readonly string[] {
  const { pairs, succeeded, failed, truncated, scores, failures } = summary
  const lines = [`scored ${countText(succeeded)} of ${pairsText(pairs)} in ${durationText(elapsedMs)}`]
  if (scores !== null) {
    const { mean, standardDeviation, median, p05, p95 } = scores
    lines.push(
      `normalised cosine: mean ${scoreText(mean)} ± ${scoreText(standardDeviation)}, median ${scoreText(median)}, ` +
        `5 % to 95 %: ${scoreText(p05)} to ${scoreText(p95)}`,
    )
  }
  if (truncated > 0) {
    lines.push(`${pairsText(truncated)} with a text cut at ${countText(model.maxLength)} tokens; see --max-length`)
  }
  if (failed > 0) {
    const first = failures[0]?.result.error
    lines.push(`${pairsText(failed)} failed (${codesText(summary)}); the first: ${first?.detail ?? ''}`)
  }
  return lines
}

function codesText({ failuresByCode }: EvaluationSummary): string {
  return Object.entries(failuresByCode)
    .map(([code, count]) => `${countText(count)} ${code}`)
    .join(', ')
}
