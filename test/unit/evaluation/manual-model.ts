/** Models and sources of pairs that do what a test tells them, when it tells them. */
import type { StellaErrorCode } from '../../../src/errors.js'
import { StellaError } from '../../../src/errors.js'
import type { EvaluationResult, TextPair } from '../../../src/evaluation/evaluation-result.js'
import type { SimilarityModel, SimilarityOptions } from '../../../src/evaluation/similarity-model.js'
import type { TextSimilarity } from '../../../src/model/text-similarity.js'

/** Of a normalized cosine. */
export function similarity(score: number, metadata: Partial<TextSimilarity['metadata']> = {}): TextSimilarity {
  return {
    cosineSimilarity: score * 2 - 1,
    normalizedCosine: score,
    metadata: {
      ...{ model: 'manual', promptType: 's2s', embeddingDimension: 8, maxLength: 512 },
      ...{ tokens: [3, 4] as const, truncated: [false, false] as const, elapsedMs: 1, ...metadata },
    },
  }
}

export function pair(number: number): TextPair {
  return { id: `p${number}`, groundTruth: `g${number}`, prediction: `t${number}` }
}

export function pairsOf(count: number): TextPair[] {
  return Array.from({ length: count }, (_, number) => pair(number))
}

/** The number in `g17`. */
export function numberOf(text: string): number {
  return Number(text.slice(1))
}

/** A score that says which pair it is of. */
export function scoreFor(number: number): number {
  return (number % 1000) / 1000
}

export function succeeded(
  score: number,
  id = 'p',
  metadata: Partial<TextSimilarity['metadata']> = {},
): EvaluationResult {
  return {
    ...{ id, groundTruthText: 'g', predictionText: 't' },
    similarityScore: similarity(score, metadata),
    success: true,
  }
}

export function failed(code: StellaErrorCode, id = 'p'): EvaluationResult {
  return {
    ...{ id, groundTruthText: 'g', predictionText: 't', similarityScore: null, success: false },
    error: new StellaError(code, 'it failed').toProblemDetails(),
  }
}

/** Full, with a wait unless told otherwise. */
export function overloaded(retryAfterMs: number | undefined = 50): StellaError {
  return new StellaError('OVERLOADED', 'full', { details: { retryAfterMs } })
}

/** One comparison that a {@link ManualModel} has not answered. */
export interface OpenComparison {
  readonly number: number
  readonly options: SimilarityOptions
  readonly answer: (similarity?: TextSimilarity) => void
  readonly fail: (error: unknown) => void
}

/** A model that answers when it is told to, and rejects when it is aborted. */
export class ManualModel implements SimilarityModel {
  /** Comparisons that wait for an answer, oldest first. */
  readonly open: OpenComparison[] = []
  /** Numbers of the pairs it was asked for. */
  readonly asked: number[] = []
  mostOpen = 0
  closed = 0

  computeSimilarity(a: string, _b: string, options: SimilarityOptions = {}): Promise<TextSimilarity> {
    const number = numberOf(a)
    this.asked.push(number)
    return new Promise((resolve, reject) => {
      const close = (): void => {
        options.signal?.removeEventListener('abort', abort)
        this.open.splice(this.open.indexOf(comparison), 1)
      }
      const abort = (): void => {
        close()
        const reason: unknown = options.signal?.reason
        reject(reason instanceof Error ? reason : new Error('aborted without an error'))
      }
      const comparison: OpenComparison = {
        number,
        options,
        answer: (given = similarity(scoreFor(number))) => {
          close()
          resolve(given)
        },
        fail: (error) => {
          close()
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- models of others throw anything
          reject(error)
        },
      }
      this.open.push(comparison)
      this.mostOpen = Math.max(this.mostOpen, this.open.length)
      options.signal?.addEventListener('abort', abort)
    })
  }

  /** The open comparison of pair `number`. */
  of(number: number): OpenComparison {
    const found = this.open.find((comparison) => comparison.number === number)
    if (found === undefined) throw new Error(`pair ${number} is not being compared`)
    return found
  }

  close(): Promise<void> {
    this.closed++
    return Promise.resolve()
  }
}

/** A model that answers at once, but for pairs whose number has an error. */
export function instantModel(errors: ReadonlyMap<number, unknown> = new Map()): SimilarityModel {
  return {
    computeSimilarity: (a) => {
      const number = numberOf(a)
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- models of others throw anything
      return errors.has(number) ? Promise.reject(errors.get(number)) : Promise.resolve(similarity(scoreFor(number)))
    },
  }
}

/** A source that is always ready, and counts what was read of it. */
export class CountingPairs implements Iterable<TextPair> {
  read = 0
  begun = 0
  returned = 0
  readonly #pairs: readonly TextPair[]
  /** Thrown after the last pair. */
  readonly #failure: Error | undefined

  constructor(pairs: readonly TextPair[], failure?: Error) {
    this.#pairs = pairs
    this.#failure = failure
  }

  [Symbol.iterator](): Iterator<TextPair> {
    this.begun++
    return {
      next: () => {
        const value = this.#pairs[this.read]
        if (value === undefined) {
          if (this.#failure !== undefined) throw this.#failure
          return { done: true, value: undefined }
        }
        this.read++
        return { done: false, value }
      },
      return: () => {
        this.returned++
        return { done: true, value: undefined }
      },
    }
  }
}

/** A source that gives a pair when it is told to. */
export class ManualPairs implements AsyncIterable<TextPair> {
  given = 0
  returned = 0
  #waiting: { resolve: (result: IteratorResult<TextPair>) => void; reject: (error: unknown) => void } | undefined

  /** Whether somebody waits for a pair. */
  get wanted(): boolean {
    return this.#waiting !== undefined
  }

  give(value: TextPair): void {
    this.given++
    this.#take().resolve({ done: false, value })
  }

  end(): void {
    this.#take().resolve({ done: true, value: undefined })
  }

  fail(error: unknown): void {
    this.#take().reject(error)
  }

  [Symbol.asyncIterator](): AsyncIterator<TextPair> {
    return {
      next: () =>
        new Promise((resolve, reject) => {
          this.#waiting = { resolve, reject }
        }),
      return: () => {
        this.returned++
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }

  #take(): { resolve: (result: IteratorResult<TextPair>) => void; reject: (error: unknown) => void } {
    const waiting = this.#waiting
    if (waiting === undefined) throw new Error('nobody has asked')
    this.#waiting = undefined
    return waiting
  }
}
