/**
 * A few tokens and the vector that the backbone made of them where the artefact was made. Quantised arithmetic depends
 * on the processor: without VNNI, products of bytes are added up in 16 bits, which overflow. Whoever loads the artefact
 * elsewhere makes the vector again and sees.
 */

/** Tokens of a specimen, at most. */
export const SPECIMEN_TOKENS = 16

/** As a manifest holds it. */
export interface Specimen {
  readonly ids: readonly number[]
  /** float32 `[hidden]`, little-endian, in base64. */
  readonly pooled: string
}

/**
 * Least cosine of the two vectors. Processors that compute right differ by rounding only. What sums that overflow do was
 * not measured: every processor at hand has VNNI.
 */
export const MIN_SPECIMEN_COSINE = 0.999

/** @param pooled - float32 `[hidden]` */
export function encodeSpecimen(ids: Int32Array, pooled: Float32Array): Specimen {
  const bytes = Buffer.from(pooled.buffer, pooled.byteOffset, pooled.byteLength)
  return { ids: [...ids], pooled: bytes.toString('base64') }
}

/** The cosine of a vector with the specimen's; NaN when it has another size. */
export function specimenCosine({ pooled }: Specimen, vector: Float32Array): number {
  const bytes = Buffer.from(pooled, 'base64')
  if (bytes.byteLength !== vector.byteLength) return Number.NaN
  let dot = 0
  let made = 0
  let found = 0
  for (const [i, value] of vector.entries()) {
    const expected = bytes.readFloatLE(i * Float32Array.BYTES_PER_ELEMENT)
    dot += expected * value
    made += expected * expected
    found += value * value
  }
  return dot / Math.sqrt(made * found)
}
