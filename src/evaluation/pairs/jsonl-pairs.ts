/** Pairs of JSON Lines: an object per line. Knows no file. */
import { isStellaError, messageOf } from '../../errors.js'
import { readEachLine, unreadableLine } from '../../files/lines.js'
import { describe } from '../../show.js'
import type { PairFieldOptions, PairFieldPlaces } from './pair-fields.js'
import { findPairFields, namesOf } from './pair-fields.js'
import type { PairRow, RowNames, RowPlace } from './pair-row.js'
import { pairRow, refusedBy, refusedRow } from './pair-row.js'

/** What was found for the last line; most files have the same fields in every line. */
interface Layout {
  readonly names: readonly string[]
  readonly places: PairFieldPlaces
  readonly called: RowNames
}

/** The pairs of a stream of JSON Lines. Empty lines are left out; a line that holds no pair is refused in its place. */
export async function* readJsonlPairs(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
  options: PairFieldOptions,
): AsyncGenerator<PairRow> {
  let layout: Layout | undefined
  for await (const line of readEachLine(chunks)) {
    const place = { source, line: line.number }
    if ('problem' in line) {
      yield refusedBy(unreadableLine(line, source), place)
      continue
    }
    if (line.text.trim() === '') continue
    const parsed = parseLine(line.text, place)
    if ('refusal' in parsed) {
      yield parsed.refusal
      continue
    }
    const names = Object.keys(parsed.fields)
    if (layout === undefined || !sameNames(layout.names, names)) {
      const found = layoutOf(names, options, place)
      if ('kind' in found) {
        yield found
        continue
      }
      layout = found
    }
    yield pairRow(valuesOf(parsed.fields, layout), layout.called, place)
  }
}

type Fields = Readonly<Record<string, unknown>>

function parseLine(text: string, place: RowPlace): { readonly fields: Fields } | { readonly refusal: PairRow } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { refusal: refusedRow(`is not JSON: ${messageOf(error)}`, place) }
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { fields: value as Fields }
  return { refusal: refusedRow(`is ${describe(value)}; expected an object with the two texts`, place) }
}

function layoutOf(names: readonly string[], options: PairFieldOptions, place: RowPlace): Layout | PairRow {
  try {
    const places = findPairFields(names, options)
    return { names, places, called: namesOf(names, places) }
  } catch (error) {
    if (!isStellaError(error)) throw error
    return refusedRow(error.message, place)
  }
}

function valuesOf(fields: Fields, { names, places }: Layout) {
  const valueAt = (place: number | undefined): unknown => {
    const name = place === undefined ? undefined : names[place]
    return name === undefined ? undefined : fields[name]
  }
  return {
    id: valueAt(places.id),
    groundTruth: valueAt(places.groundTruth),
    prediction: valueAt(places.prediction),
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index])
}
