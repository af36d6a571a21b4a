/**
 * A tokenizer in a thread of its own, for callers whose thread must not be held up: neither the load of a large
 * vocabulary, nor taking ids from the library, nor freeing what it leaves behind happens in theirs. A thread that is lost
 * is replaced when the next text comes. Knows no queue.
 */
import { encodeAll } from './encode-all.js'
import { callsOf } from './native-calls.js'
import { TokenizingThread, closed } from './tokenizing-thread.js'
import type { EachTokenizer, TextOptions, Tokenized, TokenizedText, TokenizeOptions } from './tokenized-text.js'

/** See the head of this file. */
export class TokenizerThread implements EachTokenizer, AsyncDisposable {
  readonly #path: string
  readonly #vocab: number
  #thread: Promise<TokenizingThread>
  #sha256: string | undefined
  #closing: Promise<void> | undefined

  private constructor(path: string, vocab: number) {
    this.#path = path
    this.#vocab = vocab
    this.#thread = this.#spawn()
  }

  /**
   * Starts a thread and loads a `tokenizer.json` in it, as `StellaTokenizer.load` does.
   *
   * @param vocab - Rows of the model's embedding table.
   * @throws {StellaError} ARTEFACT_INVALID when it cannot be read, is no tokenizer, or has more tokens than the table;
   * MODEL_LOAD_FAILED where the library has no binary for this platform; WORKER_LOST when the thread ends meanwhile. The
   * thread is gone by then.
   */
  static async load(path: string, vocab: number): Promise<TokenizerThread> {
    const tokenizer = TokenizerThread.begin(path, vocab)
    await tokenizer.ready()
    return tokenizer
  }

  /** As `load`, for whoever has something else to do meanwhile: what goes wrong, `ready` tells. */
  static begin(path: string, vocab: number): TokenizerThread {
    const tokenizer = new TokenizerThread(path, vocab)
    // Somebody may close it without having asked.
    tokenizer.#thread.catch(() => undefined)
    return tokenizer
  }

  /** Resolves once the thread serves; rejects as `load` does. */
  async ready(): Promise<void> {
    await this.#thread
  }

  /**
   * Token ids of each text: all or none.
   *
   * @throws {StellaError} INPUT_TOO_LONG under `overflow: 'error'`, naming the text; OPTION_INVALID when a text must be
   * cut and the prompt leaves nothing of it; ABORTED between calls; and as `encodeEach`.
   */
  encode(texts: readonly string[], options: TokenizeOptions): Promise<TokenizedText[]> {
    return encodeAll(this, texts, options)
  }

  /**
   * Each text for itself: its ids, or the error that `encode` would throw for it.
   *
   * @throws {StellaError} WORKER_LOST when the thread ends meanwhile; ARTEFACT_INVALID when it must be replaced, and the
   * file is no longer the one that was loaded; POOL_CLOSED after `close`.
   */
  async encodeEach(
    texts: readonly string[],
    options: readonly TextOptions[],
    places: readonly number[] = [...texts.keys()],
  ): Promise<readonly Tokenized[]> {
    const characters = (place: number): number => (options[place]?.prompt.length ?? 0) + (texts[place]?.length ?? 0)
    const outcomes: Tokenized[] = []
    for (const [first, end] of callsOf(texts.length, characters)) {
      const thread = await this.#live()
      const part = [texts.slice(first, end), options.slice(first, end), places.slice(first, end)] as const
      outcomes.push(...(await thread.encode(...part)))
    }
    return outcomes
  }

  /** Lets the thread finish what it works on, and end. Texts not yet tokenised get POOL_CLOSED. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#thread.then(
      (thread) => thread.end(),
      () => undefined,
    )
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #live(): Promise<TokenizingThread> {
    const given = this.#thread
    const thread = await given.catch(() => undefined)
    if (this.#closing !== undefined) throw closed()
    if (thread?.isAlive === true) return thread
    // Callers that wait for the same thread find its successor, if one of them has put it there.
    if (this.#thread === given) this.#thread = this.#spawn()
    return this.#thread
  }

  async #spawn(): Promise<TokenizingThread> {
    const { path, vocab, sha256 } = { path: this.#path, vocab: this.#vocab, sha256: this.#sha256 }
    const thread = await TokenizingThread.start({ path, vocab, sha256 })
    this.#sha256 = thread.sha256
    return thread
  }
}
