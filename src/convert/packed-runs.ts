/** Token ids of many texts as packed runs, and the way back from rows in run order to rows in text order. */
import type { PackedTexts } from '../packed/packing.js'
import { RUN_LIMITS, packTexts, planRuns } from '../packed/packing.js'

/** Texts cut into runs. */
export interface PackedRuns {
  readonly runs: readonly PackedTexts[]
  /** Place of each row among the texts. */
  readonly places: readonly number[]
}

/** @param texts - Token ids of each text. */
export function packRuns(texts: readonly Int32Array[]): PackedRuns {
  const lengths = texts.map((ids) => ids.length)
  const planned = planRuns(lengths, RUN_LIMITS)
  const runs = planned.map((run) => packTexts(run.map((index) => texts[index] ?? new Int32Array())))
  return { runs, places: planned.flat() }
}

/** Rows `[texts, size]` in the order of the texts. */
export function inTextOrder(rows: Float32Array, { places }: PackedRuns): Float32Array {
  const size = rows.length / places.length
  const ordered = new Float32Array(rows.length)
  for (const [row, place] of places.entries()) ordered.set(rows.subarray(row * size, (row + 1) * size), place * size)
  return ordered
}
