/**
 * Widens the stored bits of shorter floats to float32 bits, exactly. Works on bits, never on numbers, so that a NaN keeps
 * its payload. Knows no file and no tensor.
 */

/** Rebias of the exponent from binary16 (15) to binary32 (127), in place. */
const F16_REBIAS = 112 << 23

/** The same from E4M3 (7). */
const E4M3_REBIAS = 120 << 23

/**
 * Writes the float32 bits of the first `count` IEEE 754 binary16 values of `source` to `target`.
 * Every half, subnormals included, is a float32.
 */
export function widenF16(source: Uint16Array, target: Uint32Array, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const half = source[i] ?? 0
    const magnitude = half & 0x7fff
    const sign = (half & 0x8000) << 16
    // Normals first: nearly every weight is one, so the branch predicts well.
    if (magnitude >= 0x0400 && magnitude < 0x7c00) target[i] = sign | ((magnitude << 13) + F16_REBIAS)
    else target[i] = sign | widenSpecial(magnitude)
  }
}

/** Float32 bits of a half's magnitude that is zero, subnormal, infinite or NaN. */
function widenSpecial(magnitude: number): number {
  if (magnitude >= 0x7c00) return 0x7f800000 | ((magnitude & 0x3ff) << 13)
  return widenSubnormal(magnitude, 10, 15)
}

/** Float32 bits of zero or a subnormal, of a format with so many bits of significand and this bias of the exponent. */
function widenSubnormal(magnitude: number, bits: number, bias: number): number {
  if (magnitude === 0) return 0
  // Shift the leading one out of the significand and into the exponent.
  const shift = Math.clz32(magnitude) - (31 - bits)
  return ((128 - bias - shift) << 23) | (((magnitude << shift) & ((1 << bits) - 1)) << (23 - bits))
}

/** Writes the float32 bits of the first `count` bfloat16 values of `source`, which are their upper halves. */
export function widenBF16(source: Uint16Array, target: Uint32Array, count: number): void {
  for (let i = 0; i < count; i += 1) target[i] = (source[i] ?? 0) << 16
}

/**
 * Writes the float32 bits of the first `count` 8-bit floats of `source`: sign, 4 bits of exponent, 3 of significand. It has
 * no infinity, and one NaN for each sign, whose bits are all ones (OCP 8-bit Floating Point Specification, section 5).
 */
export function widenF8E4M3(source: Uint8Array, target: Uint32Array, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const byte = source[i] ?? 0
    const magnitude = byte & 0x7f
    const sign = (byte & 0x80) << 24
    if (magnitude >= 0x08 && magnitude < 0x7f) target[i] = sign | ((magnitude << 20) + E4M3_REBIAS)
    else target[i] = sign | (magnitude === 0x7f ? 0x7ff00000 : widenSubnormal(magnitude, 3, 7))
  }
}
