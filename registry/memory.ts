/** What a model costs in memory, from its shape alone: known before anything is loaded. */
import type { StellaModelInfo } from './types.js'

/** Bytes of a float32. */
const FLOAT = 4

/** Precisions that weights are stored in. */
export type WeightPrecision = 'fp32' | 'int8' | 'int4'

/** Bytes of one parameter, by precision. */
interface WeightBytes {
  /** Of the embedding table: float32, float16, or int8 with a scale for each row. */
  readonly table: number
  /**
   * Of the layers: one byte, or half a byte with a float32 for each 32 inputs. The hundredths are what stays float32
   * (norms, biases, scales of rows): 404.8 MB for the 402.9 million parameters of the 400M.
   */
  readonly layers: number
  /** Of the form that the engine's kernels want, over the stored one. */
  readonly packed: number
}

const WEIGHT_BYTES: Readonly<Record<WeightPrecision, WeightBytes>> = {
  fp32: { table: 4, layers: 4, packed: 1 },
  int8: { table: 2, layers: 1.01, packed: 1 },
  int4: { table: 1.01, layers: 0.64, packed: 1.3 },
}

/**
 * Weights below this size are not shared, in bytes: a copy of them is about what a worker takes without them, a session
 * packs them in a tenth of a second, and the first load is spared a process of a second or more.
 */
export const MIN_SHARED_BYTES = 64e6

/**
 * A worker thread before its model, in bytes: V8 isolate, engine, tokenless session, and what the allocator keeps of the
 * matrices that a load packs and throws away. An allowance: `bench/memory.ts` holds the sum of all parts against what
 * is measured.
 */
export const WORKER_BASE_BYTES = 90e6

/** What a worker is to be ready for. */
export interface MemoryShape {
  readonly workers: number
  /** Tokens of the largest run: the longest text, or a full run of short ones. */
  readonly runTokens: number
  /** Heads that will be used. */
  readonly dimensions: readonly number[]
  /** @default 'fp32' */
  readonly precision?: WeightPrecision | undefined
  /**
   * `shared`: all workers map one copy of the packed weights. `own`: each holds one.
   * @default 'shared' from {@link MIN_SHARED_BYTES} on, as a pool does where nothing hinders it
   */
  readonly weights?: 'shared' | 'own' | undefined
  /**
   * Size of the artefact's weights, in bytes, embedding table included: those of a quantised model depend on the schemes
   * that conversion chose.
   * @default what the precision comes to
   */
  readonly storedBytes?: number | undefined
}

/** Bytes by part. */
export interface MemoryEstimate {
  /** Once for all workers, and processes: the embedding table, and packed weights that are shared. */
  readonly shared: number
  /** Of one worker: heads, and packed weights that are its own. */
  readonly weights: number
  /** Activations of the largest run of one worker. */
  readonly scratch: number
  /** Thread, isolate and engine of one worker. */
  readonly base: number
  /** `shared + workers × (weights + scratch + base)` */
  readonly total: number
}

/**
 * Estimates what `workers` workers of `info` hold.
 *
 * @param shape - Default: one worker, texts of the recommended length, the default head, in fp32.
 *
 * - The embedding table is mapped, and charged whole, though only rows that were used become resident.
 * - Heads are float32, and each worker packs its own.
 * - scratch: the most that lives at once in a layer, for each token: the residual stream and the norm's output
 *   (2 hidden), and either q, k, v with their rotated and padded copies (8 attended) or the halves of the MLP with the
 *   activation and the product (4 intermediate); in int8 two roundings of the product on top, a byte each. The engine's
 *   arena keeps more than lives at once ({@link ARENA_FACTOR}).
 *   Scores of the padded path are bounded: a run has at most 1,024 places, each with fewer than 512 keys.
 */
export function estimateMemory(info: StellaModelInfo, shape: MemoryShape = defaultShape(info)): MemoryEstimate {
  const { precision = 'fp32' } = shape
  const bytes = WEIGHT_BYTES[precision]
  const table = info.parameters.embedding * bytes.table
  const stored = shape.storedBytes ?? table + info.parameters.layers * bytes.layers
  const packed = Math.max(0, stored - table) * bytes.packed
  const isShared = shape.weights === undefined ? stored >= MIN_SHARED_BYTES : shape.weights === 'shared'
  const shared = table + (isShared ? packed : 0)
  const weights = headBytes(info, shape.dimensions) + (isShared ? 0 : packed)
  const scratch = scratchBytes(info, shape.runTokens, precision)
  const total = shared + shape.workers * (weights + scratch + WORKER_BASE_BYTES)
  return { shared, weights, scratch, base: WORKER_BASE_BYTES, total }
}

/** Longest text whose attention scores are held whole; longer ones take the flash path. */
export const PADDED_TOKENS = 512

/** Most places, `texts × longest`, of a padded run. */
export const PADDED_PLACES = 1024

/**
 * What the arena keeps resident, over what lives at once. It grows in powers of two and is touched where it is used:
 * 1.2 to 1.45 were measured for texts of 8,192 tokens, more for short runs, where scores come and go between tokens.
 */
const ARENA_FACTOR = { tokens: 1.5, scores: 2 } as const

function scratchBytes({ architecture }: StellaModelInfo, runTokens: number, precision: WeightPrecision): number {
  const { hidden, heads, headDim, intermediate } = architecture
  const codes = precision === 'int8' ? 2 * intermediate : 0
  const perToken = FLOAT * (2 * hidden + Math.max(8 * heads * headDim, 4 * intermediate)) + codes
  const scores = FLOAT * heads * PADDED_PLACES * Math.min(runTokens, PADDED_TOKENS)
  return runTokens * perToken * ARENA_FACTOR.tokens + scores * ARENA_FACTOR.scores
}

function headBytes({ heads, parameters }: StellaModelInfo, dimensions: readonly number[]): number {
  const used = heads.map((head, index) => (dimensions.includes(head.dimensions) ? (parameters.heads[index] ?? 0) : 0))
  return FLOAT * used.reduce((sum, count) => sum + count, 0)
}

function defaultShape({ tokens, defaultDimensions }: StellaModelInfo): MemoryShape {
  return { workers: 1, runTokens: tokens.recommended, dimensions: [defaultDimensions] }
}
