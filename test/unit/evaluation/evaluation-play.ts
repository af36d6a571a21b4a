/** Plays a batch between a source, a model and a consumer that act in any order, and notes what is seen. */
import fc from 'fast-check'
import { vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { EvaluationResult, TextPair } from '../../../src/evaluation/evaluation-result.js'
import type { EvaluateBatchOptions } from '../../../src/evaluation/evaluator-options.js'
import { StellaEvaluator } from '../../../src/evaluation/stella-evaluator.js'
import { settle } from '../../support/streams.js'
import { CountingPairs, ManualModel, ManualPairs, overloaded, pair } from './manual-model.js'

/** What a pair is: compared, refused by the model, no pair, or the end of everything. */
export type Kind = 'good' | 'bad' | 'odd' | 'fatal'

/** What a batch is played with. */
export interface World {
  readonly kinds: readonly Kind[]
  readonly ordered: boolean
  readonly maxInFlight: number
  /** Always ready, or when its turn comes. */
  readonly source: 'ready' | 'slow'
  /** Whether the model is ever full. */
  readonly overloads: boolean
  /** Who acts next, and how. */
  readonly picks: Iterator<number>
}

/** When and how the consumer leaves. */
export interface Leave {
  /** Results that it takes before. */
  readonly after: number
  readonly how: 'return' | 'abort' | 'cleanup'
}

/** Any world; `fatal` says whether anything in it ends a batch. */
export function worlds({ fatal = false } = {}): fc.Arbitrary<World> {
  const kinds = fc.constantFrom<Kind>('good', 'good', 'good', 'good', 'good', 'bad', 'odd', fatal ? 'fatal' : 'good')
  return fc.record({
    kinds: fc.array(kinds, { maxLength: 40 }),
    ordered: fc.boolean(),
    maxInFlight: fc.integer({ min: 1, max: 12 }),
    source: fc.constantFrom<'ready' | 'slow'>('ready', 'slow'),
    overloads: fc.boolean(),
    picks: fc.infiniteStream(fc.nat()),
  })
}

/** The error of the pair that ends everything. */
export const FATAL = new StellaError('MODEL_LOAD_FAILED', 'no model')

/** One play. The test has replaced the timers, with `vi.useFakeTimers`. */
export class EvaluationPlay {
  readonly results: EvaluationResult[] = []
  readonly model = new ManualModel()
  readonly evaluator = new StellaEvaluator({ model: this.model })
  readonly controller = new AbortController()
  /** Pairs that were read beyond those that were taken, at most. */
  mostAhead = 0
  /** What the stream threw; undefined where it ended. */
  error: unknown
  readonly #world: World
  readonly #pairs: readonly TextPair[]
  readonly #slow = new ManualPairs()
  readonly #counting: CountingPairs
  readonly #sourceFails: Error | undefined
  readonly #options: EvaluateBatchOptions
  #asking = false
  #over = false

  constructor(world: World, options: EvaluateBatchOptions = {}, sourceFails?: Error) {
    this.#world = world
    this.#pairs = world.kinds.map((kind, number) => (kind === 'odd' ? (number as unknown as TextPair) : pair(number)))
    this.#counting = new CountingPairs(this.#pairs, sourceFails)
    this.#sourceFails = sourceFails
    this.#options = options
  }

  get read(): number {
    return this.#world.source === 'slow' ? this.#slow.given : this.#counting.read
  }

  get returned(): number {
    return this.#slow.returned + this.#counting.returned
  }

  /** Goes on until the batch ends. */
  async run(leave?: Leave): Promise<this> {
    await this.evaluator.initialize()
    const { ordered, maxInFlight, source } = this.#world
    const { signal } = this.controller
    const pairs = source === 'slow' ? this.#slow : this.#counting
    const stream = this.evaluator.evaluateBatch(pairs, { ordered, maxInFlight, signal, ...this.#options })
    let left = false
    while (!this.#over) {
      if (leave !== undefined && !left && !this.#asking && this.results.length >= leave.after) {
        left = true
        if (leave.how === 'return') await stream.return()
        else if (leave.how === 'abort') this.controller.abort()
        else await this.evaluator.cleanup()
      }
      const actions = this.#actions(stream)
      if (actions.length === 0) throw new Error('the batch hangs: nobody can do anything')
      actions[this.#pick() % actions.length]?.()
      await settle(2)
      this.mostAhead = Math.max(this.mostAhead, this.read - this.results.length)
    }
    return this
  }

  #actions(stream: AsyncGenerator<EvaluationResult, void, void>): readonly (() => void)[] {
    const actions: (() => void)[] = []
    if (!this.#asking) actions.push(() => void this.#ask(stream))
    if (this.model.open.length > 0) {
      actions.push(() => {
        this.#answer()
      })
    }
    if (this.#slow.wanted) {
      actions.push(() => {
        this.#give()
      })
    }
    if (vi.getTimerCount() > 0) actions.push(() => vi.advanceTimersByTime(20))
    return actions
  }

  async #ask(stream: AsyncGenerator<EvaluationResult, void, void>): Promise<void> {
    this.#asking = true
    try {
      const { done, value } = await stream.next()
      if (done === true) this.#over = true
      else this.results.push(value)
    } catch (error) {
      this.error = error
      this.#over = true
    }
    this.#asking = false
  }

  #answer(): void {
    const { open } = this.model
    const comparison = open[this.#pick() % open.length]
    if (comparison === undefined) return
    const kind = this.#world.kinds[comparison.number]
    if (this.#world.overloads && this.#pick() % 4 === 0) comparison.fail(overloaded(50))
    else if (kind === 'good') comparison.answer()
    else comparison.fail(kind === 'fatal' ? FATAL : new StellaError('INPUT_TOO_LONG', 'Text 0 is too long'))
  }

  #give(): void {
    const next = this.#pairs[this.#slow.given]
    if (next !== undefined) this.#slow.give(next)
    else if (this.#sourceFails === undefined) this.#slow.end()
    else this.#slow.fail(this.#sourceFails)
  }

  #pick(): number {
    const { value } = this.#world.picks.next() as { readonly value: number | undefined }
    return value ?? 0
  }
}
