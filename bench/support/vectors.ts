/**
 * Vectors that lie as embeddings do: around the middles of clusters, apart from these in a few common directions more than
 * in all others, each of length 1. Knows no model.
 */
import type { EmbeddingMatrix } from '../../src/vectors/matrix.js'

/** Vectors of a cluster, on average. */
const CLUSTER_ROWS = 100

/** Directions in which vectors of all clusters lie apart from their middles. */
const DIRECTIONS = 16

/** Standard deviation along these directions together, where that of the middles' numbers is 1. */
const SPREAD = 0.5

/** Standard deviation in every direction. */
const NOISE = 0.2

/** Numbers drawn once and read again from random places: drawing is slower than most of what is measured. */
const POOL = 1 << 20

/** The same vectors every time. */
export function clusteredVectors(rows: number, dimensions: number): EmbeddingMatrix {
  const random = generator(1)
  const pool = Float32Array.from({ length: POOL }, () => normal(random))
  const draw = (size: number): Float32Array => {
    const start = Math.floor(random() * (POOL - size))
    return pool.subarray(start, start + size)
  }
  const middles = Array.from({ length: Math.ceil(rows / CLUSTER_ROWS) }, () => draw(dimensions))
  const directions = Array.from({ length: DIRECTIONS }, () => draw(dimensions))
  const data = new Float32Array(rows * dimensions)
  for (let row = 0; row < rows; row++) {
    const vector = data.subarray(row * dimensions, (row + 1) * dimensions)
    vector.set(middles[Math.floor(random() * middles.length)] ?? pool)
    for (const direction of directions) addScaled(vector, direction, (SPREAD * normal(random)) / Math.sqrt(DIRECTIONS))
    addScaled(vector, draw(dimensions), NOISE)
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
    for (let d = 0; d < dimensions; d++) vector[d] = (vector[d] ?? 0) / length
  }
  return { data, rows, dimensions }
}

function addScaled(vector: Float32Array, other: Float32Array, scale: number): void {
  for (let d = 0; d < vector.length; d++) vector[d] = (vector[d] ?? 0) + scale * (other[d] ?? 0)
}

/**
 * Numbers from 0 to 1, the same every time: SplitMix with 32 bits (Steele, Lea and Flood, "Fast splittable pseudorandom
 * number generators").
 */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let word = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
    return ((word ^ (word >>> 15)) >>> 0) / 2 ** 32
  }
}

/** Box and Muller's normally distributed number. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
