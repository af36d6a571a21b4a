/** The first so many of many things, in order. Knows nothing of what they are. */

/** Keeps what comes first; memory does not grow beyond `limit`. */
export class Ranking<T> {
  readonly #limit: number
  readonly #keyOf: (item: T) => number
  /** In order. Short, and most of what comes is refused by a look at the last. */
  readonly #items: T[] = []

  /**
   * @param limit - How many are kept.
   * @param keyOf - The lower, the further to the front. Of equal ones the earlier is.
   */
  constructor(limit: number, keyOf: (item: T) => number) {
    this.#limit = limit
    this.#keyOf = keyOf
  }

  /** What is kept by now, the first first. */
  get items(): readonly T[] {
    return [...this.#items]
  }

  add(item: T): void {
    const key = this.#keyOf(item)
    let place = this.#items.length
    while (place > 0 && this.#keyAt(place - 1) > key) place--
    if (place >= this.#limit) return
    this.#items.splice(place, 0, item)
    if (this.#items.length > this.#limit) this.#items.pop()
  }

  #keyAt(place: number): number {
    const item = this.#items[place]
    return item === undefined ? Number.NEGATIVE_INFINITY : this.#keyOf(item)
  }
}
