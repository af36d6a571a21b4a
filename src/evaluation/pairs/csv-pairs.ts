/** Pairs of a CSV table with a header. Knows no file. */
import { StellaError, isStellaError } from '../../errors.js'
import type { BrokenCsvRecord } from './csv-records.js'
import { readCsvRecords } from './csv-records.js'
import type { CsvRecord } from './csv-run.js'
import type { DelimiterName } from './formats.js'
import { DELIMITERS } from './formats.js'
import type { PairFieldOptions, PairFieldPlaces } from './pair-fields.js'
import { findPairFields, namesOf } from './pair-fields.js'
import type { PairRow, RowNames, RowPlace } from './pair-row.js'
import { pairRow, plainMessage, refusedRow } from './pair-row.js'

interface Header {
  readonly columns: number
  readonly places: PairFieldPlaces
  readonly called: RowNames
}

/**
 * The pairs of a table. Empty lines are left out; a record that holds no pair is refused in its place.
 *
 * @throws {StellaError} INPUT_INVALID when the header cannot be read, or does not name the two texts.
 */
export async function* readCsvPairs(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
  options: PairFieldOptions & { readonly delimiter: DelimiterName },
): AsyncGenerator<PairRow> {
  let header: Header | undefined
  for await (const record of readCsvRecords(chunks, DELIMITERS[options.delimiter])) {
    const place = { source, line: record.line }
    if (header === undefined) header = headerOf(record, options, place)
    else yield rowOf(record, header, place)
  }
}

function headerOf(
  record: CsvRecord | BrokenCsvRecord,
  options: PairFieldOptions & { readonly delimiter: DelimiterName },
  place: RowPlace,
): Header {
  if ('problem' in record) throw badHeader(record.problem, place)
  if (!record.isUtf8) throw badHeader(NOT_UTF8, place)
  const names = record.fields.map((name) => name.trim())
  try {
    const places = findPairFields(names, options)
    return { columns: names.length, places, called: namesOf(names, places) }
  } catch (error) {
    if (!isStellaError(error)) throw error
    throw badHeader(`${error.message}${delimiterHint(record.fields, options.delimiter)}`, place)
  }
}

/** One column that holds another delimiter is a header that was cut at the wrong one. */
function delimiterHint(fields: readonly string[], given: DelimiterName): string {
  const [only = ''] = fields
  if (fields.length !== 1) return ''
  const other = Object.entries(DELIMITERS).find(([name, delimiter]) => name !== given && only.includes(delimiter))
  return other === undefined ? '' : `. Is it separated by another character? Say \`delimiter: '${other[0]}'\``
}

function rowOf(record: CsvRecord | BrokenCsvRecord, { columns, places, called }: Header, place: RowPlace): PairRow {
  if ('problem' in record) return refusedRow(record.problem, place)
  const { fields } = record
  const values = {
    id: places.id === undefined ? undefined : fields[places.id],
    groundTruth: fields[places.groundTruth],
    prediction: fields[places.prediction],
  }
  if (fields.length !== columns) {
    const counts = `has ${fields.length} ${fields.length === 1 ? 'field' : 'fields'}; the header has ${columns}`
    return refusedRow(`${counts}. A text with the delimiter or a line end in it must be quoted`, place)
  }
  if (!record.isUtf8) return refusedRow(NOT_UTF8, place)
  return pairRow(values, called, place)
}

const NOT_UTF8 = 'is not UTF-8. Save the file as UTF-8 and run again'

function badHeader(problem: string, { source, line }: RowPlace): StellaError {
  const message = plainMessage(`The header of ${source}, line ${line}, ${problem}`)
  return new StellaError('INPUT_INVALID', message, { details: { source, line } })
}
