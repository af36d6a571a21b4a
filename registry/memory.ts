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
 * What a process holds for a model beside its workers, in bytes: the engine's code and data (24 MB of them mapped), the
 * tokenizer's thread without its vocabulary, and what the main thread comes to hold. 45 to 58 MB were measured, of one
 * pool on one machine, as the collector went: so a little more.
 */
export const PROCESS_BASE_BYTES = 62e6

/** A tokenizer, for each token of its vocabulary, in bytes: WordPiece of 30,528 took 13 MB, BPE of 151,643 took 118 MB. */
const TOKEN_BYTES: Readonly<Record<StellaModelInfo['architecture']['kind'], number>> = { new: 440, qwen2: 780 }

/**
 * A worker thread before its model, in bytes: V8 isolate, engine, an empty session. With {@link WORKER_LAYER_BYTES} for
 * each layer it comes to 42 MB in a toy of two layers and 66 MB in the 400M; 39 and 50 to 65 were measured there.
 */
export const WORKER_BASE_BYTES = 40e6

/** A worker's nodes and kernels of a layer, and what the allocator keeps of the matrices that its load throws away. */
export const WORKER_LAYER_BYTES = 1.1e6

/** What a worker is to be ready for. */
export interface MemoryShape {
  /** Threads that each load the model. */
  readonly workers: number
  /** Tokens of the largest run: the longest text, or a full run of short ones. */
  readonly runTokens: number
  /** Heads that will be used. */
  readonly dimensions: readonly number[]
  /** Of the weights. @default 'fp32' */
  readonly precision?: WeightPrecision | undefined
  /**
   * `shared`: all workers map one copy of the packed weights. `own`: each holds one.
   * @default 'shared' from 64 MB of weights on, as a pool does where nothing hinders it
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
  /** Once for all workers of a process: engine and tokenizer. */
  readonly once: number
  /** Of one worker: heads, and packed weights that are its own. */
  readonly weights: number
  /** Activations of the largest run of one worker. */
  readonly scratch: number
  /** Thread, isolate and session of one worker. */
  readonly base: number
  /** `shared + once + workers × (weights + scratch + base)` */
  readonly total: number
}

/**
 * Estimates what `workers` workers of `info` hold.
 *
 * - The embedding table is mapped, and charged whole: the system maps 16 pages around each row that is used, so that a
 *   few thousand tokens bring most of it in.
 * - A pool of several models holds the engine once, and is charged for it with each.
 * - Heads are float32, and each worker packs its own.
 * - scratch: the most that lives at once in a layer, for each token: the residual stream and the norm's output
 *   (2 hidden), and either q, k, v with their rotated and padded copies (8 attended) or the halves of the MLP with the
 *   activation and the product (4 intermediate); in int8 two roundings of the product on top, a byte each, in int4 one
 *   with a scale for each block. The engine's arena keeps more than lives at once (`ARENA_FACTORS`).
 *   Scores, which grow with the square of the length, are bounded: a run has at most 1,024 places on the padded path,
 *   each with fewer than 512 keys, and longer texts take the flash path. The two add up: what was kept for scores is in
 *   pieces too small for a long text's activations.
 *
 * @param shape - What the workers are to be ready for. Without it: one worker, texts of the recommended length, the default
 * head, fp32.
 * @returns Bytes.
 */
export function estimateMemory(info: StellaModelInfo, shape: MemoryShape = defaultShape(info)): MemoryEstimate {
  const { precision = 'fp32' } = shape
  const { table, layers: layerBytes } = backboneBytes(info, precision)
  const stored = shape.storedBytes ?? table + layerBytes
  const packed = Math.max(0, stored - table) * WEIGHT_BYTES[precision].packed
  const isShared = shape.weights === undefined ? stored >= MIN_SHARED_BYTES : shape.weights === 'shared'
  const shared = table + (isShared ? packed : 0)
  const weights = headBytes(info, shape.dimensions) + (isShared ? 0 : packed)
  const scratch = scratchBytes(info, shape.runTokens, precision)
  const { kind, vocab, layers } = info.architecture
  const once = PROCESS_BASE_BYTES + vocab * TOKEN_BYTES[kind]
  const base = WORKER_BASE_BYTES + layers * WORKER_LAYER_BYTES
  const total = shared + once + shape.workers * (weights + scratch + base)
  return { shared, once, weights, scratch, base, total }
}

/** What a backbone comes to, in bytes: its embedding table, its layers on disk, and as the engine's kernels want them. */
export function backboneBytes(
  { parameters }: StellaModelInfo,
  precision: WeightPrecision,
): { readonly table: number; readonly layers: number; readonly packed: number } {
  const bytes = WEIGHT_BYTES[precision]
  const layers = parameters.layers * bytes.layers
  return { table: parameters.embedding * bytes.table, layers, packed: layers * bytes.packed }
}

/** Longest text whose attention scores are held whole; longer ones take the flash path. */
export const PADDED_TOKENS = 512

/** Most places, `texts × longest`, of a padded run. */
export const PADDED_PLACES = 1024

/**
 * What the arena keeps resident, over what lives at once. It grows in powers of two and is touched where it is used.
 * Measured on the 400M with texts of 8,192 tokens: 1.1 in fp32, 1.3 to 1.45 in int8, 1.25 in int4; with runs of 512
 * tokens up to 1.6 in int8, where it is 21 MB more than lives. `stella-nano` with four workers takes more in int4 than
 * in int8. Scores, at their worst with a text of 500 tokens beside one of 12: 1.5 in any.
 */
const ARENA_FACTORS: Readonly<Record<WeightPrecision, { readonly tokens: number; readonly scores: number }>> = {
  fp32: { tokens: 1.35, scores: 1.6 },
  int8: { tokens: 1.5, scores: 1.6 },
  int4: { tokens: 1.5, scores: 1.6 },
}

/** Roundings of activations that are held beside them, in bytes for each number of the MLP's width. */
const CODE_BYTES: Readonly<Record<WeightPrecision, number>> = { fp32: 0, int8: 2, int4: 1.25 }

function scratchBytes({ architecture }: StellaModelInfo, runTokens: number, precision: WeightPrecision): number {
  const { hidden, heads, headDim, intermediate } = architecture
  const widest = Math.max(8 * heads * headDim, 4 * intermediate)
  const perToken = FLOAT * (2 * hidden + widest) + CODE_BYTES[precision] * intermediate
  const scores = FLOAT * heads * PADDED_PLACES * Math.min(runTokens, PADDED_TOKENS)
  const factors = ARENA_FACTORS[precision]
  return runTokens * perToken * factors.tokens + scores * factors.scores
}

function headBytes({ heads, parameters }: StellaModelInfo, dimensions: readonly number[]): number {
  const used = heads.map((head, index) => (dimensions.includes(head.dimensions) ? (parameters.heads[index] ?? 0) : 0))
  return FLOAT * used.reduce((sum, count) => sum + count, 0)
}

function defaultShape({ tokens, defaultDimensions }: StellaModelInfo): MemoryShape {
  return { workers: 1, runTokens: tokens.recommended, dimensions: [defaultDimensions] }
}
