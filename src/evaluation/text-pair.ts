/** Pairs as a caller hands them in: checked one by one, as any of them may be wrong. Knows no model and no stream. */
import { StellaError } from '../errors.js'
import { show } from '../show.js'
import type { EvaluationResult, TextPair } from './evaluation-result.js'

/** Where a batch's pairs come from. */
export type PairSource = AsyncIterable<TextPair> | Iterable<TextPair>

/** A pair, or the result that it has without any model. */
export type ParsedPair =
  { readonly ok: true; readonly pair: TextPair } | { readonly ok: false; readonly result: EvaluationResult }

/**
 * Takes a pair in, in a copy: a source may fill the same object with its next one.
 *
 * @param place - Its place in the source, from 0, for the error of one that may have no id.
 */
export function parsePair(given: unknown, place?: number): ParsedPair {
  const known = typeof given === 'object' && given !== null ? (given as Readonly<Record<string, unknown>>) : {}
  const { id, groundTruth, prediction } = known
  if (isString(id) && isString(groundTruth) && isString(prediction)) {
    return { ok: true, pair: { id, groundTruth, prediction } }
  }
  const wrong = Object.entries({ id, groundTruth, prediction }).flatMap(([name, value]) => {
    return isString(value) ? [] : [`\`${name}\` is ${show(value)}`]
  })
  const where = place === undefined ? 'The pair' : `Pair ${place}`
  const what = known === given ? wrong.join(', ') : `got ${show(given)}`
  const error = new StellaError('INPUT_INVALID', `${where} should have three strings, ${NAMES}; ${what}`, {
    details: place === undefined ? {} : { place },
  })
  const pair = { id: textOr(id), groundTruth: textOr(groundTruth), prediction: textOr(prediction) }
  return { ok: false, result: failedResult(pair, error) }
}

/** The result of a pair that failed with `error`. */
export function failedResult({ id, groundTruth, prediction }: TextPair, error: StellaError): EvaluationResult {
  return {
    id,
    groundTruthText: groundTruth,
    predictionText: prediction,
    similarityScore: null,
    success: false,
    error: error.toProblemDetails(),
  }
}

/**
 * Refuses what is no source of pairs.
 *
 * @throws {StellaError} INPUT_INVALID saying what to give.
 */
export function checkPairSource(given: unknown): void {
  // A string can be iterated, too: letter by letter.
  if (typeof given === 'object' && given !== null && !(given instanceof String)) {
    const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = given as Partial<
      AsyncIterable<unknown> & Iterable<unknown>
    >
    if (typeof async === 'function' || typeof sync === 'function') return
  }
  throw new StellaError(
    'INPUT_INVALID',
    `Expected pairs as an array, a stream, a generator or another iterable or async iterable; got ${show(given)}${hintAt(given)}`,
    { details: { argument: 'pairs' } },
  )
}

const NAMES = '`id`, `groundTruth` and `prediction`'

function hintAt(given: unknown): string {
  if (typeof given === 'function') return '; call it, if it is a generator function'
  return typeof given === 'object' && given !== null && 'groundTruth' in given
    ? '; put a single pair in an array, or use `evaluateSingle`'
    : ''
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function textOr(value: unknown): string {
  return isString(value) ? value : ''
}
