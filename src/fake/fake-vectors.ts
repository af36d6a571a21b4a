/**
 * Vectors out of token ids: every token and every pair of neighbours has a pseudo-random direction, and a text's is their
 * sum. Texts that share words are closer than texts that share none, and the order of words matters a little. Depends on
 * nothing but its arguments: integers are hashed and added, and the one rounding is that of a division and a square root.
 */
import { normalizeRows } from '../inference/normalize.js'
import type { PackedTexts } from '../packed/packing.js'
import type { Variant } from '../pool/backend.js'
import { isSpecial } from './fake-tokens.js'
import { combine, hashText } from './hash.js'

/** How much more a token counts than a pair of neighbours: its square is their share of a vector's length. */
const TOKEN_WEIGHT = 2

/** Brings vectors that are not normalised to lengths from 1 to some tens; a power of two, so that it rounds nothing. */
const RAW_SCALE = 1 / 4096

/** Numbers that are added between two breaths: some milliseconds of the calling thread. */
const NUMBERS_PER_TURN = 2_000_000

/**
 * float32 `[batch, dimensions]`, row after row. A row depends on its own text's ids only.
 *
 * @param key - Of the model: another one has other vectors. So has every head, as none is a slice of another.
 * @param turn - Awaited between parts of the work.
 */
export async function fakeVectors(
  key: string,
  { ids, lengths }: PackedTexts,
  { dimensions, normalize }: Variant,
  turn: () => Promise<void>,
): Promise<Float32Array> {
  const seed = combine(hashText(key), dimensions)
  const slab = new Float32Array(lengths.length * dimensions)
  const perTurn = Math.max(1, Math.floor(NUMBERS_PER_TURN / (2 * dimensions)))
  let left = perTurn
  let start = 0
  for (const [row, length] of lengths.entries()) {
    const text = ids.subarray(start, start + length)
    const sum = new Float64Array(Math.ceil(dimensions / 4) * 4)
    for (let at = 0; at < length; at++, left--) {
      if (left === 0) {
        await turn()
        left = perTurn
      }
      addToken(sum, text, at, seed)
    }
    // Only where there are but a few dimensions can directions cancel out.
    const own = sum.subarray(0, dimensions)
    if (own.every((value) => value === 0)) own[0] = 1
    for (let i = 0; i < dimensions; i++) slab[row * dimensions + i] = (own[i] ?? 0) * RAW_SCALE
    start += length
  }
  if (normalize) normalizeRows(slab, dimensions)
  return slab
}

/** Adds what the token at `at` contributes. What all texts share, their special tokens, counts beside its neighbour only. */
function addToken(sum: Float64Array, text: Int32Array, at: number, seed: number): void {
  const id = text[at] ?? 0
  const before = text[at - 1]
  const own = combine(seed, id)
  if (!isSpecial(id) || text.length === 1) addDirection(sum, own, TOKEN_WEIGHT)
  if (before !== undefined) addDirection(sum, combine(combine(seed, before), own), 1)
}

/**
 * Adds odd integers from −255 to 255, times `weight`: the bytes of a xorshift generator (Marsaglia 2003). Four at a time,
 * which takes half the time of one by one.
 *
 * @param sum - Of a length that four divides.
 */
function addDirection(sum: Float64Array, seed: number, weight: number): void {
  // Zero would stay zero.
  let state = seed === 0 ? 1 : seed
  for (let i = 0; i < sum.length; i += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    sum[i] = (sum[i] ?? 0) + weight * (((state << 24) >> 23) | 1)
    sum[i + 1] = (sum[i + 1] ?? 0) + weight * (((state << 16) >> 23) | 1)
    sum[i + 2] = (sum[i + 2] ?? 0) + weight * (((state << 8) >> 23) | 1)
    sum[i + 3] = (sum[i + 3] ?? 0) + weight * ((state >> 23) | 1)
  }
}
