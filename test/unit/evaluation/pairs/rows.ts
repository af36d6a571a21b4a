/** What the tests of pairs files share: bytes as a stream, and rows in short. */
import type { PairRow } from '../../../../src/evaluation/pairs/pair-row.js'
import type { ReadPairsOptions } from '../../../../src/evaluation/pairs/pairs-options.js'
import { readPairs } from '../../../../src/evaluation/pairs/read-pairs.js'

/** `chunks` one after another. */
// eslint-disable-next-line @typescript-eslint/require-await -- stands in for a file
export async function* stream(...chunks: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

/** `bytes` in pieces of the sizes `cuts`, then the rest. */
export function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = []
  let start = 0
  for (const cut of cuts) {
    parts.push(bytes.subarray(start, start + cut))
    start += cut
  }
  return [...parts, bytes.subarray(start)]
}

/** A pair as `[line, id, groundTruth, prediction]`, a refused row as `[line, id, message]`. */
export function short(row: PairRow): readonly (string | number)[] {
  if (row.kind === 'pair') return [row.line, row.pair.id, row.pair.groundTruth, row.pair.prediction]
  return [row.line, row.result.id, row.result.error?.detail ?? '']
}

/** All rows of a text, in short. */
export async function rowsOf(
  text: Uint8Array | string,
  options: ReadPairsOptions,
): Promise<(readonly (string | number)[])[]> {
  const rows: (readonly (string | number)[])[] = []
  for await (const row of readPairs(stream(text), options)) rows.push(short(row))
  return rows
}
