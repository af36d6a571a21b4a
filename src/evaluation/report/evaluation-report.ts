/** What a report is of: plain data. Knows neither how it was found nor what a report looks like. */
import type { EvaluationSummary } from '../summary.js'

/** What compared the pairs. */
export interface ReportedModel {
  /** Key of the model. */
  readonly key: string
  /** Of its weights, such as `int8`. */
  readonly precision: string
  /** Where it ran, such as `cpu`. */
  readonly device: string
  /** Size of the vectors. */
  readonly dimensions: number
  /** Tokens at which a text was cut. */
  readonly maxLength: number
  /** Name of the prompt that both texts got: a task, or one of the user's own. */
  readonly promptType: string
  /** Its words; empty where there was none. */
  readonly prompt: string
}

/** An evaluation, as it is reported. */
export interface EvaluationReport {
  /** What was evaluated, such as the name of a file. */
  readonly title: string
  /** When it ended. */
  readonly createdAt: Date
  /** What compared the pairs. */
  readonly model: ReportedModel
  /** With bins of a thousandth the picture is as fine as the scores want it; 20 bins give a coarse one. */
  readonly summary: EvaluationSummary
  /** Time in which pairs were compared, in milliseconds. */
  readonly elapsedMs?: number | undefined
  /** What whoever reads it should know first, such as that the model is for trying things out. */
  readonly notes?: readonly string[] | undefined
  /** Further settings, by name, such as the options of a command. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** What ran, by name, such as the versions of this package and of Node. */
  readonly versions?: Readonly<Record<string, string>> | undefined
}

/** Bins of a summary that make the picture as fine as it can be: a thousandth each. For `SummaryOptions.bins`. */
export const REPORT_BINS = 1000
