/** Ranges as JSON, so that the same can be used another day and elsewhere. Knows no file. */
import { show } from '../show.js'
import { invalid } from './matrix.js'
import type { EncodingRanges } from './ranges.js'
import { checkRanges } from './ranges.js'

/** Dimensions of ranges that are read: above those of any model there is, and little to hold. */
export const MAX_RANGES_DIMENSIONS = 65_536

/** {@link EncodingRanges} as JSON has them. */
export interface EncodingRangesJson {
  /** `[dimensions]` */
  readonly minimum: readonly number[]
  /** `[dimensions]` */
  readonly maximum: readonly number[]
}

/**
 * A value for `JSON.stringify`; {@link rangesFromJson} gives the same ranges back, to the bit.
 *
 * @throws {StellaError} INPUT_INVALID when these are no ranges.
 */
export function rangesToJson(ranges: EncodingRanges): EncodingRangesJson {
  checkRanges(ranges, undefined)
  return { minimum: [...ranges.minimum], maximum: [...ranges.maximum] }
}

/**
 * The ranges of a value that `JSON.parse` gave. Keys besides `minimum` and `maximum` are no concern of its.
 *
 * @param value - Whatever a file held
 * @throws {StellaError} INPUT_INVALID when it holds no ranges.
 */
export function rangesFromJson(value: unknown): EncodingRanges {
  const given = typeof value === 'object' && value !== null ? (value as Partial<EncodingRangesJson>) : {}
  const ranges = { minimum: floats(given.minimum, 'minimum'), maximum: floats(given.maximum, 'maximum') }
  checkRanges(ranges, undefined)
  return ranges
}

function floats(values: unknown, name: string): Float32Array {
  if (!Array.isArray(values) || values.length === 0 || values.length > MAX_RANGES_DIMENSIONS) {
    const got = Array.isArray(values) ? `${values.length} of them` : show(values)
    throw invalid(`Expected ranges with a \`${name}\` of 1 to ${MAX_RANGES_DIMENSIONS} numbers; got ${got}`)
  }
  const place = values.findIndex((item) => typeof item !== 'number' || !Number.isFinite(Math.fround(item)))
  if (place === -1) return Float32Array.from(values as readonly number[])
  throw invalid(`Expected \`${name}\` of ranges to hold numbers; dimension ${place} is ${show(values[place])}`)
}
