/** How many texts go into one call of the native library. Knows no tokenizer. */

/** Bounds of one native call. A text that exceeds them alone is a call of its own. */
export interface CallLimits {
  readonly texts: number
  /** UTF-16 units, prompts included. */
  readonly characters: number
}

/**
 * Enough for all of the library's threads, and over soon enough that an urgent text need not wait long behind it: on two
 * cores about 2 ms for 32 texts of 30 tokens, 10 ms for 11 of 500. Calls of 64 to 256 texts and up to 200,000 characters
 * were no faster beyond the noise, and an urgent text waited up to ten times as long (`bench/tokenizing.ts --sweep`).
 */
export const CALL_LIMITS: CallLimits = { texts: 32, characters: 25_000 }

/** Counts what goes into one call. */
export class CallLoad {
  readonly #limits: CallLimits
  #texts = 0
  #characters = 0

  constructor(limits: CallLimits = CALL_LIMITS) {
    this.#limits = limits
  }

  /** UTF-16 units of the texts in it. */
  get characters(): number {
    return this.#characters
  }

  /** Adds a text if it fits; the first always does. Whether it was added. */
  add(characters: number): boolean {
    const { texts, characters: most } = this.#limits
    if (this.#texts > 0 && (this.#texts === texts || this.#characters + characters > most)) return false
    this.#texts++
    this.#characters += characters
    return true
  }
}

/**
 * Cuts texts into calls, in order: the first place of each, and the place after its last.
 *
 * @param characters - UTF-16 units of the text at a place, its prompt included.
 */
export function* callsOf(
  texts: number,
  characters: (place: number) => number,
  limits: CallLimits = CALL_LIMITS,
): Generator<readonly [first: number, end: number]> {
  let first = 0
  let load = new CallLoad(limits)
  for (let place = 0; place < texts; place++) {
    if (load.add(characters(place))) continue
    yield [first, place]
    first = place
    load = new CallLoad(limits)
    load.add(characters(place))
  }
  if (first < texts) yield [first, texts]
}
