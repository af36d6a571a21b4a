import { describe, expect, it } from 'vitest'

import { widenBF16, widenF16, widenF8E4M3 } from '../../../../src/files/safetensors/widen.js'

const ALL = Uint16Array.from({ length: 65_536 }, (_, bits) => bits)

interface Format {
  readonly exponentBits: number
  readonly significandBits: number
}

/**
 * The value of a float by the definition of IEEE 754: sign · 2^exponent · significand, in doubles, which hold every
 * half and bfloat16. NaN where it is one.
 */
function valueOf(bits: number, { exponentBits, significandBits }: Format): number {
  const sign = bits >= 0x8000 ? -1 : 1
  const fraction = (bits % 2 ** significandBits) / 2 ** significandBits
  const exponent = Math.floor(bits / 2 ** significandBits) % 2 ** exponentBits
  const bias = 2 ** (exponentBits - 1) - 1
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction)
}

describe.each([
  ['widenF16', widenF16, { exponentBits: 5, significandBits: 10 }],
  ['widenBF16', widenBF16, { exponentBits: 8, significandBits: 7 }],
] as const)('%s', (_, widen, format) => {
  const bits = new Uint32Array(ALL.length)
  widen(ALL, bits, ALL.length)
  const values = new Float32Array(bits.buffer)

  it('gives every one of the 65,536 values exactly', () => {
    const wrong = [...ALL].filter((half) => !Object.is(values[half], valueOf(half, format)))
    expect(wrong).toEqual([])
  })

  it('keeps sign and payload of every NaN', () => {
    const shift = 23 - format.significandBits
    const nans = [...ALL].filter((half) => Number.isNaN(valueOf(half, format)))
    expect(nans).toHaveLength(2 * (2 ** format.significandBits - 1))
    const wrong = nans.filter((half) => {
      const sign = half >= 0x8000 ? 2 ** 31 : 0
      return bits[half] !== sign + 0x7f800000 + (half % 2 ** format.significandBits) * 2 ** shift
    })
    expect(wrong).toEqual([])
  })

  it('writes only as many values as asked', () => {
    const target = new Uint32Array(4).fill(7)
    widen(Uint16Array.of(0, 0, 0, 0), target, 2)
    expect([...target]).toEqual([0, 0, 7, 7])
  })
})

describe('widenF8E4M3', () => {
  const all = Uint8Array.from({ length: 256 }, (_, bits) => bits)
  const bits = new Uint32Array(all.length)
  widenF8E4M3(all, bits, all.length)
  const values = new Float32Array(bits.buffer)

  /** By the definition of OCP's specification: bias 7, subnormals, no infinity; all ones is a NaN. */
  function valueOfByte(byte: number): number {
    const sign = byte >= 0x80 ? -1 : 1
    const fraction = (byte % 8) / 8
    const exponent = Math.floor(byte / 8) % 16
    if (exponent === 15 && fraction === 7 / 8) return NaN
    return exponent === 0 ? sign * 2 ** -6 * fraction : sign * 2 ** (exponent - 7) * (1 + fraction)
  }

  it('gives every one of the 256 values exactly', () => {
    expect([...all].filter((byte) => !Object.is(values[byte], valueOfByte(byte)))).toEqual([])
    // The bounds that the specification's table 1 names.
    expect([values[0x01], values[0x07], values[0x08], values[0x7e]]).toEqual([2 ** -9, 0.875 * 2 ** -6, 2 ** -6, 448])
  })

  it('keeps the sign of a NaN', () => {
    expect([bits[0x7f], bits[0xff]]).toEqual([0x7ff00000, 0xfff00000])
  })

  it('writes only as many values as asked', () => {
    const target = new Uint32Array(4).fill(7)
    widenF8E4M3(Uint8Array.of(0, 0, 0, 0), target, 2)
    expect([...target]).toEqual([0, 0, 7, 7])
  })
})
