/**
 * Compares one pair at a time with a model, and tells failures of the pair from those of everything else. Comes again
 * where the pool is full. Knows neither where pairs come from nor in what order results are wanted.
 */
import { StellaError, isStellaError } from '../errors.js'
import { abortedError, throwIfAborted } from '../files/cancellation.js'
import type { TextSimilarity } from '../model/text-similarity.js'
import { isOfOneText } from '../pool/stream-delivery.js'
import { show } from '../show.js'
import type { EvaluationMeter } from './evaluation-meter.js'
import type { EvaluationResult, TextPair } from './evaluation-result.js'
import type { SimilarityModel, SimilarityOptions } from './similarity-model.js'
import type { ParsedPair } from './text-pair.js'
import { failedResult } from './text-pair.js'

/** What became of a pair. */
export type PairOutcome =
  | { readonly kind: 'result'; readonly result: EvaluationResult }
  /** The next pair would fail of it, too. */
  | { readonly kind: 'fatal'; readonly error: unknown }

/** Shortest wait after an OVERLOADED, whatever it says, in milliseconds: the pool has others to answer. */
const MIN_RETRY_MS = 10

/** Longest wait after an OVERLOADED, whatever it says, in milliseconds: there may be room sooner. */
const MAX_RETRY_MS = 60_000

/** How long a pair waits for room in all, in milliseconds: ten minutes of a pool that takes in nothing. */
export const MAX_OVERLOADED_MS = 600_000

const WHAT = 'evaluating pairs of texts'

/** What a pair evaluator works with. */
export interface PairEvaluatorParts {
  readonly model: SimilarityModel
  readonly meter: EvaluationMeter
  readonly options: Omit<SimilarityOptions, 'signal'>
  readonly signal: AbortSignal
}

/** See the head of this file. */
export class PairEvaluator {
  readonly #parts: PairEvaluatorParts
  #waiting = 0

  constructor(parts: PairEvaluatorParts) {
    this.#parts = parts
  }

  /** Whether a pair waits for room in the pool, which a new one would take from it. */
  get isWaiting(): boolean {
    return this.#waiting > 0
  }

  /** Compares a pair; never rejects. A pair that was given up is `fatal`, and not counted. */
  async evaluate(parsed: ParsedPair): Promise<PairOutcome> {
    const { meter } = this.#parts
    try {
      const result = parsed.ok ? await meter.measure(() => this.#compare(parsed.pair)) : parsed.result
      meter.add(result)
      return { kind: 'result', result }
    } catch (error) {
      return { kind: 'fatal', error }
    }
  }

  /** @throws what is not the pair's own. */
  async #compare(pair: TextPair): Promise<EvaluationResult> {
    const { signal } = this.#parts
    let waitedMs = 0
    for (;;) {
      try {
        return await this.#ask(pair)
      } catch (error) {
        // A caller's reason may look like a failure of the pair.
        if (signal.aborted) throw abortedError(signal, WHAT)
        if (!isStellaError(error)) throw error
        if (isOfOneText(error.code)) return failedResult(pair, withSide(error))
        if (error.code !== 'OVERLOADED') throw error
        const { retryAfterMs } = error.details
        // There is no time after which a pair that is larger than an empty queue would fit in. The next one may.
        if (typeof retryAfterMs !== 'number') return failedResult(pair, error)
        if (waitedMs >= MAX_OVERLOADED_MS) throw error
        waitedMs += await this.#wait(retryAfterMs, MAX_OVERLOADED_MS - waitedMs)
      }
    }
  }

  async #ask(pair: TextPair): Promise<EvaluationResult> {
    const { model, options, signal } = this.#parts
    const { id, groundTruth, prediction } = pair
    const similarity = await model.computeSimilarity(groundTruth, prediction, { ...options, signal })
    checkSimilarity(similarity)
    return {
      id,
      groundTruthText: groundTruth,
      predictionText: prediction,
      similarityScore: similarity,
      success: true,
    }
  }

  /** Waits, and gives for how long. */
  async #wait(asked: number, left: number): Promise<number> {
    const { meter, signal } = this.#parts
    const wanted = Number.isNaN(asked) ? MIN_RETRY_MS : Math.min(Math.max(asked, MIN_RETRY_MS), MAX_RETRY_MS)
    const waitMs = Math.min(wanted, left)
    meter.waited()
    this.#waiting++
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, waitMs)
      signal.addEventListener('abort', wake)
    })
    this.#waiting--
    throwIfAborted(signal, WHAT)
    return waitMs
  }
}

/**
 * Insists on a score: NaN would go on into means and pictures.
 *
 * @throws {StellaError} INTERNAL
 */
function checkSimilarity({ cosineSimilarity, normalizedCosine }: TextSimilarity): void {
  if (Math.abs(cosineSimilarity) <= 1 && normalizedCosine >= 0 && normalizedCosine <= 1) return
  throw new StellaError(
    'INTERNAL',
    `The model gave no score: a cosine of ${show(cosineSimilarity)}, normalized ${show(normalizedCosine)}`,
  )
}

/** The error, and which of the two texts it is about, where it says so. */
function withSide(error: StellaError): StellaError {
  const { index } = error.details
  if (index !== 0 && index !== 1) return error
  const text = index === 0 ? 'groundTruth' : 'prediction'
  return new StellaError(error.code, error.message, { cause: error, details: { ...error.details, text } })
}
