/**
 * A stream of embeddings as an async generator: what the consumer asks for, gets, and leaves behind. Reading is
 * `StreamFeeder`'s, sending `ChunkSender`'s, order and position `StreamWindow`'s.
 */
import { abortedError, withOwnSignal } from '../files/cancellation.js'
import { ChunkSender } from './chunk-sender.js'
import type { Delivery } from './stream-delivery.js'
import { deliveryOf } from './stream-delivery.js'
import { StreamFeeder } from './stream-feeder.js'
import type {
  ResolvedStreamOptions,
  StreamErrorPolicy,
  TextSource,
  Streamed,
  StreamedEmbedding,
  StreamedFailure,
} from './stream-options.js'
import { checkTextSource } from './stream-options.js'
import { StreamWindow } from './stream-window.js'
import type { EmbedEach } from './text-outcome.js'

export type {
  StreamErrorPolicy,
  StreamOptions,
  StreamProgress,
  Streamed,
  StreamedEmbedding,
  StreamedFailure,
  TextSource,
} from './stream-options.js'

type StreamedItem = StreamedEmbedding | StreamedFailure

interface Request {
  readonly resolve: (result: IteratorResult<StreamedItem, void>) => void
  readonly reject: (error: unknown) => void
}

interface Failure {
  readonly error: unknown
}

/** Characters of the texts that the pool has: 16 MB of memory. The text that goes beyond is the last. */
const MAX_CHARACTERS = 8_000_000

/**
 * Embeds the texts of `source` as they are asked for. Nothing is read before the first `next()`, and never more than the
 * window holds. Unlike a generator function's, `return()` ends it at once, also while a `next()` waits.
 *
 * The generator throws what the first text without an embedding failed with, its `details.index` counted from the
 * source's start; what `source` throws, unchanged; ABORTED; what `embedEach` rejects with. By then nothing is under way.
 *
 * @throws {StellaError} INPUT_INVALID, at once, where `source` is no source of texts.
 */
export function embedStream<E extends StreamErrorPolicy>(
  source: TextSource,
  options: ResolvedStreamOptions<E>,
  embedEach: EmbedEach,
): AsyncGenerator<Streamed<E>, void, void> {
  checkTextSource(source)
  // Failures are yielded under the policy 'yield' only; see `deliveryOf`.
  return new EmbedStream(source, options, embedEach) as AsyncGenerator<StreamedItem, void, void> as AsyncGenerator<
    Streamed<E>,
    void,
    void
  >
}

class EmbedStream implements AsyncGenerator<StreamedItem, void, void> {
  readonly #options: ResolvedStreamOptions
  readonly #window: StreamWindow<Delivery>
  readonly #sender: ChunkSender
  readonly #feeder: StreamFeeder
  readonly #requests: Request[] = []
  /** Texts that were embedded, or could not be. */
  #done = 0
  /** The window's position when the consumer last asked. */
  #asked: number
  #started = false
  /** Set once the stream has ended: settles when nothing of it is left. Never rejects. */
  #released: Promise<void> | undefined
  /** What the next `next()` throws. */
  #failure: Failure | undefined
  /** What the source threw as it was ended. */
  #sourceFailure: Failure | undefined
  #unfollow: () => void = () => undefined
  /** Settles when the caller's signal carries no listener of ours. */
  #followed: Promise<void> = Promise.resolve()

  constructor(given: TextSource, options: ResolvedStreamOptions, embedEach: EmbedEach) {
    const { ordered, from, maxInFlight, concurrency } = options
    this.#options = options
    this.#asked = from
    this.#window = new StreamWindow({ ordered, from, maxTexts: maxInFlight, maxCharacters: MAX_CHARACTERS })
    this.#sender = new ChunkSender(embedEach, concurrency, {
      onOutcomes: (outcomes) => {
        for (const [{ index, characters }, outcome] of outcomes) {
          this.#settle(index, characters, deliveryOf(index, outcome, options.onError))
        }
        this.#report()
        this.#deliver()
      },
      onFailed: (texts, error) => {
        for (const { index, characters } of texts) this.#settle(index, characters, { kind: 'fatal', error })
        this.#deliver()
      },
      onRoom: () => {
        this.#feeder.advance()
      },
    })
    this.#feeder = new StreamFeeder({
      given,
      options,
      window: this.#window,
      sender: this.#sender,
      onRefused: (index, error) => {
        this.#settle(index, 0, deliveryOf(index, { ok: false, error }, options.onError))
        this.#deliver()
      },
      onEnd: () => {
        this.#deliver()
      },
    })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<StreamedItem, void>> {
    this.#asked = this.#window.position
    this.#start()
    if (this.#released !== undefined) return this.#released.then(() => this.#last())
    return new Promise((resolve, reject) => {
      this.#requests.push({ resolve, reject })
      this.#deliver()
    })
  }

  /** Ends the stream: what is under way is aborted, and has ended when this settles. */
  async return(value?: PromiseLike<void> | void): Promise<IteratorResult<StreamedItem, void>> {
    await this.#finish(undefined)
    // Who leaves does not ask how it ended.
    this.#failure = undefined
    const failure = this.#sourceFailure
    this.#sourceFailure = undefined
    if (failure !== undefined) throw failure.error
    return { done: true, value: await value }
  }

  /** Ends the stream as `return` does, and throws `error`. */
  async throw(error: unknown): Promise<never> {
    await this.#finish(undefined)
    this.#failure = undefined
    throw error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #start(): void {
    if (this.#started || this.#released !== undefined) return
    this.#started = true
    const { signal } = this.#options
    this.#followed = withOwnSignal(signal, async (own) => {
      if (own === undefined) return
      const abort = (): void => {
        void this.#finish({ error: abortedError(own, 'embedding a stream of texts') })
      }
      if (own.aborted) {
        abort()
        return
      }
      own.addEventListener('abort', abort, { once: true })
      await new Promise<void>((resolve) => (this.#unfollow = resolve))
      own.removeEventListener('abort', abort)
    })
    if (signal?.aborted !== true) void this.#feeder.run()
  }

  #settle(index: number, characters: number, delivery: Delivery): void {
    this.#window.settle(index, characters, delivery)
    if (delivery.kind === 'fatal') this.#feeder.cut(index)
    else this.#done++
  }

  /** Answers requests while there is something to answer them with. */
  #deliver(): void {
    while (this.#released === undefined && this.#requests.length > 0) {
      const ready = this.#window.take()
      if (ready === undefined) {
        const { end } = this.#feeder
        if (end === undefined || !this.#window.drained) break
        if (end.failure === undefined) this.#report()
        void this.#finish(end.failure)
        return
      }
      if (ready.value.kind === 'fatal') {
        void this.#finish({ error: ready.value.error })
        return
      }
      this.#requests.shift()?.resolve({ done: false, value: this.#item(ready.index, ready.value) })
    }
    // There may be room in the window.
    if (this.#started && this.#released === undefined) this.#feeder.advance()
  }

  #item(index: number, delivery: Exclude<Delivery, { kind: 'fatal' }>): StreamedItem {
    const { position } = this.#window
    if (delivery.kind === 'failed') return { index, error: delivery.error, position }
    const { embedding, tokens, truncated } = delivery.outcome
    return { index, embedding, tokens, truncated, position }
  }

  #report(): void {
    try {
      this.#options.onProgress?.({ done: this.#done, position: this.#asked })
    } catch (error) {
      void this.#finish({ error })
    }
  }

  /** Ends the stream, once. */
  #finish(failure: Failure | undefined): Promise<void> {
    if (this.#released !== undefined) return this.#released
    this.#failure = failure
    this.#released = this.#release()
    for (const { resolve, reject } of this.#requests.splice(0)) {
      this.#released.then(() => this.#last()).then(resolve, reject)
    }
    return this.#released
  }

  /** What is left to say: the failure, to the first who asks. */
  #last(): IteratorResult<StreamedItem, void> {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure.error
    return { done: true, value: undefined }
  }

  async #release(): Promise<void> {
    this.#unfollow()
    const [closed] = await Promise.allSettled([this.#feeder.close(), this.#sender.stop(), this.#followed])
    if (closed.status === 'rejected') this.#sourceFailure = { error: closed.reason }
  }
}
