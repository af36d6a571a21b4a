/** The options of an evaluator and of its calls: documented, checked once. Knows no stream and no state. */
import { StellaError } from '../errors.js'
import { invalid, rejectUnknownKeys } from '../inference/options.js'
import type { StellaModelOptions } from '../model/stella-model-options.js'
import { DEFAULT_BATCH_SIZE, resolveModelOptions } from '../model/stella-model-options.js'
import { isAbortSignal } from '../realm.js'
import type { SimilarityModel, SimilarityOptions } from './similarity-model.js'

/** A model that is open already. The evaluator does not close it. */
export interface OpenModelOptions {
  /** What compares the texts. */
  readonly model: SimilarityModel
}

/** What an evaluator compares with: how to open a model of its own, or one that is open. */
export type EvaluatorOptions = StellaModelOptions | OpenModelOptions

/** How a pair is evaluated. What is absent is as the model was opened. */
export type EvaluateOptions = SimilarityOptions

/** How far a batch has come. */
export interface EvaluationProgress {
  /** Pairs that have a result; those that failed included. */
  readonly done: number
  /** Pairs whose result has an error. */
  readonly failed: number
  /** How many there are, where `pairs` is an array; else undefined. */
  readonly total: number | undefined
}

/** How a batch of pairs is evaluated. */
export interface EvaluateBatchOptions extends EvaluateOptions {
  /** Who goes first in the pool. @default 'bulk' */
  readonly lane?: EvaluateOptions['lane']
  /** Results in the order of the pairs; else as they are done: none waits behind a slow one. @default true */
  readonly ordered?: boolean | undefined
  /**
   * How many pairs may be read that you have not been given the result of, 1 to 4096; all of them are at the model. No
   * pair beyond is read from the source.
   * @default 4 × `batchSize` of the model, 64 where it says none: of short pairs, one run and the next
   */
  readonly maxInFlight?: number | undefined
  /** Called after each pair, in the order in which they are done. What it throws ends the batch. */
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined
}

/** Where the model comes from. */
export type ModelSource =
  | { readonly kind: 'given'; readonly model: SimilarityModel }
  | { readonly kind: 'open'; readonly options: StellaModelOptions }

/** Checked options with defaults filled in. */
export interface ResolvedBatchOptions {
  /** Of each pair, still to be checked against the model. */
  readonly pair: Omit<SimilarityOptions, 'signal'>
  readonly signal: AbortSignal | undefined
  readonly ordered: boolean
  readonly maxInFlight: number
  readonly onProgress: ((progress: EvaluationProgress) => void) | undefined
}

const EVALUATE_OPTIONS = [
  'promptType',
  'embeddingDimension',
  'maxLength',
  'lane',
  'signal',
] as const satisfies readonly (keyof EvaluateOptions)[]

const BATCH_OPTIONS = [
  ...EVALUATE_OPTIONS,
  'ordered',
  'maxInFlight',
  'onProgress',
] as const satisfies readonly (keyof EvaluateBatchOptions)[]

/** As many calls at once as are of use to any pool. In pairs. */
export const MAX_IN_FLIGHT = 4096

/**
 * Pairs in flight for each text of the model's `batchSize`. A run takes `RUN_TOKENS`, which is a dozen pairs of sentences,
 * and while it is under way the next should be waiting: with the default of 16, 64 pairs.
 */
const PAIRS_PER_TEXT = 4

/**
 * Checks what needs no model.
 *
 * @throws {StellaError} OPTION_INVALID, TASK_UNKNOWN
 */
export function resolveEvaluatorOptions(options: EvaluatorOptions): {
  readonly source: ModelSource
  readonly batchSize: number
} {
  if (isOpenModel(options)) {
    const { model } = options
    const surplus = Object.keys(options).filter((name) => name !== 'model')
    if (surplus.length > 0) {
      throw new StellaError(
        'OPTION_INVALID',
        `A model that is open compares as it was opened; leave out ${surplus.join(', ')}, or give them to \`StellaModel.open\``,
        { details: { options: surplus } },
      )
    }
    const batchSize = checkCount('model.batchSize', model.batchSize ?? DEFAULT_BATCH_SIZE)
    return { source: { kind: 'given', model }, batchSize }
  }
  const { batchSize } = resolveModelOptions(options)
  return { source: { kind: 'open', options }, batchSize }
}

/** @throws {StellaError} OPTION_INVALID */
export function resolveEvaluateOptions(
  options: EvaluateOptions,
): Omit<ResolvedBatchOptions, 'ordered' | 'maxInFlight'> {
  rejectUnknownKeys(options, EVALUATE_OPTIONS)
  const { signal, ...pair } = options
  return { pair, signal: checkSignal(signal), onProgress: undefined }
}

/** @throws {StellaError} OPTION_INVALID */
export function resolveBatchOptions(options: EvaluateBatchOptions, batchSize: number): ResolvedBatchOptions {
  rejectUnknownKeys(options, BATCH_OPTIONS)
  const enough = Math.min(batchSize * PAIRS_PER_TEXT, MAX_IN_FLIGHT)
  const { ordered = true, maxInFlight = enough, onProgress, signal, lane = 'bulk', ...pair } = options
  if (typeof ordered !== 'boolean') throw invalid('ordered', 'true or false', ordered)
  checkCount('maxInFlight', maxInFlight)
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid('onProgress', 'a function', onProgress)
  }
  return { pair: { ...pair, lane }, signal: checkSignal(signal), ordered, maxInFlight, onProgress }
}

function isOpenModel(options: EvaluatorOptions): options is OpenModelOptions {
  const model: unknown = (options as Partial<EvaluatorOptions> | null | undefined)?.model
  if (typeof model !== 'object' || model === null) return false
  return typeof (model as Partial<SimilarityModel>).computeSimilarity === 'function'
}

function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || isAbortSignal(signal)) return signal
  throw invalid('signal', 'an AbortSignal', signal)
}

function checkCount(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_IN_FLIGHT) return value
  throw invalid(name, `an integer from 1 to ${MAX_IN_FLIGHT}`, value)
}
