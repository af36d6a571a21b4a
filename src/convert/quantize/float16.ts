/** Narrows float32 to IEEE 754 binary16. Knows numbers, no tensor and no file. */

/** From here on a magnitude rounds to infinity: halfway from the largest half, 65504, to what would be the next. */
export const FLOAT16_OVERFLOW = 65520

/** Rebias of the exponent from binary32 (127) to binary16 (15), in the place of a float32's exponent. */
const REBIAS = 112 << 23

/** Bits of 2⁻¹⁴, the least normal half, as float32. */
const LEAST_NORMAL = 0x38800000

/** Step between subnormal halves. */
const SUBNORMAL_STEP = 2 ** -24

/**
 * Narrows `values` to half-precision bits: to the nearest, ties to even, subnormals included.
 *
 * @param values - Of magnitudes below {@link FLOAT16_OVERFLOW}.
 */
export function narrowToFloat16(values: Float32Array, halves: Uint16Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) {
    const all = bits[i] ?? 0
    const magnitude = all & 0x7fffffff
    const sign = (all >>> 16) & 0x8000
    if (magnitude >= LEAST_NORMAL) {
      // Half of the last place less one, plus one where the place kept is odd: a tie goes to the even one.
      const odd = (magnitude >>> 13) & 1
      halves[i] = sign | ((magnitude - REBIAS + 0xfff + odd) >>> 13)
    } else halves[i] = sign | subnormal(values[i] ?? 0)
  }
}

/**
 * Bits of a magnitude below 2⁻¹⁴, a multiple of the subnormal step. Next to 0.5 a float32's last place is that step, so
 * that rounding to float32 rounds to it.
 */
function subnormal(value: number): number {
  return (Math.fround(Math.abs(value) + 0.5) - 0.5) / SUBNORMAL_STEP
}
