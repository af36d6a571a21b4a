/**
 * Which texts of a stream are out, which are ready to be yielded and which of those is next, and up to where all have
 * been. Pure bookkeeping: knows no source, no pool and no consumer.
 */

/** How a window counts. */
export interface WindowOptions {
  /** Ready in the order of the source; else in the order of settling. */
  readonly ordered: boolean
  /** Index of the first text. */
  readonly from: number
  /** Most texts from the first that was not taken to the last that was admitted. */
  readonly maxTexts: number
  /** Characters of the texts that are out; the text that goes beyond is the last. */
  readonly maxCharacters: number
}

interface Ready<T> {
  readonly index: number
  readonly value: T
}

/** See the head of this file. `T` is what a text is settled with. */
export class StreamWindow<T> {
  readonly #options: WindowOptions
  /** By index where ordered, else by the count of those settled before. */
  readonly #ready = new Map<number, Ready<T>>()
  /** Taken, though not all before it were. */
  readonly #ahead = new Set<number>()
  /** Index of the next text. */
  #read: number
  #position: number
  /** Key in `#ready` of what is next. */
  #next: number
  #settled = 0
  #characters = 0

  constructor(options: WindowOptions) {
    this.#options = options
    this.#read = options.from
    this.#position = options.from
    this.#next = options.ordered ? options.from : 0
  }

  /** Every text before this index was taken. */
  get position(): number {
    return this.#position
  }

  /** Whether another text may be admitted. */
  get hasRoom(): boolean {
    const { maxTexts, maxCharacters } = this.#options
    // Counted from `position`, not by what is out: behind a text that hangs, the others would go on without end.
    return this.#read - this.#position < maxTexts && this.#characters < maxCharacters
  }

  /** Whether there is something to take. */
  get hasReady(): boolean {
    return this.#ready.has(this.#next)
  }

  /** Whether every text that was admitted was taken. */
  get drained(): boolean {
    return this.#position === this.#read
  }

  /** Index of the text that would be admitted next. */
  get nextIndex(): number {
    return this.#read
  }

  /** A text is out from now on; gives its index. */
  admit(characters: number): number {
    this.#characters += characters
    return this.#read++
  }

  /** A text is no longer out. To be called once for each. */
  settle(index: number, characters: number, value: T): void {
    this.#characters -= characters
    this.#ready.set(this.#options.ordered ? index : this.#settled, { index, value })
    this.#settled++
  }

  /** The next that is ready, if any. */
  take(): Ready<T> | undefined {
    const ready = this.#ready.get(this.#next)
    if (ready === undefined) return undefined
    this.#ready.delete(this.#next)
    this.#next++
    this.#ahead.add(ready.index)
    while (this.#ahead.delete(this.#position)) this.#position++
    return ready
  }
}
