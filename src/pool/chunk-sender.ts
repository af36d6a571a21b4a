/**
 * Hands chunks of a stream's texts to the pool, so many at a time, and comes back with those that it has no room for.
 * Knows neither where texts come from nor in what order they are wanted.
 */
import { setMaxListeners } from 'node:events'

import { StellaError, isStellaError } from '../errors.js'
import type { EmbedInput } from '../inference/embed-texts.js'
import type { EmbedEach, TextOutcome } from './text-outcome.js'

/** A text on its way. */
export interface StreamText {
  /** Place in the source. */
  readonly index: number
  readonly input: EmbedInput
  /** What it counts for in limits on characters. */
  readonly characters: number
}

/** Hears what came of texts. May not throw. */
export interface SenderObserver {
  /** Some texts of a chunk have their outcomes, none of which is OVERLOADED. */
  readonly onOutcomes: (outcomes: readonly (readonly [StreamText, TextOutcome])[]) => void
  /** The pool failed as a whole; these texts have no outcome of their own. */
  readonly onFailed: (texts: readonly StreamText[], error: unknown) => void
  /** A chunk is done with: another may be sent. */
  readonly onRoom: () => void
}

/** Wait after an OVERLOADED that does not say for how long, in milliseconds. */
const DEFAULT_RETRY_MS = 100

/** Longest wait after an OVERLOADED, whatever it says, in milliseconds. */
const MAX_RETRY_MS = 60_000

/** See the head of this file. */
export class ChunkSender {
  readonly #embedEach: EmbedEach
  readonly #concurrency: number
  readonly #observer: SenderObserver
  readonly #controller = new AbortController()
  readonly #running = new Set<Promise<void>>()
  /** Chunks that the pool had no room for when last asked. */
  readonly #refused = new Set<readonly StreamText[]>()
  /** Those of them that wait, and what ends the wait. */
  readonly #waiting = new Map<readonly StreamText[], () => void>()
  /** Times that the pool took texts of ours and was done with them. */
  #answers = 0

  constructor(embedEach: EmbedEach, concurrency: number, observer: SenderObserver) {
    this.#embedEach = embedEach
    this.#concurrency = concurrency
    this.#observer = observer
    setMaxListeners(0, this.#controller.signal)
  }

  /** Whether any chunk is out. */
  get busy(): boolean {
    return this.#running.size > 0
  }

  /** Whether a chunk may be sent: not while an older one waits for room, which it would take. */
  get hasRoom(): boolean {
    return !this.#isStopped() && this.#running.size < this.#concurrency && this.#refused.size === 0
  }

  /** Sends a chunk. Each of its texts is told of once, unless the sender is stopped. */
  send(chunk: readonly StreamText[]): void {
    const running = this.#send(chunk).then(() => {
      this.#running.delete(running)
      this.#refused.delete(chunk)
      if (!this.#isStopped()) this.#observer.onRoom()
    })
    this.#running.add(running)
  }

  /** Aborts what is out, and waits until nothing is. The observer hears of nothing any more. */
  async stop(): Promise<void> {
    // Nobody has to hear of an end that ends nothing.
    if (this.busy) this.#controller.abort(new StellaError('ABORTED', 'The stream of texts has ended'))
    for (const wake of [...this.#waiting.values()]) wake()
    await Promise.all(this.#running)
  }

  async #send(chunk: readonly StreamText[]): Promise<void> {
    let left = chunk
    let share = chunk.length
    while (left.length > 0) {
      const sent = left.slice(0, share)
      const answersBefore = this.#answers
      let outcomes: readonly (readonly [StreamText, TextOutcome])[]
      try {
        outcomes = await this.#ask(sent)
      } catch (error) {
        if (!this.#isStopped()) this.#observer.onFailed(left, error)
        return
      }
      if (this.#isStopped()) return
      // If so, room came while this chunk was on its way.
      const missed = this.#answers > answersBefore
      const refused = outcomes.filter(([, outcome]) => isOverloaded(outcome))
      left = [...refused.map(([text]) => text), ...left.slice(share)]
      this.#note(chunk, outcomes, refused.length > 0)
      const [first] = refused
      if (this.#isStopped()) return
      if (first === undefined) continue
      if (missed) continue
      // With nothing of ours in its way, a chunk may be more than the queue will ever take at once.
      if (refused.length === sent.length && this.#running.size === this.#refused.size) share = Math.ceil(share / 2)
      await this.#wait(chunk, retryAfterMs(first[1]))
      if (this.#isStopped()) return
    }
  }

  /** Tells of the outcomes, and wakes whoever waits for the room that they left. */
  #note(
    chunk: readonly StreamText[],
    outcomes: readonly (readonly [StreamText, TextOutcome])[],
    isRefused: boolean,
  ): void {
    if (isRefused) this.#refused.add(chunk)
    else this.#refused.delete(chunk)
    const settled = outcomes.filter(([, outcome]) => !isOverloaded(outcome))
    if (settled.length === 0) return
    this.#answers++
    this.#observer.onOutcomes(settled)
    this.#wakeOldest()
  }

  /** Each text with its outcome, also where the pool had room for none. */
  async #ask(texts: readonly StreamText[]): Promise<readonly (readonly [StreamText, TextOutcome])[]> {
    let outcomes: readonly TextOutcome[]
    try {
      outcomes = await this.#embedEach(
        texts.map(({ input }) => input),
        this.#controller.signal,
      )
    } catch (error) {
      if (!isStellaError(error) || error.code !== 'OVERLOADED') throw error
      return texts.map((text) => [text, { ok: false, error }])
    }
    const pairs = texts.flatMap((text, place) => {
      const outcome = outcomes[place]
      return outcome === undefined ? [] : [[text, outcome] as const]
    })
    if (outcomes.length === texts.length && pairs.length === texts.length) return pairs
    throw new StellaError('INTERNAL', `${texts.length} texts of a stream have ${outcomes.length} outcomes`, {
      details: { expected: texts.length, found: outcomes.length },
    })
  }

  /** A method, as it changes while others are awaited. */
  #isStopped(): boolean {
    return this.#controller.signal.aborted
  }

  #wait(chunk: readonly StreamText[], milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(chunk)
        resolve()
      }
      const timer = setTimeout(wake, milliseconds)
      this.#waiting.set(chunk, wake)
    })
  }

  /** What has been done with made room for about one other. */
  #wakeOldest(): void {
    const chunks = [...this.#waiting.keys()]
    const oldest = chunks.sort(([a], [b]) => (a?.index ?? 0) - (b?.index ?? 0))[0]
    if (oldest !== undefined) this.#waiting.get(oldest)?.()
  }
}

function isOverloaded(outcome: TextOutcome): boolean {
  return !outcome.ok && outcome.error.code === 'OVERLOADED'
}

function retryAfterMs(outcome: TextOutcome): number {
  const given = outcome.ok ? undefined : outcome.error.details['retryAfterMs']
  // NaN, too, is what no wait should be.
  return typeof given === 'number' && given >= 0 ? Math.min(given, MAX_RETRY_MS) : DEFAULT_RETRY_MS
}
