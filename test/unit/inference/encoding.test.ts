import { describe, expect, it } from 'vitest'

import { encodeEmbedding, encodedLength } from '../../../src/inference/encoding.js'

// Signs by hand: 1 0 0 1 0 1 1 0 = 0x96 = 150, then 0 1 1 1 1 1 1 1 = 0x7f = 127. Zero is not above zero.
const SIXTEEN = Float32Array.of(1, -1, 0, 0.5, -0, 1e-30, 2, -3, -1, 1, 1, 1, 1, 1, 1, 1)

describe('encodeEmbedding', () => {
  it('packs signs with the first dimension in the highest bit', () => {
    expect(encodeEmbedding(SIXTEEN, 'ubinary')).toEqual(Uint8Array.of(150, 127))
  })

  it('shifts binary by 128 into an int8', () => {
    expect(encodeEmbedding(SIXTEEN, 'binary')).toEqual(Int8Array.of(22, -1))
    expect(encodeEmbedding(new Float32Array(8), 'binary')).toEqual(Int8Array.of(-128))
    expect(encodeEmbedding(new Float32Array(8).fill(1), 'binary')).toEqual(Int8Array.of(127))
  })

  it('returns float32 as it is', () => {
    expect(encodeEmbedding(SIXTEEN, 'float32')).toBe(SIXTEEN)
  })

  it('refuses dimensions that leave a byte half filled', () => {
    expect(() => encodeEmbedding(new Float32Array(12), 'binary')).toThrow(/12 is no multiple of 8/)
    expect(() => encodedLength(12, 'ubinary')).toThrow(
      expect.objectContaining({ code: 'DIMENSIONS_UNSUPPORTED' }) as Error,
    )
    expect(encodedLength(12, 'float32')).toBe(12)
    expect(encodedLength(1024, 'binary')).toBe(128)
  })
})
