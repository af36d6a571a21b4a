/**
 * The results of a batch as an async generator: what its consumer asks for, gets, and leaves behind. Reading and comparing
 * is `PairFeed`'s.
 */
import { abortedError } from '../files/cancellation.js'
import { withEitherSignal } from './either-signal.js'
import type { EvaluationResult } from './evaluation-result.js'
import type { EvaluationProgress, ResolvedBatchOptions } from './evaluator-options.js'
import type { PairEvaluator } from './pair-evaluator.js'
import type { Thrown } from './pair-feed.js'
import { PairFeed } from './pair-feed.js'
import type { PairSource } from './text-pair.js'

/** What a stream works between. */
export interface EvaluationStreamParts {
  readonly pairs: PairSource
  readonly options: ResolvedBatchOptions
  /** Makes what compares, with a signal that gives the pairs up. */
  readonly evaluatorOf: (signal: AbortSignal) => PairEvaluator
  /** Aborts when the evaluator is cleaned up. */
  readonly closing: AbortSignal
}

/**
 * See the head of this file. Nothing is read before the first `next()`. Unlike a generator function's, `return()` ends it
 * at once, also while a `next()` waits.
 */
export class EvaluationStream implements AsyncGenerator<EvaluationResult, void, void> {
  readonly #parts: EvaluationStreamParts
  readonly #feed: PairFeed
  readonly #results: AsyncGenerator<EvaluationResult, void, void>
  /** What ends the stream, whatever is still to be taken. */
  #interruption: Thrown | undefined
  #isOver = false
  #unfollow: () => void = () => undefined

  constructor(parts: EvaluationStreamParts) {
    const { pairs, options, evaluatorOf } = parts
    this.#parts = parts
    const onResult = (progress: EvaluationProgress): void => {
      try {
        options.onProgress?.(progress)
      } catch (error) {
        this.#interrupt(error)
      }
    }
    this.#feed = new PairFeed({ pairs, options, evaluatorOf, onResult })
    this.#results = this.#iterate()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<EvaluationResult, void>> {
    return this.#results.next()
  }

  /** Ends the stream: pairs under way are given up, and none is under way when this settles. */
  async return(value?: PromiseLike<void> | void): Promise<IteratorResult<EvaluationResult, void>> {
    const failure = await this.#end()
    const result = await this.#results.return(value)
    if (failure !== undefined) throw failure.error
    return result
  }

  /** Ends the stream as `return` does, and throws `error`. */
  async throw(error: unknown): Promise<IteratorResult<EvaluationResult, void>> {
    await this.#end()
    return this.#results.throw(error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  async *#iterate(): AsyncGenerator<EvaluationResult, void, void> {
    const followed = this.#follow()
    void this.#feed.run()
    try {
      for (;;) {
        const result = await this.#next()
        if (result === undefined) return
        yield result
      }
    } finally {
      // What the source throws as it ends concerns who left, and `return` tells that.
      await this.#end()
      await followed
    }
  }

  /** The next result, once it is there; undefined after the last. */
  async #next(): Promise<EvaluationResult | undefined> {
    for (;;) {
      if (this.#interruption !== undefined) throw this.#interruption.error
      if (this.#isOver) return undefined
      const outcome = this.#feed.take()
      if (outcome?.kind === 'fatal') throw outcome.error
      if (outcome !== undefined) return outcome.result
      const { end } = this.#feed
      if (end?.failure !== undefined) throw end.failure.error
      if (end !== undefined) return undefined
      await this.#feed.bell.heard()
    }
  }

  /** Heeds both signals until the stream ends. */
  #follow(): Promise<void> {
    const { options, closing } = this.#parts
    return withEitherSignal(options.signal, closing, async (signal) => {
      const abort = (): void => {
        this.#interrupt(abortedError(signal, 'evaluating pairs of texts'))
      }
      if (signal.aborted) {
        abort()
        return
      }
      signal.addEventListener('abort', abort)
      await new Promise<void>((resolve) => (this.#unfollow = resolve))
      signal.removeEventListener('abort', abort)
    })
  }

  #interrupt(error: unknown): void {
    if (this.#isOver) return
    this.#interruption = { error }
    void this.#end()
  }

  #end(): Promise<Thrown | undefined> {
    this.#isOver = true
    this.#unfollow()
    return this.#feed.stop()
  }
}
