/** Writes float32 numbers in decimal, as short as they can be without becoming another number. */

/** Digits that always suffice to name one float32 (IEEE 754, section 5.12.2). */
const ENOUGH_DIGITS = 9

/** Fewer digits are hardly ever enough for a float32 that was computed, and cost a try each. */
const FIRST_DIGITS = 6

/** Powers of ten that a double holds exactly: 10^0 to 10^22. */
const EXACT_POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))

/**
 * Decimal text that parses, as a double and then as a float32, to exactly `value`. About half as long as the double's
 * own text: 0.85649866 instead of 0.8564986586570740.
 *
 * @param value - A finite number that a float32 can hold.
 */
export function floatText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return Object.is(value, -0) ? '-0' : String(value)
  // Digits after the point for one significant digit.
  const first = -Math.floor(Math.log10(Math.abs(value)))
  for (let digits = FIRST_DIGITS; digits <= ENOUGH_DIGITS; digits++) {
    const scale = EXACT_POWERS[first + digits - 1]
    // A quotient of two exact doubles is the double nearest to that decimal, so its own text is the short one.
    const candidate = scale === undefined ? Number(value.toPrecision(digits)) : Math.round(value * scale) / scale
    if (Math.fround(candidate) === value) return String(candidate)
  }
  return String(value)
}

/** A vector as a JSON array. */
export function vectorText(vector: Float32Array | Uint8Array | Int8Array): string {
  if (!(vector instanceof Float32Array)) return `[${vector.join(',')}]`
  let text = '['
  for (const [index, value] of vector.entries()) text += index === 0 ? floatText(value) : `,${floatText(value)}`
  return `${text}]`
}
