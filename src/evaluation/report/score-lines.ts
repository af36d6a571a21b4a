/** How scores are written: JSON Lines, or a table for spreadsheets. Knows no file. */
import { stringify } from 'csv-stringify/sync'

import { invalid, rejectUnknownKeys } from '../../inference/options.js'
import type { EvaluatedRow } from '../pairs/evaluate-rows.js'
import type { ScoresFormat } from './scores-format.js'
import { SCORES_FORMATS } from './scores-format.js'

/** How to write scores. */
export interface ScoreLinesOptions {
  /** `jsonl`: an object per line. `csv`: a table with a header. */
  readonly format: ScoresFormat
  /** Repeat the texts, as `groundTruth` and `prediction`: the scores are a file of pairs then. @default false */
  readonly texts?: boolean | undefined
}

/** Writes scores as text. */
export interface ScoreLines {
  /** What comes before the first; may be empty. */
  readonly head: string
  /** Lines for some rows, each with its ending. */
  lines(rows: readonly EvaluatedRow[]): string
}

/**
 * See the head of this file.
 *
 * @throws {StellaError} OPTION_INVALID
 */
export function scoreLines(options: ScoreLinesOptions): ScoreLines {
  rejectUnknownKeys(options, ['format', 'texts'] satisfies readonly (keyof ScoreLinesOptions)[])
  const { format, texts = false } = options
  if (!SCORES_FORMATS.includes(format)) throw invalid('format', SCORES_FORMATS.join(' or '), format)
  if (typeof texts !== 'boolean') throw invalid('texts', 'true or false', texts)
  switch (format) {
    case 'jsonl':
      return { head: '', lines: (rows) => rows.map((row) => `${JSON.stringify(objectOf(row, texts))}\n`).join('') }
    case 'csv':
      return {
        head: table([[...COLUMNS, ...(texts ? TEXT_COLUMNS : [])]]),
        lines: (rows) => table(rows.map((row) => cellsOf(row, texts))),
      }
  }
}

/** One line of JSON. A failed pair has an `error` instead of its scores. */
function objectOf({ line, result }: EvaluatedRow, texts: boolean): object {
  const { id, similarityScore, success, error, groundTruthText, predictionText } = result
  const repeated = texts ? { groundTruth: groundTruthText, prediction: predictionText } : {}
  if (similarityScore === null) return { id, line, success, error, ...repeated }
  const { cosineSimilarity, normalizedCosine, metadata } = similarityScore
  const { tokens, truncated } = metadata
  return { id, line, success, cosineSimilarity, normalizedCosine, tokens, truncated, ...repeated }
}

const COLUMNS = [
  'id',
  'line',
  'success',
  'cosineSimilarity',
  'normalizedCosine',
  'groundTruthTokens',
  'predictionTokens',
  'groundTruthTruncated',
  'predictionTruncated',
  'errorCode',
  'errorDetail',
] as const

const TEXT_COLUMNS = ['groundTruth', 'prediction'] as const

type Cell = string | number | boolean | null

function cellsOf({ line, result }: EvaluatedRow, texts: boolean): readonly Cell[] {
  const { id, similarityScore: score, success, error, groundTruthText, predictionText } = result
  const { tokens = [null, null], truncated = [null, null] } = score?.metadata ?? {}
  return [
    id,
    line,
    success,
    score?.cosineSimilarity ?? null,
    score?.normalizedCosine ?? null,
    ...tokens,
    ...truncated,
    error?.code ?? null,
    error?.detail ?? null,
    ...(texts ? [groundTruthText, predictionText] : []),
  ]
}

/**
 * Rows of RFC 4180, but with `\n`. Spreadsheets run what begins like a formula, and whoever writes a prediction writes it:
 * such a text gets an apostrophe in front, which spreadsheets take for "this is text". JSON Lines has texts as they are.
 */
function table(rows: readonly (readonly Cell[])[]): string {
  return stringify(
    rows.map((row) => [...row]),
    { escape_formulas: true, cast: { boolean: String } },
  )
}
