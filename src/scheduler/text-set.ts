/** Remembers so many texts, and forgets the oldest for one more. Knows nothing of why they are remembered. */
import type { TextIdentity } from './text-identity.js'
import { hashText, isSameText } from './text-identity.js'

/** A bounded set of texts. */
export class TextSet {
  readonly #limit: number
  /** By hash, so of texts that collide the last one. */
  readonly #texts = new Map<number, TextIdentity>()

  /** @param limit - Texts at most. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#texts.size
  }

  has(text: TextIdentity): boolean {
    // Nearly always it is empty; a long text need not be hashed for that.
    if (this.#texts.size === 0) return false
    const known = this.#texts.get(hashText(text))
    return known !== undefined && isSameText(known, text)
  }

  /** Remembers a copy, as the newest. */
  add({ ids, variant }: TextIdentity): void {
    const hash = hashText({ ids, variant })
    this.#texts.delete(hash)
    this.#texts.set(hash, { ids: ids.slice(), variant })
    if (this.#texts.size <= this.#limit) return
    for (const oldest of this.#texts.keys()) {
      this.#texts.delete(oldest)
      return
    }
  }

  delete(text: TextIdentity): void {
    if (this.has(text)) this.#texts.delete(hashText(text))
  }
}
