/** Lays texts out for the engine: which texts run together, and the index tensors of a packed batch. */
import { PADDED_PLACES, PADDED_TOKENS } from '../../registry/memory.js'
import { StellaError } from '../errors.js'
import { isInt32Array } from '../realm.js'

/** Token ids of several texts, end to end, and how many belong to each. */
export interface PackedTexts {
  /** int32 `[tokens]` */
  readonly ids: Int32Array
  /** int32 `[batch]` */
  readonly lengths: Int32Array
}

/** Where each token lies, as the backbone's inputs say it. */
export interface PackedIndices {
  /** int32 `[tokens]` */
  readonly positionIds: Int32Array
  /** int32 `[batch × length]` */
  readonly paddedRows: Int32Array
  /** int32 `[tokens]` */
  readonly packedPlaces: Int32Array
  /** The longest text. */
  readonly length: number
}

/**
 * Refuses a batch that the engine would read as something else.
 *
 * @param vocab - Rows of the embedding table.
 * @throws {StellaError} INPUT_INVALID saying what does not fit.
 */
export function checkPacked({ ids, lengths }: PackedTexts, vocab: number): void {
  const refuse = (problem: string): never => {
    throw new StellaError('INPUT_INVALID', `Not a packed batch: ${problem}`)
  }
  if (!isInt32Array(ids) || !isInt32Array(lengths)) {
    refuse('`ids` and `lengths` must be Int32Array')
  }
  if (lengths.length === 0) refuse('it holds no text')
  const empty = lengths.findIndex((length) => length < 1)
  if (empty !== -1) refuse(`text ${empty} has ${String(lengths[empty])} tokens`)
  const tokens = lengths.reduce((sum, length) => sum + length, 0)
  if (tokens !== ids.length) refuse(`the lengths add up to ${tokens} tokens, and there are ${ids.length} ids`)
  const bad = ids.findIndex((id) => id < 0 || id >= vocab)
  if (bad !== -1) refuse(`token id ${String(ids[bad])} is not within 0 to ${vocab - 1}`)
}

/** Puts texts end to end. */
export function packTexts(texts: readonly Int32Array[]): PackedTexts {
  const lengths = Int32Array.from(texts, (ids) => ids.length)
  const ids = new Int32Array(lengths.reduce((sum, length) => sum + length, 0))
  let start = 0
  for (const text of texts) {
    ids.set(text, start)
    start += text.length
  }
  return { ids, lengths }
}

/** The index tensors of texts of these lengths, each at least 1. */
export function packedIndices(lengths: Int32Array): PackedIndices {
  const length = lengths.reduce((longest, next) => Math.max(longest, next), 0)
  const tokens = lengths.reduce((sum, next) => sum + next, 0)
  const positionIds = new Int32Array(tokens)
  const packedPlaces = new Int32Array(tokens)
  const paddedRows = new Int32Array(lengths.length * length)
  let row = 0
  for (const [text, count] of lengths.entries()) {
    const first = row
    // A place without a token shows the text's own first row, so that nothing of another text is ever read.
    paddedRows.fill(first, text * length, (text + 1) * length)
    for (let position = 0; position < count; position++, row++) {
      positionIds[row] = position
      packedPlaces[row] = text * length + position
      paddedRows[text * length + position] = row
    }
  }
  return { positionIds, paddedRows, packedPlaces, length }
}

/** Limits of one run. */
export interface RunLimits {
  /** Tokens of one run; a text longer than this runs alone. */
  readonly runTokens: number
  /** Places of the padded layout, `texts × longest`: attention works on them, and its scores grow with them. */
  readonly paddedPlaces: number
  /** A text with at least this many tokens always runs alone, on the engine's path for long texts. */
  readonly aloneFrom: number
}

/** Tokens per run. Speed is flat from 256 up (`bench/run-tokens.ts`); more would only cost memory and latency. */
export const RUN_TOKENS = 512

/** What the memory estimate charges for bounds the runs: one long text beside many short ones costs no more. */
export const RUN_LIMITS: RunLimits = {
  runTokens: RUN_TOKENS,
  paddedPlaces: PADDED_PLACES,
  aloneFrom: PADDED_TOKENS,
}

/**
 * Cuts texts into runs: sorted, so that neighbours need little padding, longest first, so that the last run is short
 * and threads finish together. Every text is in exactly one run.
 *
 * @returns indices into `lengths`, run by run.
 */
export function planRuns(lengths: readonly number[], limits: RunLimits): readonly (readonly number[])[] {
  const order = lengths.map((_, index) => index).sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b)
  const runs: number[][] = []
  let current: number[] = []
  let tokens = 0
  for (const index of order) {
    const length = lengths[index] ?? 0
    const longest = lengths[current[0] ?? index] ?? 0
    const padded = (current.length + 1) * longest
    const full = tokens + length > limits.runTokens || padded > limits.paddedPlaces || length >= limits.aloneFrom
    if (full && current.length > 0) {
      runs.push(current)
      current = []
      tokens = 0
    }
    current.push(index)
    tokens += length
    if (length >= limits.aloneFrom) tokens = limits.runTokens
  }
  if (current.length > 0) runs.push(current)
  return runs
}
