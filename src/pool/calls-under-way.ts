/** Work that whoever closes must wait for. Knows nothing of it but whether it has ended. */

/** See the head of this file. */
export class CallsUnderWay {
  readonly #calls = new Set<Promise<void>>()

  /** Has a call waited for. */
  track<T>(call: Promise<T>): Promise<T> {
    const ended = call.then(
      () => undefined,
      () => undefined,
    )
    this.#calls.add(ended)
    void ended.then(() => this.#calls.delete(ended))
    return call
  }

  /** Ends when all calls there are now have ended. Never rejects. */
  async ended(): Promise<void> {
    await Promise.all(this.#calls)
  }
}
