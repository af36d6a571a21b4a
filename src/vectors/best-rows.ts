/** The best few of many scores, in memory for these few. Knows rows by their numbers only. */

/** A row of a corpus, and how it compares. */
export interface Match {
  /** Row of the corpus, from 0. */
  readonly index: number
  /** Higher is more alike. */
  readonly score: number
}

/**
 * Takes scores of rows in ascending order of the rows and keeps the highest; of equal scores that of the lower row. A
 * heap whose root is the worst kept: most rows of a large corpus cost one comparison.
 */
export class BestRows {
  readonly #scores: Float64Array
  readonly #rows: Float64Array
  #size = 0

  /** @param capacity - How many to keep; an integer of at least 0. */
  constructor(capacity: number) {
    this.#scores = new Float64Array(capacity)
    // Row numbers may exceed 32 bits; a float64 is exact up to 2^53.
    this.#rows = new Float64Array(capacity)
  }

  /** What a score must exceed to be kept. */
  get threshold(): number {
    if (this.#size < this.#scores.length) return Number.NEGATIVE_INFINITY
    return this.#scores[0] ?? Number.POSITIVE_INFINITY
  }

  /** @param row - Higher than that of every offer before. */
  offer(row: number, score: number): void {
    if (this.#size < this.#scores.length) this.#rise(this.#size++, row, score)
    else if (score > this.threshold) this.#sink(0, row, score, this.#size)
  }

  /** The kept, best first. Empties it. */
  take(): Match[] {
    const kept = new Array<Match>(this.#size)
    while (this.#size > 0) {
      const last = --this.#size
      kept[last] = { index: this.#rows[0] ?? 0, score: this.#scores[0] ?? 0 }
      if (last > 0) this.#sink(0, this.#rows[last] ?? 0, this.#scores[last] ?? 0, last)
    }
    return kept
  }

  #rise(from: number, row: number, score: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!this.#isWorse(row, score, parent)) break
      this.#move(parent, place)
      place = parent
    }
    this.#put(place, row, score)
  }

  /** @param size - Places below which the heap lies. */
  #sink(from: number, row: number, score: number, size: number): void {
    let place = from
    for (;;) {
      let child = 2 * place + 1
      if (child >= size) break
      const other = child + 1
      if (other < size && this.#isWorse(this.#rows[other] ?? 0, this.#scores[other] ?? 0, child)) child = other
      if (this.#isWorse(row, score, child)) break
      this.#move(child, place)
      place = child
    }
    this.#put(place, row, score)
  }

  /** Whether this one is to go before the one at `place`: lower, or as low and of a higher row. */
  #isWorse(row: number, score: number, place: number): boolean {
    const other = this.#scores[place] ?? 0
    return score < other || (score === other && row > (this.#rows[place] ?? 0))
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#rows[from] ?? 0, this.#scores[from] ?? 0)
  }

  #put(place: number, row: number, score: number): void {
    this.#rows[place] = row
    this.#scores[place] = score
  }
}
