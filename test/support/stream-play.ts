/** Plays a stream between a source, a pool and a consumer that act in any order, and notes what is seen. */
import fc from 'fast-check'
import { vi } from 'vitest'

import { StellaError } from '../../src/errors.js'
import type { EmbedInput } from '../../src/inference/embed-texts.js'
import type { StreamOptions, StreamedEmbedding, StreamedFailure } from '../../src/pool/embed-stream.js'
import type { TextOutcome } from '../../src/pool/text-outcome.js'
import { CountingSource, ManualPool, ManualSource, embedded, numberOf, open, settle } from './streams.js'

/** What a text of a source is: embedded, refused by the pool, or no text. */
export type Kind = 'good' | 'bad' | 'odd'

/** The limits and the order of a stream. */
export type Shape = Required<Pick<StreamOptions, 'ordered' | 'chunkTexts' | 'concurrency' | 'maxInFlight'>>

/** What a stream is played with. */
export interface World {
  readonly kinds: readonly Kind[]
  readonly shape: { readonly [K in keyof Shape]: NonNullable<Shape[K]> }
  /** Always ready, or when its turn comes. */
  readonly source: 'ready' | 'slow'
  /** Whether the pool is ever overloaded. */
  readonly overloads: boolean
  /** Who acts next, and how. */
  readonly picks: Iterator<number>
}

/** Any world. */
export const worlds: fc.Arbitrary<World> = fc.record({
  kinds: fc.array(fc.constantFrom<Kind>('good', 'good', 'good', 'good', 'good', 'good', 'bad', 'odd'), {
    maxLength: 40,
  }),
  shape: fc.record({
    ordered: fc.boolean(),
    chunkTexts: fc.integer({ min: 1, max: 6 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    maxInFlight: fc.integer({ min: 1, max: 16 }),
  }),
  source: fc.constantFrom<'ready' | 'slow'>('ready', 'slow'),
  overloads: fc.boolean(),
  picks: fc.infiniteStream(fc.nat()),
})

/** When and how the consumer leaves. */
export interface Leave {
  /** Items that it takes before. */
  readonly after: number
  readonly how: 'return' | 'abort'
}

/** One play. Replaces no timer itself: the test must have done so, with `vi.useFakeTimers`. */
export class StreamPlay {
  readonly items: (StreamedEmbedding | StreamedFailure)[] = []
  readonly pool = new ManualPool()
  /** Items of the source beyond the position, at most. */
  mostAhead = 0
  /** What the stream threw. */
  error: unknown
  readonly #world: World
  readonly #inputs: readonly EmbedInput[]
  readonly #slow = new ManualSource()
  readonly #counting: CountingSource
  readonly #sourceFails: Error | undefined
  readonly #controller = new AbortController()
  readonly #stream: AsyncGenerator<StreamedEmbedding | StreamedFailure, void, void>
  #position: number
  #given = 0
  #asking = false
  #over = false

  constructor(world: World, options: StreamOptions, sourceFails?: Error) {
    this.#world = world
    this.#inputs = world.kinds.map((kind, index) => (kind === 'odd' ? (index as unknown as EmbedInput) : `t${index}`))
    this.#counting = new CountingSource(this.#inputs)
    this.#sourceFails = sourceFails
    this.#position = options.from ?? 0
    const source = world.source === 'slow' ? this.#slow : failingAtEnd(this.#counting, sourceFails)
    const { signal } = this.#controller
    this.#stream = open(source, { ...world.shape, ...options, signal }, this.pool.embedEach)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Times that the stream ended the source. */
  get returned(): number {
    return this.#slow.returned + this.#counting.returned
  }

  /** Goes on until the stream ends. */
  async run(leave?: Leave): Promise<this> {
    let left = false
    while (!this.#over) {
      if (leave !== undefined && !left && !this.#asking && this.items.length >= leave.after) {
        left = true
        if (leave.how === 'return') await this.#stream.return()
        else this.#controller.abort()
      }
      const actions = this.#actions()
      if (actions.length === 0) throw new Error('the stream hangs: nobody can do anything')
      actions[this.#pick() % actions.length]?.()
      await settle(2)
      this.mostAhead = Math.max(this.mostAhead, Math.max(this.#given, this.#counting.read) - this.#position)
    }
    return this
  }

  #actions(): readonly (() => void)[] {
    const actions: (() => void)[] = []
    if (!this.#asking) actions.push(() => void this.#ask())
    if (this.pool.open.length > 0)
      actions.push(() => {
        this.#answer()
      })
    if (this.#slow.wanted)
      actions.push(() => {
        this.#give()
      })
    if (vi.getTimerCount() > 0) actions.push(() => vi.advanceTimersByTime(10))
    return actions
  }

  async #ask(): Promise<void> {
    this.#asking = true
    try {
      const { done, value } = await this.#stream.next()
      if (done === true) {
        this.#over = true
      } else {
        this.items.push(value)
        this.#position = value.position
      }
    } catch (error) {
      this.error = error
      this.#over = true
    }
    this.#asking = false
  }

  #answer(): void {
    const call = this.pool.open[this.#pick() % this.pool.open.length]
    const luck = this.#world.overloads ? this.#pick() % 8 : 7
    const overloaded = new StellaError('OVERLOADED', 'full', { details: { retryAfterMs: 50 } })
    if (luck === 0) call?.fail(overloaded)
    else {
      call?.answer((input, place) => {
        return luck === 1 && place % 2 === 1 ? { ok: false, error: overloaded } : this.#outcome(input, place)
      })
    }
  }

  #give(): void {
    const input = this.#inputs[this.#given++]
    if (input !== undefined) this.#slow.give(input)
    else if (this.#sourceFails === undefined) this.#slow.end()
    else this.#slow.fail(this.#sourceFails)
  }

  #outcome(input: EmbedInput, place: number): TextOutcome {
    if (this.#world.kinds[numberOf(input)] === 'good') return embedded(input)
    const error = new StellaError('INPUT_TOO_LONG', `Text ${place} is too long`, { details: { index: place } })
    return { ok: false, error }
  }

  #pick(): number {
    const { value } = this.#world.picks.next() as { readonly value: number | undefined }
    return value ?? 0
  }
}

function* failingAtEnd(source: CountingSource, error: Error | undefined): Generator<EmbedInput> {
  yield* source
  if (error !== undefined) throw error
}
