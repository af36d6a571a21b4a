/** A pair as it was read, or the result that stands in its place where it could not be. Knows no format and no file. */
import { StellaError } from '../../errors.js'
import { describe } from '../../show.js'
import type { EvaluationResult, TextPair } from '../evaluation-result.js'

/** A pair of a file. */
export interface ReadPair {
  /** Tells it from a {@link RefusedPair}. */
  readonly kind: 'pair'
  /** Where it begins, from 1. */
  readonly line: number
  /** What stands there. */
  readonly pair: TextPair
}

/** A line that holds no pair. It counts as a pair that failed. */
export interface RefusedPair {
  /** Tells it from a {@link ReadPair}. */
  readonly kind: 'refused'
  /** Where it begins, from 1. */
  readonly line: number
  /** INPUT_INVALID, with `source` and `line` in its details, and whatever of the pair could be read. */
  readonly result: EvaluationResult
}

/** What a line of a file, or a record of a table, is. */
export type PairRow = ReadPair | RefusedPair

/** Longest id in UTF-16 units: it names a pair in scores and reports, and is no text. */
export const MAX_ID_CHARACTERS = 1000

/** Where a row stands. */
export interface RowPlace {
  /** What the file is called, for messages. */
  readonly source: string
  readonly line: number
}

/** The values of a row, whatever they are. */
export interface RowValues {
  readonly id: unknown
  readonly groundTruth: unknown
  readonly prediction: unknown
}

/** What the fields of {@link RowValues} are called in the file. */
export interface RowNames {
  readonly id: string
  readonly groundTruth: string
  readonly prediction: string
}

/** The pair that `values` are, or the refusal that says why they are none. */
export function pairRow(values: RowValues, names: RowNames, place: RowPlace): PairRow {
  const { id: given, groundTruth, prediction } = values
  const id = idOf(given, place)
  const problem =
    (id === undefined ? `has an unusable id in ${quoted(names.id)}: ${describe(given)}. ${ID_RULE}` : undefined) ??
    textProblem(groundTruth, names.groundTruth) ??
    textProblem(prediction, names.prediction)
  if (problem === undefined && id !== undefined && typeof groundTruth === 'string' && typeof prediction === 'string') {
    return { kind: 'pair', line: place.line, pair: { id, groundTruth, prediction } }
  }
  return refusedRow(problem ?? 'holds no pair', place, {
    id: id ?? placeId(place),
    groundTruth: textOr(groundTruth),
    prediction: textOr(prediction),
  })
}

/** @param problem - What comes after `pairs.jsonl line 3 `. */
export function refusedRow(problem: string, place: RowPlace, known: Partial<TextPair> = {}): RefusedPair {
  const { source, line } = place
  const message = plainMessage(`${source} line ${line} ${problem}`)
  const error = new StellaError('INPUT_INVALID', message, { details: { source, line } })
  return refusedBy(error, place, known)
}

/** As {@link refusedRow}, of an error that there is already. */
export function refusedBy(error: StellaError, place: RowPlace, known: Partial<TextPair> = {}): RefusedPair {
  return {
    kind: 'refused',
    line: place.line,
    result: {
      id: known.id ?? placeId(place),
      groundTruthText: known.groundTruth ?? '',
      predictionText: known.prediction ?? '',
      similarityScore: null,
      success: false,
      error: error.toProblemDetails(),
    },
  }
}

/**
 * A message on one line, with escapes for what would act on a terminal or turn its reading direction: field names and
 * parsers' messages repeat what the file says.
 */
export function plainMessage(message: string): string {
  return message.replaceAll(
    /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const ID_RULE = `Expected a string of at most ${MAX_ID_CHARACTERS} characters, or an integer`

/** The id that is given; the line's where none is; undefined where it is none. */
function idOf(given: unknown, place: RowPlace): string | undefined {
  if (given === undefined || given === null || given === '') return placeId(place)
  if (typeof given === 'string') return given.length <= MAX_ID_CHARACTERS ? given : undefined
  // 12345678901234567890 is read as another number, and would name something else.
  return typeof given === 'number' && Number.isSafeInteger(given) ? String(given) : undefined
}

function placeId({ line }: RowPlace): string {
  return `line ${line}`
}

function textProblem(value: unknown, name: string): string | undefined {
  if (typeof value !== 'string') return `has no text in ${quoted(name)}: ${describe(value)}. Expected a string`
  return value.trim() === '' ? `has an empty text in ${quoted(name)}: there is nothing to compare` : undefined
}

function textOr(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function quoted(name: string): string {
  return `\`${name}\``
}
