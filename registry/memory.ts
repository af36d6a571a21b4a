/** What a model costs in memory, from its shape alone: known before anything is loaded. */
import type { StellaModelInfo } from './types.js'

/** Bytes of a float32. */
const FLOAT = 4

/**
 * A worker thread before its model: V8 isolate, engine, tokenless session. An allowance: `bench/memory.ts` holds the sum of all parts against what is measured.
 */
export const WORKER_BASE_BYTES = 60e6

/** What a worker is to be ready for. */
export interface MemoryShape {
  readonly workers: number
  /** Tokens of the largest run: the longest text, or a full run of short ones. */
  readonly runTokens: number
  /** Heads that will be used. */
  readonly dimensions: readonly number[]
}

/** Bytes by part. */
export interface MemoryEstimate {
  /** Embedding table: mapped from disk, one copy for all workers and processes. */
  readonly shared: number
  /** Packed weights of one worker, in fp32. */
  readonly weights: number
  /** Activations of the largest run of one worker. */
  readonly scratch: number
  /** Thread, isolate and engine of one worker. */
  readonly base: number
  /** `shared + workers × (weights + scratch + base)` */
  readonly total: number
}

/**
 * Estimates what `workers` workers of `info` hold, in fp32.
 *
 * @param shape - Default: one worker, texts of the recommended length, the default head.
 *
 * - weights: 4 bytes for each parameter of layers and heads; the engine packs a copy for each worker.
 * - scratch: the most that lives at once in a layer, for each token: the residual stream and the norm's output
 *   (2 hidden), and either q, k, v with their rotated and padded copies (8 attended) or the halves of the MLP with the
 *   activation and the product (4 intermediate). The arena that the engine keeps is up to twice that.
 *   Scores of the padded path are bounded: a run has at most 1,024 places, each with fewer than 512 keys.
 */
export function estimateMemory(info: StellaModelInfo, shape: MemoryShape = defaultShape(info)): MemoryEstimate {
  const { architecture, parameters, heads } = info
  const used = heads.reduce((sum, head, index) => {
    return shape.dimensions.includes(head.dimensions) ? sum + (parameters.heads[index] ?? 0) : sum
  }, 0)
  const attended = architecture.heads * architecture.headDim
  const perToken = 2 * architecture.hidden + Math.max(8 * attended, 4 * architecture.intermediate)
  const scores = architecture.heads * PADDED_PLACES * Math.min(shape.runTokens, PADDED_TOKENS)
  const shared = parameters.embedding * FLOAT
  const weights = (parameters.layers + used) * FLOAT
  const scratch = (shape.runTokens * perToken + scores) * FLOAT * ARENA_FACTOR
  const total = shared + shape.workers * (weights + scratch + WORKER_BASE_BYTES)
  return { shared, weights, scratch, base: WORKER_BASE_BYTES, total }
}

/** Longest text whose attention scores are held whole; longer ones take the flash path. */
export const PADDED_TOKENS = 512

/** Most places, `texts × longest`, of a padded run. */
export const PADDED_PLACES = 1024

/** The engine's arena grows in powers of two. */
const ARENA_FACTOR = 2

function defaultShape({ tokens, defaultDimensions }: StellaModelInfo): MemoryShape {
  return { workers: 1, runTokens: tokens.recommended, dimensions: [defaultDimensions] }
}
