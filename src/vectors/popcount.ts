/**
 * How many bits two rows of bits differ in, counted without the processor's own instruction, which JavaScript cannot
 * reach. Knows words only.
 *
 * Words are not counted one by one. Eight of them go through full adders, one per bit (Harley-Seal), so that one count
 * of eights stands for all eight; what is left in the adders is counted once, at the end of the row.
 */

/** Words that the adders take at once. */
const GROUP = 8

/**
 * Distances of a row of bits from every row of a tile.
 *
 * @param left - Holds the row at `from`, `[words]`.
 * @param tile - `[rows, words]`
 * @param out - Takes `[rows]`.
 */
export function differingBits(
  left: Int32Array,
  from: number,
  tile: Int32Array,
  words: number,
  rows: number,
  out: Int32Array,
): void {
  for (let row = 0; row < rows; row++) out[row] = rowDistance(left, from, tile, row * words, words)
}

function rowDistance(left: Int32Array, from: number, right: Int32Array, at: number, words: number): number {
  // Bits of the same place in all words so far: how many there are is ones + 2 twos + 4 fours + the eights counted.
  let ones = 0
  let twos = 0
  let fours = 0
  let eights = 0
  let i = 0
  for (; i + GROUP <= words; i += GROUP) {
    const l = from + i
    const r = at + i
    // Adds a pair to the ones; what is carried goes to the twos, a pair of which carries to the fours, and so on.
    let a = (left[l] ?? 0) ^ (right[r] ?? 0)
    let b = (left[l + 1] ?? 0) ^ (right[r + 1] ?? 0)
    let half = ones ^ a
    const twosA = (ones & a) | (half & b)
    ones = half ^ b
    a = (left[l + 2] ?? 0) ^ (right[r + 2] ?? 0)
    b = (left[l + 3] ?? 0) ^ (right[r + 3] ?? 0)
    half = ones ^ a
    const twosB = (ones & a) | (half & b)
    ones = half ^ b
    half = twos ^ twosA
    const foursA = (twos & twosA) | (half & twosB)
    twos = half ^ twosB
    a = (left[l + 4] ?? 0) ^ (right[r + 4] ?? 0)
    b = (left[l + 5] ?? 0) ^ (right[r + 5] ?? 0)
    half = ones ^ a
    const twosC = (ones & a) | (half & b)
    ones = half ^ b
    a = (left[l + 6] ?? 0) ^ (right[r + 6] ?? 0)
    b = (left[l + 7] ?? 0) ^ (right[r + 7] ?? 0)
    half = ones ^ a
    const twosD = (ones & a) | (half & b)
    ones = half ^ b
    half = twos ^ twosC
    const foursB = (twos & twosC) | (half & twosD)
    twos = half ^ twosD
    half = fours ^ foursA
    eights += bitsOf((fours & foursA) | (half & foursB))
    fours = half ^ foursB
  }
  let sum = GROUP * eights + 4 * bitsOf(fours) + 2 * bitsOf(twos) + bitsOf(ones)
  for (; i < words; i++) sum += bitsOf((left[from + i] ?? 0) ^ (right[at + i] ?? 0))
  return sum
}

/** Bits of a word that are 1: counted in pairs, fours and bytes at once (Warren, "Hacker's Delight", section 5-1). */
function bitsOf(word: number): number {
  const pairs = (word - ((word >>> 1) & 0x55555555)) | 0
  const fours = ((pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)) | 0
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
