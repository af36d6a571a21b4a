/** How a file of pairs is to be read: documented, and checked once. Opens no file. */
import { extname } from 'node:path'

import { StellaError } from '../../errors.js'
import { invalid, rejectUnknownKeys } from '../../inference/options.js'
import { isAbortSignal } from '../../realm.js'
import type { DelimiterName, PairsFormat } from './formats.js'
import { DELIMITER_NAMES, PAIRS_FORMATS } from './formats.js'
import type { PairFieldOptions } from './pair-fields.js'

/** How to read pairs. */
export interface ReadPairsOptions extends PairFieldOptions {
  /** How the file is written. @default by the ending of the file's name: .jsonl, .ndjson; .csv, .tsv, .tab. A stream needs it */
  readonly format?: PairsFormat | undefined
  /** What stands between the fields of a CSV file. @default 'comma'; 'tab' in a .tsv or .tab file */
  readonly delimiter?: DelimiterName | undefined
  /** What the pairs are called in messages. @default the path; 'pairs' for a stream */
  readonly name?: string | undefined
  /** Gives up reading; rejects with ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** Called with the bytes read so far, as they are read. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** Checked options with defaults filled in. */
export interface ResolvedPairsOptions extends PairFieldOptions {
  readonly format: PairsFormat
  readonly delimiter: DelimiterName
  readonly name: string
  readonly signal: AbortSignal | undefined
  readonly onBytes: ((bytes: number) => void) | undefined
}

const FIELD_OPTIONS = ['groundTruthField', 'predictionField', 'idField'] as const

const OPTIONS = [...FIELD_OPTIONS, 'format', 'delimiter', 'name', 'signal', 'onBytes'] as const

/** What the ending of a name tells. */
const ENDINGS: Readonly<Record<string, { readonly format: PairsFormat; readonly delimiter?: DelimiterName }>> = {
  '.jsonl': { format: 'jsonl' },
  '.ndjson': { format: 'jsonl' },
  '.csv': { format: 'csv' },
  '.tsv': { format: 'csv', delimiter: 'tab' },
  '.tab': { format: 'csv', delimiter: 'tab' },
}

/** What the name of a file tells; undefined where it tells nothing. */
export function formatOfPairs(
  path: string,
): { readonly format: PairsFormat; readonly delimiter?: DelimiterName } | undefined {
  const ending = extname(path).toLowerCase()
  return Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined
}

/**
 * @param path - Undefined for a stream.
 * @throws {StellaError} OPTION_INVALID, also when nothing tells the format.
 */
export function resolvePairsOptions(path: string | undefined, options: ReadPairsOptions): ResolvedPairsOptions {
  rejectUnknownKeys(options, OPTIONS)
  const told = path === undefined ? undefined : formatOfPairs(path)
  const { format = told?.format, signal, onBytes, name = path ?? 'pairs' } = options
  if (format === undefined) {
    throw new StellaError(
      'OPTION_INVALID',
      `Cannot tell how ${name} is written. Expected \`format\` to be ${PAIRS_FORMATS.join(' or ')}, or a name that ends ` +
        `in ${Object.keys(ENDINGS).join(', ')}`,
      { details: { option: 'format', accepted: PAIRS_FORMATS } },
    )
  }
  if (!PAIRS_FORMATS.includes(format)) throw invalid('format', PAIRS_FORMATS.join(' or '), format)
  const { delimiter } = options
  if (delimiter !== undefined && !DELIMITER_NAMES.includes(delimiter)) {
    throw invalid('delimiter', DELIMITER_NAMES.join(', '), delimiter)
  }
  if (delimiter !== undefined && format !== 'csv')
    throw invalid('delimiter', 'absent where `format` is jsonl', delimiter)
  for (const field of FIELD_OPTIONS) {
    const given = options[field]
    if (given !== undefined && (typeof given !== 'string' || given === '')) throw invalid(field, 'a name', given)
  }
  if (typeof name !== 'string') throw invalid('name', 'a string', name)
  if (signal !== undefined && !isAbortSignal(signal)) throw invalid('signal', 'an AbortSignal', signal)
  if (onBytes !== undefined && typeof onBytes !== 'function') throw invalid('onBytes', 'a function', onBytes)
  const { groundTruthField, predictionField, idField } = options
  const fields = { groundTruthField, predictionField, idField }
  return Object.freeze({ ...fields, format, delimiter: delimiter ?? told?.delimiter ?? 'comma', name, signal, onBytes })
}
