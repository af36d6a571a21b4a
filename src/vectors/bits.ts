/** The signs of a vector as bits. Knows numbers only. */
/** What `binary` subtracts from each byte of `ubinary`, so that it fits an int8: the highest bit is turned over. */
const SIGN_BIT = 0x80

/** Exponent of a float32 (IEEE 754): all ones in NaN and the infinities, and in nothing else. */
const EXPONENT = 0x7f800000

/** Added to an exponent, it carries into the sign of the word where that is all ones. */
const LOWEST_EXPONENT_BIT = 0x00800000

/**
 * Writes bit 1 where a value is above 0, the first in the highest bit, as numpy's `packbits` lays them out; the last byte
 * is filled up with zeros.
 *
 * @param bytes - Takes `[ceil(values.length / 8)]`.
 * @returns Whether all numbers are finite; where one is not, the bytes mean nothing.
 */
export function packSigns(
  values: Float32Array,
  bytes: Int8Array | Uint8Array,
  encoding: 'binary' | 'ubinary',
): boolean {
  const turned = encoding === 'binary' ? SIGN_BIT : 0
  // Read as integers: signs are as good as random, and a branch on each would be guessed wrong half the time.
  const words = new Int32Array(values.buffer, values.byteOffset, values.length)
  const whole = values.length >> 3
  let exponents = 0
  for (let place = 0, at = 0; place < whole; place++) {
    let byte = 0
    for (let bit = 0; bit < 8; bit++, at++) {
      const word = words[at] ?? 0
      exponents |= (word & EXPONENT) + LOWEST_EXPONENT_BIT
      byte = (byte << 1) | isPositive(word)
    }
    bytes[place] = byte ^ turned
  }
  if (whole < bytes.length) {
    let byte = 0
    for (let at = whole * 8; at < values.length; at++) {
      const word = words[at] ?? 0
      exponents |= (word & EXPONENT) + LOWEST_EXPONENT_BIT
      byte |= isPositive(word) << (7 - (at & 7))
    }
    bytes[whole] = byte ^ turned
  }
  return exponents >= 0
}

/**
 * 1 for the word of a float32 above 0, else 0. As integers such words are above 0, too; ~word puts aside -0, the only
 * other one whose negative is below 0.
 */
function isPositive(word: number): number {
  return (~word & -word) >>> 31
}

/** Sum of the values whose bits are 1. */
export function sumOfBits(values: Float32Array, bytes: Int8Array | Uint8Array, encoding: 'binary' | 'ubinary'): number {
  const turned = encoding === 'binary' ? SIGN_BIT : 0
  let sum = 0
  for (let d = 0; d < values.length; d++) {
    const byte = (bytes[d >> 3] ?? 0) ^ turned
    // A product and no branch: which way it goes is as good as random.
    sum += (values[d] ?? 0) * ((byte >> (7 - (d & 7))) & 1)
  }
  return sum
}
