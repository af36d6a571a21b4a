/** Chance, from one seed: everything that a chaos run does is drawn here. Knows nothing of what is drawn. */
import { randomStreams } from '../../tools/checkpoints/random.js'

/** Draws of one seed. */
export class Draws {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = randomStreams(seed)('chaos').nextFloat
  }

  /** Uniform in [0, 1). */
  share(): number {
    return this.#next()
  }

  /** An integer from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.#next() < probability
  }

  /** One of them. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to pick from')
    // An item may be undefined.
    return items[Math.floor(this.#next() * items.length)] as T
  }

  /** One of them, the heavier ones more often. */
  weighted<T extends { readonly weight: number }>(items: readonly T[]): T {
    let left = this.#next() * items.reduce((sum, { weight }) => sum + weight, 0)
    const found = items.find(({ weight }) => {
      left -= weight
      return left < 0
    })
    return found ?? this.pick(items)
  }
}
