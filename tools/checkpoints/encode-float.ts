/**
 * Narrows float32 values to the bytes of a stored floating dtype, rounding to nearest, ties to even.
 * Knows no file and no tensor.
 */

/** Floating dtypes the writer stores. */
export type WritableDtype = 'F32' | 'F16' | 'BF16'

/** Bytes of one stored element. */
export const WRITABLE_DTYPE_BYTES = { F32: 4, F16: 2, BF16: 2 } as const satisfies Record<WritableDtype, number>

/**
 * IEEE 754 binary16 bits of the binary32 value with these bits. Above 65519.99… becomes infinity, a NaN stays a NaN
 * (quiet, with the upper payload bits).
 */
export function f16FromF32Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff)
  // 65520 is halfway between the largest half and 2^16; the tie goes to the even one, which is infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // From 2^-14 on: rebias the exponent (127 → 15) and round away the 13 low bits; a carry moves up the exponent.
  if (magnitude >= 0x38800000) {
    const rebiased = magnitude - 0x38000000
    return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13)
  }
  // Up to 2^-25, half the smallest subnormal, rounds to zero (the tie itself to even, which is zero).
  if (magnitude <= 0x33000000) return sign
  // Subnormal: the value counted in steps of 2^-24, with the implicit leading bit made explicit.
  const shift = 126 - (magnitude >>> 23)
  const significand = (magnitude & 0x7fffff) | 0x800000
  const half = significand >>> shift
  const rest = significand & ((1 << shift) - 1)
  const tie = 1 << (shift - 1)
  const roundsUp = rest > tie || (rest === tie && (half & 1) === 1)
  return sign | (roundsUp ? half + 1 : half)
}

/** bfloat16 bits of the binary32 value with these bits; a NaN stays a NaN (quiet, with the upper payload bits). */
export function bf16FromF32Bits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

/**
 * Writes `values` into `target` from byte `offset`, little-endian. `offset` is a multiple of the element's size and
 * `target` begins at the start of its ArrayBuffer.
 */
export function encodeFloats(
  dtype: WritableDtype,
  values: Float32Array,
  target: Uint8Array<ArrayBuffer>,
  offset: number,
  littleEndianHost: boolean,
): void {
  const bytes = values.length * WRITABLE_DTYPE_BYTES[dtype]
  const written = Buffer.from(target.buffer, target.byteOffset + offset, bytes)
  if (dtype === 'F32') {
    written.set(new Uint8Array(values.buffer, values.byteOffset, bytes))
    if (!littleEndianHost) written.swap32()
    return
  }
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const halves = new Uint16Array(target.buffer, target.byteOffset + offset, values.length)
  // Two loops: one that calls either function through a variable is not inlined and runs at a third of the speed.
  if (dtype === 'F16') for (let i = 0; i < bits.length; i += 1) halves[i] = f16FromF32Bits(bits[i] ?? 0)
  else for (let i = 0; i < bits.length; i += 1) halves[i] = bf16FromF32Bits(bits[i] ?? 0)
  if (!littleEndianHost) written.swap16()
}
