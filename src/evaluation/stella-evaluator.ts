/**
 * How alike pairs of texts are: one pair, or as many as a source gives. Owns the model it opened; how pairs stream is
 * `EvaluationStream`'s, what becomes of one `PairEvaluator`'s.
 */
import { setMaxListeners } from 'node:events'

import { StellaError } from '../errors.js'
import { StellaModel } from '../model/stella-model.js'
import type { StellaModelOptions } from '../model/stella-model-options.js'
import { withEitherSignal } from './either-signal.js'
import type { EvaluatorStats } from './evaluation-meter.js'
import { EvaluationMeter } from './evaluation-meter.js'
import type { EvaluationResult } from './evaluation-result.js'
import { EvaluationStream } from './evaluation-stream.js'
import type { EvaluateBatchOptions, EvaluateOptions, EvaluatorOptions, ModelSource } from './evaluator-options.js'
import { resolveBatchOptions, resolveEvaluateOptions, resolveEvaluatorOptions } from './evaluator-options.js'
import { PairEvaluator } from './pair-evaluator.js'
import type { OpenedModel, SimilarityModel } from './similarity-model.js'
import type { PairSource } from './text-pair.js'
import { checkPairSource, parsePair } from './text-pair.js'

/** Opens a model; tests have their own. */
export type OpenModel = (options: StellaModelOptions) => Promise<OpenedModel>

/**
 * Evaluates pairs of texts by the similarity of their embeddings.
 *
 * A pair that fails is a result without a score and with an error, and fails alone: INPUT_INVALID, INPUT_TOO_LONG,
 * TIMEOUT, WORKER_LOST, INTERNAL, and OVERLOADED where the pair is larger than the whole queue. Of any other failure the
 * next pair would fail as well, so that it is thrown and ends a batch: POOL_CLOSED, ABORTED, BREAKER_OPEN,
 * MEMORY_EXHAUSTED, OPTION_INVALID, all of the model and its files, and whatever is no StellaError. A full pool
 * (OVERLOADED) is waited for, for ten minutes a pair.
 *
 * `initialize()` has to be called. It would be easy to load on first use, but loading may download gigabytes, take
 * minutes and fail of what is no fault of any pair: that belongs in a call of its own.
 *
 * ```ts
 * await using evaluator = new StellaEvaluator({ model: 'stella-nano' })
 * await evaluator.initialize()
 * const { similarityScore } = await evaluator.evaluateSingle('a cat sleeps', 'a cat is asleep', 'video-1')
 * ```
 */
export class StellaEvaluator {
  readonly #source: ModelSource
  readonly #batchSize: number
  readonly #open: OpenModel
  readonly #meter = new EvaluationMeter()
  readonly #closing = new AbortController()
  #initialising: Promise<void> | undefined
  #model: SimilarityModel | undefined
  /** The same, where it is ours to close. */
  #opened: OpenedModel | undefined
  #cleaned: Promise<void> | undefined

  /**
   * @param options - How to open a model, or `{ model }` that is open: the evaluator does not close that.
   * @param open - Opens the model. @default `StellaModel.open`
   * @throws {StellaError} OPTION_INVALID, TASK_UNKNOWN
   */
  constructor(options: EvaluatorOptions = {}, open: OpenModel = (given) => StellaModel.open(given)) {
    const { source, batchSize } = resolveEvaluatorOptions(options)
    this.#source = source
    this.#batchSize = batchSize
    this.#open = open
    setMaxListeners(0, this.#closing.signal)
  }

  /**
   * Loads the model. Calls at once, and later ones, load it once; after a failure the next call tries again.
   *
   * @throws {StellaError} as `StellaModel.open`; POOL_CLOSED after `cleanup`, also where it was called meanwhile.
   */
  async initialize(): Promise<void> {
    if (this.#isClosing()) throw cleanedUp()
    this.#initialising ??= this.#initialize().catch((error: unknown) => {
      this.#initialising = undefined
      throw error
    })
    await this.#initialising
  }

  /**
   * Compares what was written with what should have been.
   *
   * @param id - Repeated in the result.
   * @returns a result also where the pair failed: `success` is false, and `error` says why.
   * @throws {StellaError} what is no failure of the pair, see the class; MODEL_NOT_LOADED before `initialize`,
   * POOL_CLOSED after `cleanup`.
   */
  async evaluateSingle(
    groundTruth: string,
    prediction: string,
    id: string,
    options: EvaluateOptions = {},
  ): Promise<EvaluationResult> {
    const model = this.#ready('evaluateSingle')
    const { pair, signal: callers } = resolveEvaluateOptions(options)
    const outcome = await withEitherSignal(callers, this.#closing.signal, (signal) => {
      return new PairEvaluator({ model, meter: this.#meter, options: pair, signal }).evaluate(
        parsePair({ id, groundTruth, prediction }),
      )
    })
    if (outcome.kind === 'fatal') throw outcome.error
    return outcome.result
  }

  /**
   * Compares the pairs of a source as their results are asked for, several at once. Every pair has one result. Nothing is
   * read before the first is asked for, and never more than `maxInFlight` pairs beyond those that you were given.
   *
   * It throws, after the results of all pairs before it, what is no failure of a pair (see the class), and what the source
   * throws, unchanged; ABORTED at once. Leaving the loop gives up the pairs under way and ends the source.
   *
   * @throws {StellaError} at once: OPTION_INVALID; INPUT_INVALID where `pairs` cannot be iterated; MODEL_NOT_LOADED before
   * `initialize`, POOL_CLOSED after `cleanup`.
   */
  evaluateBatch(pairs: PairSource, options: EvaluateBatchOptions = {}): AsyncGenerator<EvaluationResult, void, void> {
    const model = this.#ready('evaluateBatch')
    const resolved = resolveBatchOptions(options, this.#batchSize)
    checkPairSource(pairs)
    return new EvaluationStream({
      pairs,
      options: resolved,
      evaluatorOf: (signal) => new PairEvaluator({ model, meter: this.#meter, options: resolved.pair, signal }),
      closing: this.#closing.signal,
    })
  }

  /** What has been done so far; also after `cleanup`. */
  getStats(): EvaluatorStats {
    return this.#meter.stats()
  }

  /**
   * Gives up what is under way with POOL_CLOSED, an `initialize` included, and closes the model, unless it was given. For
   * good, and idempotent.
   */
  cleanup(): Promise<void> {
    this.#cleaned ??= this.#cleanup()
    return this.#cleaned
  }

  /** As {@link StellaEvaluator.cleanup}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cleanup()
  }

  async #initialize(): Promise<void> {
    if (this.#source.kind === 'given') {
      this.#model = this.#source.model
      return
    }
    const { options } = this.#source
    let model: OpenedModel
    try {
      model = await withEitherSignal(options.signal, this.#closing.signal, (signal) =>
        this.#open({ ...options, signal }),
      )
    } catch (error) {
      throw this.#isClosing() ? cleanedUp() : error
    }
    if (this.#isClosing()) {
      await model.close()
      throw cleanedUp()
    }
    this.#opened = model
    this.#model = model
  }

  async #cleanup(): Promise<void> {
    this.#closing.abort(cleanedUp())
    await Promise.allSettled([this.#initialising, this.#meter.idle()])
    await this.#opened?.close()
  }

  /** A method, as it changes while others are awaited. */
  #isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  #ready(method: string): SimilarityModel {
    if (this.#isClosing()) throw cleanedUp()
    if (this.#model !== undefined) return this.#model
    const remedy =
      this.#initialising === undefined
        ? `Load the model first: \`await evaluator.initialize()\`, then \`${method}\``
        : `\`initialize()\` is still loading the model; await it before \`${method}\``
    throw new StellaError('MODEL_NOT_LOADED', remedy)
  }
}

function cleanedUp(): StellaError {
  return new StellaError('POOL_CLOSED', 'This evaluator was cleaned up; make a new StellaEvaluator')
}
