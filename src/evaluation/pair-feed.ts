/**
 * Reads the pairs of a batch as far ahead as it may, has them compared, and keeps their results until they are taken.
 * Order is `StreamWindow`'s, reading the source `StreamSource`'s, comparing `PairEvaluator`'s. Knows no consumer.
 */
import { setMaxListeners } from 'node:events'

import { StellaError } from '../errors.js'
import { StreamSource } from '../pool/stream-source.js'
import { StreamWindow } from '../pool/stream-window.js'
import { Bell } from './bell.js'
import type { EvaluationProgress, ResolvedBatchOptions } from './evaluator-options.js'
import type { PairEvaluator, PairOutcome } from './pair-evaluator.js'
import type { PairSource, ParsedPair } from './text-pair.js'
import { parsePair } from './text-pair.js'

/** What a feed works between. */
export interface PairFeedParts {
  readonly pairs: PairSource
  readonly options: ResolvedBatchOptions
  /** Makes what compares, with a signal that gives the pairs up. */
  readonly evaluatorOf: (signal: AbortSignal) => PairEvaluator
  /** Told of each result as it is there. May not throw. */
  readonly onResult: (progress: EvaluationProgress) => void
}

/** Something thrown, which may be anything. */
export interface Thrown {
  readonly error: unknown
}

interface Settled {
  readonly outcome: PairOutcome
  /** Of both texts. */
  readonly characters: number
}

/** Characters of the pairs that are held: 16 MB of memory. The pair that goes beyond is the last. */
export const MAX_CHARACTERS = 8_000_000

/** See the head of this file. */
export class PairFeed {
  /** Rings when there may be something to take, when all was read, and when the feed is stopped. */
  readonly bell = new Bell()
  readonly #parts: PairFeedParts
  readonly #window: StreamWindow<Settled>
  readonly #evaluator: PairEvaluator
  /** Gives up the pairs under way. */
  readonly #controller = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #source: StreamSource | undefined
  /** Of the pairs that were read and not taken: their results hold the texts, so that the window's own count is too low. */
  #characters = 0
  #done = 0
  #failed = 0
  #end: { readonly failure: Thrown | undefined } | undefined
  #stopped: Promise<Thrown | undefined> | undefined

  constructor(parts: PairFeedParts) {
    const { ordered, maxInFlight } = parts.options
    this.#parts = parts
    this.#window = new StreamWindow({ ordered, from: 0, maxTexts: maxInFlight, maxCharacters: Infinity })
    setMaxListeners(0, this.#controller.signal)
    this.#evaluator = parts.evaluatorOf(this.#controller.signal)
  }

  /** Set once all that was read was taken, and nothing more is read: with what the source threw, if it did. */
  get end(): { readonly failure: Thrown | undefined } | undefined {
    return this.#window.drained ? this.#end : undefined
  }

  /** What comes next, if it is there. */
  take(): PairOutcome | undefined {
    const ready = this.#window.take()
    if (ready === undefined) return undefined
    this.#characters -= ready.value.characters
    // There may be room for another.
    this.bell.ring()
    return ready.value.outcome
  }

  /** Reads until the source ends or the feed does. Never rejects. To be called once. */
  async run(): Promise<void> {
    let failure: Thrown | undefined
    try {
      await this.#read()
    } catch (error) {
      failure = { error }
    }
    this.#end ??= { failure }
    this.bell.ring()
  }

  /**
   * Gives up what is under way, and ends the source. Settles when no pair is under way, with what the source threw as it
   * was ended. Never rejects. Idempotent.
   */
  stop(): Promise<Thrown | undefined> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<Thrown | undefined> {
    this.#end ??= { failure: undefined }
    // Nobody has to hear of an end that ends nothing.
    if (this.#running.size > 0) this.#controller.abort(new StellaError('ABORTED', 'The batch of pairs has ended'))
    this.bell.ring()
    const [closed] = await Promise.allSettled([this.#source?.close(), ...this.#running])
    return closed.status === 'rejected' ? { error: closed.reason } : undefined
  }

  async #read(): Promise<void> {
    if (this.#hasEnded()) return
    const source = new StreamSource(this.#parts.pairs, () => undefined, 'pairs')
    this.#source = source
    while (!this.#hasEnded()) {
      if (!this.#mayRead()) {
        await this.bell.heard()
        continue
      }
      const item = await source.next()
      if (item.done || this.#hasEnded()) return
      this.#admit(parsePair(item.value, this.#window.nextIndex))
    }
  }

  #admit(parsed: ParsedPair): void {
    const characters = parsed.ok ? parsed.pair.groundTruth.length + parsed.pair.prediction.length : 0
    const index = this.#window.admit(0)
    this.#characters += characters
    const running = this.#evaluator.evaluate(parsed).then((outcome) => {
      this.#running.delete(running)
      this.#settle(index, { outcome, characters })
    })
    this.#running.add(running)
  }

  #settle(index: number, settled: Settled): void {
    if (this.#stopped !== undefined) return
    this.#window.settle(index, 0, settled)
    const { outcome } = settled
    // What comes after it would fail of the same.
    if (outcome.kind === 'fatal') this.#end ??= { failure: undefined }
    else this.#report(outcome.result.success)
    this.bell.ring()
  }

  #report(success: boolean): void {
    const { pairs, onResult } = this.#parts
    this.#done++
    if (!success) this.#failed++
    onResult({ done: this.#done, failed: this.#failed, total: Array.isArray(pairs) ? pairs.length : undefined })
  }

  /** A method, as it changes while others are awaited. */
  #hasEnded(): boolean {
    return this.#end !== undefined
  }

  #mayRead(): boolean {
    return this.#window.hasRoom && this.#characters < MAX_CHARACTERS && !this.#evaluator.isWaiting
  }
}
