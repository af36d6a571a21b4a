/** How to open a `StellaModel`: one model with everything that its calls share. Documented, checked once, and frozen. */
import { DEFAULT_MODEL } from '../../registry/index.js'
import { ModelRegistry } from '../../registry/model-registry.js'
import type { Lane } from '../scheduler/scheduler.js'
import { StellaError } from '../errors.js'
import { invalid, rejectUnknownKeys } from '../inference/options.js'
import { EmbeddingPool } from '../pool/embedding-pool.js'
import type { ModelReference } from '../pool/embedding-pool.js'
import type { PoolOptions } from '../pool/pool-options.js'
import type { NamedPrompts } from './prompt-types.js'
import { DEFAULT_PROMPT_TYPE, checkPrompts, promptOption } from './prompt-types.js'

const POOL_OPTIONS = [
  'device',
  'precision',
  'memory',
  'workers',
  'threads',
  'download',
  'home',
  'hub',
  'logger',
  'onDownload',
  'onConvert',
  'onWait',
] as const satisfies readonly (keyof PoolOptions)[]

/** Options of the pool that a model opens for itself. */
export type OwnPoolOptions = Pick<PoolOptions, (typeof POOL_OPTIONS)[number]>

/** How to open a model. */
export interface StellaModelOptions extends OwnPoolOptions {
  /** A key, an alias, or a descriptor. @default the small model of the package */
  readonly model?: ModelReference | undefined
  /** A checkpoint in the Hugging Face layout, instead of `model`. */
  readonly path?: string | undefined
  /**
   * Texts that `encodeTexts` has under way at once, 1 to 4096; 8 to 48 suit most machines. It bounds what waits in the
   * pool and is no size of runs: those are made by tokens, over all calls.
   * @default 16
   */
  readonly batchSize?: number | undefined
  /**
   * Longest text in tokens, prompt and special tokens included; memory is reserved for it. 256 to 2048 is recommended, the
   * model's limit accepted.
   * @default the model's `tokens.recommended`
   */
  readonly maxLength?: number | undefined
  /** Size of the vectors: any head of the model. @default the model's `defaultDimensions` */
  readonly embeddingDimension?: number | undefined
  /** Scale each vector to length 1. @default true */
  readonly normalizeEmbeddings?: boolean | undefined
  /** A task of the model, such as `s2s` or `s2p`, or the name of one of `prompts`. @default 's2s' */
  readonly promptType?: string | undefined
  /** Prompts of your own by name, word for word. One that is named like a task goes before it. @default none */
  readonly prompts?: NamedPrompts | undefined
  /**
   * A pool to run on, which stays open when the model is closed. Its own options say how it runs: none of them may be
   * given beside it.
   * @default one of the model's own
   */
  readonly pool?: EmbeddingPool | undefined
  /** Where `model` is looked up. @default the registry of `registerModel` */
  readonly registry?: PoolOptions['registry']
  /** Gives up opening, a download or conversion included; rejects with ABORTED. Without effect on an open model. */
  readonly signal?: AbortSignal | undefined
}

/** What one call may do otherwise. */
export interface EncodeOptions {
  /** A task, or the name of a prompt of the model's `prompts`. @default as the model was opened */
  readonly promptType?: string | undefined
  /** Size of the vectors. @default as the model was opened */
  readonly embeddingDimension?: number | undefined
  /** Scale each vector to length 1. @default as the model was opened */
  readonly normalizeEmbeddings?: boolean | undefined
  /** At most that of the model's pool. @default as the model was opened */
  readonly maxLength?: number | undefined
  /** Who goes first in the pool. @default 'bulk' for many texts, 'interactive' for two */
  readonly lane?: Lane | undefined
  /** Gives up on the result; rejects with ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** Called as texts are done. */
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined
}

/** Checked options with defaults filled in. */
export interface ResolvedModelOptions {
  readonly model: ModelReference
  readonly path: string | undefined
  readonly batchSize: number
  readonly maxLength: number | undefined
  readonly embeddingDimension: number | undefined
  readonly normalizeEmbeddings: boolean
  readonly promptType: string
  readonly prompts: NamedPrompts
  readonly registry: PoolOptions['registry']
  readonly signal: AbortSignal | undefined
  /** The pool to run on, or how to open one. */
  readonly pool: EmbeddingPool | OwnPoolOptions
}

/** Options of {@link EncodeOptions}. */
export const ENCODE_OPTIONS = [
  'promptType',
  'embeddingDimension',
  'normalizeEmbeddings',
  'maxLength',
  'lane',
  'signal',
  'onProgress',
] as const satisfies readonly (keyof EncodeOptions)[]

/** Options of a call that compares two texts: there is no progress to tell. */
export const COMPARE_OPTIONS = ENCODE_OPTIONS.filter((name) => name !== 'onProgress')

/** As in the Python module whose options these are. In texts. */
export const DEFAULT_BATCH_SIZE = 16

/** What a stream of the pool takes. In texts. */
export const MAX_BATCH_SIZE = 4096

const MODEL_OPTIONS = [
  'model',
  'path',
  'batchSize',
  'maxLength',
  'embeddingDimension',
  'normalizeEmbeddings',
  'promptType',
  'prompts',
  'pool',
  'registry',
  'signal',
] as const satisfies readonly (keyof StellaModelOptions)[]

/**
 * Checks what does not take the descriptor; the pool checks the rest before it loads anything.
 *
 * @throws {StellaError} OPTION_INVALID, TASK_UNKNOWN
 */
export function resolveModelOptions(options: StellaModelOptions): ResolvedModelOptions {
  rejectUnknownKeys(options, [...MODEL_OPTIONS, ...POOL_OPTIONS])
  const { model, path, pool, registry, batchSize = DEFAULT_BATCH_SIZE, normalizeEmbeddings = true, ...others } = options
  const { promptType = DEFAULT_PROMPT_TYPE, maxLength, embeddingDimension, prompts: given, signal, ...own } = others
  if (model !== undefined && path !== undefined) throw invalid('path', 'absent where `model` is given', path)
  if (path !== undefined && (typeof path !== 'string' || path === '')) throw invalid('path', 'a folder', path)
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > MAX_BATCH_SIZE) {
    throw invalid('batchSize', `an integer from 1 to ${MAX_BATCH_SIZE} (8 to 48 suit most machines)`, batchSize)
  }
  checkNormalize(normalizeEmbeddings)
  if (registry !== undefined && !(registry instanceof ModelRegistry)) {
    throw invalid('registry', 'a ModelRegistry', registry)
  }
  const prompts = checkPrompts(given)
  promptOption(promptType, prompts)
  return Object.freeze({
    // Null is no model; `findModel` refuses it.
    model: model === undefined ? DEFAULT_MODEL : model,
    path,
    batchSize,
    maxLength,
    embeddingDimension,
    normalizeEmbeddings,
    promptType,
    prompts,
    registry,
    signal,
    pool: pool === undefined ? own : checkPool(pool, own),
  })
}

/**
 * Checks what the pool does not: names and what it knows by another name.
 *
 * @param known - Of {@link ENCODE_OPTIONS}.
 * @throws {StellaError} OPTION_INVALID
 */
export function checkEncodeOptions(options: EncodeOptions, known: readonly (keyof EncodeOptions)[]): void {
  rejectUnknownKeys(options, known)
  const { normalizeEmbeddings, onProgress } = options
  if (normalizeEmbeddings !== undefined) checkNormalize(normalizeEmbeddings)
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid('onProgress', 'a function', onProgress)
  }
}

function checkNormalize(given: unknown): void {
  if (typeof given !== 'boolean') throw invalid('normalizeEmbeddings', 'true or false', given)
}

function checkPool(pool: unknown, own: OwnPoolOptions): EmbeddingPool {
  if (!(pool instanceof EmbeddingPool)) throw invalid('pool', 'an EmbeddingPool', pool)
  const surplus = POOL_OPTIONS.filter((name) => own[name] !== undefined)
  if (surplus.length === 0) return pool
  throw new StellaError(
    'OPTION_INVALID',
    `A pool that is there runs as it was opened; leave out ${surplus.join(', ')}, or give them to \`EmbeddingPool.open\``,
    { details: { options: surplus } },
  )
}
