/**
 * How well one set of vectors agrees with another of the same texts. Knows numbers only: no model, no file, and no
 * opinion on what is good enough, which `fidelity-bars.ts` has.
 */
import { StellaError } from '../errors.js'

/** Agreement of a candidate's vectors with the reference's. */
export interface FidelityFigures {
  readonly texts: number
  /** Lowest cosine of a text's two vectors. */
  readonly minCosine: number
  readonly meanCosine: number
  /**
   * Mean share of a text's nearest {@link NEIGHBOURS} others that are the same in both; 1 where there are no more
   * texts than that to choose from.
   */
  readonly topTenOverlap: number
  /** Place of the text with the lowest cosine; the first of several. */
  readonly worstText: number
}

/** Nearest texts compared: a page of search results. */
export const NEIGHBOURS = 10

/** Unit rows in float64, and which of them are none. */
interface UnitRows {
  /** `[texts, size]` */
  readonly rows: Float64Array
  readonly state: readonly ('unit' | 'zero' | 'not finite')[]
}

/**
 * Compares two slabs `[texts, size]`, row by row and neighbourhood by neighbourhood, in float64.
 *
 * A vector with a number that is not finite agrees with nothing: its cosine is -1. One of zeros has no direction: its
 * cosine is 0. Either keeps no neighbour, even if both slabs are so: what is broken in the reference too shows nothing.
 * Equally near texts are taken in their order, so that equal texts do not tell two equal slabs apart.
 *
 * @param reference - Need not be normalised.
 * @param texts - Rows of both; at least 2.
 * @throws {StellaError} INPUT_INVALID when the slabs are not of so many rows of one size.
 */
export function measureFidelity(reference: Float32Array, candidate: Float32Array, texts: number): FidelityFigures {
  const size = reference.length / texts
  if (!Number.isInteger(texts) || texts < 2 || !Number.isInteger(size) || size < 1) {
    throw refused(`${reference.length} numbers are no ${texts} vectors; expected at least 2 of one size`)
  }
  if (candidate.length !== reference.length) {
    throw refused(`the reference has ${reference.length} numbers, the candidate ${candidate.length}`)
  }
  const a = unitRows(reference, texts, size)
  const b = unitRows(candidate, texts, size)
  const neighbours = Math.min(NEIGHBOURS, texts - 1)
  let cosines = 0
  let overlap = 0
  let minCosine = Number.POSITIVE_INFINITY
  let worstText = 0
  for (let text = 0; text < texts; text++) {
    const cosine = cosineOf(a, text, b, text, size)
    cosines += cosine
    if (cosine < minCosine) {
      minCosine = cosine
      worstText = text
    }
    if (a.state[text] !== 'unit' || b.state[text] !== 'unit') continue
    const near = new Set(nearest(a, text, neighbours, size))
    overlap += nearest(b, text, neighbours, size).filter((other) => near.has(other)).length / neighbours
  }
  return { texts, minCosine, meanCosine: cosines / texts, topTenOverlap: overlap / texts, worstText }
}

function unitRows(slab: Float32Array, texts: number, size: number): UnitRows {
  const rows = Float64Array.from(slab)
  const state = Array.from({ length: texts }, (_, text) => {
    const row = rows.subarray(text * size, (text + 1) * size)
    // Squares of float32 numbers neither overflow nor vanish in float64.
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
    if (!Number.isFinite(length)) return 'not finite'
    if (length === 0) return 'zero'
    for (let i = 0; i < size; i++) row[i] = (row[i] ?? 0) / length
    return 'unit'
  })
  return { rows, state }
}

function cosineOf(a: UnitRows, rowA: number, b: UnitRows, rowB: number, size: number): number {
  const states = [a.state[rowA], b.state[rowB]]
  if (states.includes('not finite')) return -1
  if (states.includes('zero')) return 0
  let sum = 0
  for (let i = 0; i < size; i++) sum += (a.rows[rowA * size + i] ?? 0) * (b.rows[rowB * size + i] ?? 0)
  // Rounding can put equal vectors a last digit beyond 1.
  return Math.min(1, Math.max(-1, sum))
}

/** The `count` rows nearest to `text`, itself left out. */
function nearest(vectors: UnitRows, text: number, count: number, size: number): readonly number[] {
  const others = vectors.state.flatMap((_, other) => {
    return other === text ? [] : [{ other, cosine: cosineOf(vectors, text, vectors, other, size) }]
  })
  others.sort((a, b) => b.cosine - a.cosine || a.other - b.other)
  return others.slice(0, count).map(({ other }) => other)
}

function refused(problem: string): StellaError {
  return new StellaError('INPUT_INVALID', `Fidelity is measured on two slabs of the same shape: ${problem}`)
}
