/**
 * Reads a caller's iterable: notices when it makes us wait, lets the event loop turn when it does not, and ends it.
 * Knows neither texts nor embeddings.
 */
import { Readable } from 'node:stream'

import { StellaError } from '../errors.js'
import { show } from '../show.js'

/** Longest reading without a turn of the event loop, in milliseconds; a source that is always ready would stop it. */
const TURN_MS = 2

/** What has been read. */
export type SourceItem = { readonly done: false; readonly value: unknown } | { readonly done: true }

const DONE = { done: true } as const satisfies SourceItem

/** An iterator of either kind, as a caller may have written it. */
interface ForeignIterator {
  next(): unknown
  return?(): unknown
}

/** See the head of this file. */
export class StreamSource {
  readonly #given: unknown
  readonly #iterator: ForeignIterator
  readonly #isAsync: boolean
  readonly #onWait: () => void
  /** What the items are, for messages. */
  readonly #items: string
  /** Ended, by itself or by us. */
  #over = false
  #reading = false
  #waiting = false
  #turned = performance.now()
  #turn: NodeJS.Immediate | undefined

  /**
   * Begins to iterate.
   *
   * @param onWait - Called when the source has no item for us yet.
   * @param items - What the items are, for messages.
   * @throws what `given` throws.
   */
  constructor(given: AsyncIterable<unknown> | Iterable<unknown>, onWait: () => void, items = 'texts') {
    this.#given = given
    this.#isAsync = isAsyncIterable(given)
    this.#iterator = isAsyncIterable(given) ? given[Symbol.asyncIterator]() : given[Symbol.iterator]()
    this.#onWait = onWait
    this.#items = items
  }

  /** Whether we wait for the source, and did so for a turn of the event loop. */
  get waiting(): boolean {
    return this.#waiting
  }

  /**
   * The next item. Not to be called again before it has settled.
   *
   * @throws what the source throws, unchanged; {@link StellaError} INPUT_INVALID where it is no iterator.
   */
  async next(): Promise<SourceItem> {
    if (performance.now() - this.#turned >= TURN_MS) {
      await turn()
      this.#turned = performance.now()
    }
    if (this.#over) return DONE
    let result: unknown
    this.#reading = true
    try {
      if (this.#isAsync) this.#watch()
      result = this.#isAsync ? await this.#iterator.next() : this.#iterator.next()
    } catch (error) {
      this.#over = true
      throw error
    } finally {
      this.#reading = false
      this.#waiting = false
    }
    return this.#parse(result)
  }

  /**
   * Ends the source, unless it has ended. One that makes us wait is told to end and not waited for: a generator hears of
   * it only when its next item comes, which may be never.
   *
   * @throws what the source throws as it ends.
   */
  async close(): Promise<void> {
    clearImmediate(this.#turn)
    if (this.#over) return
    this.#over = true
    const reading = this.#reading
    const ended = this.#end()
    if (reading) {
      // Whoever could be told has gone by the time that a source which makes us wait fails to end.
      ended.catch(() => undefined)
      // A file or socket would otherwise stay open, and keep the process alive, until its next bytes.
      if (this.#given instanceof Readable) this.#given.destroy()
      await turn()
      if (this.#isReading()) return
    }
    await ended
  }

  /** A method, as it changes while others are awaited. */
  #isReading(): boolean {
    return this.#reading
  }

  async #end(): Promise<void> {
    await this.#iterator.return?.()
  }

  /** When the event loop comes round, all that could happen at once has happened: what is not there makes us wait. */
  #watch(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      this.#turned = performance.now()
      if (!this.#reading || this.#over) return
      this.#waiting = true
      this.#onWait()
    })
  }

  #parse(result: unknown): SourceItem {
    if ((typeof result !== 'object' && typeof result !== 'function') || result === null) {
      this.#over = true
      throw new StellaError(
        'INPUT_INVALID',
        `Expected next() of the ${this.#items} to give { value, done }; got ${show(result)}`,
        {
          details: { argument: this.#items },
        },
      )
    }
    try {
      const { done, value } = result as { readonly done?: unknown; readonly value?: unknown }
      if (!Boolean(done)) return { done: false, value }
    } catch (error) {
      this.#over = true
      throw error
    }
    this.#over = true
    return DONE
  }
}

/** The event loop comes round. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function isAsyncIterable(given: AsyncIterable<unknown> | Iterable<unknown>): given is AsyncIterable<unknown> {
  return typeof (given as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
}
