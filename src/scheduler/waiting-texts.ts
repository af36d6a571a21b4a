/** All that waits, in its lanes, and no text of it twice. Knows neither clock nor turns. */
import type { Lane } from './contract.js'
import type { Entry } from './entry.js'
import type { TextIdentity } from './text-identity.js'
import { isSameText } from './text-identity.js'
import type { BatchShape } from './waiting-lane.js'
import { WaitingLane } from './waiting-lane.js'

/** See the head of this file. */
export class WaitingTexts<Owner> {
  readonly lanes: Readonly<Record<Lane, WaitingLane<Owner>>> = {
    interactive: new WaitingLane<Owner>(),
    bulk: new WaitingLane<Owner>(),
  }
  /** By hash. Of different texts that collide only the first is in it; identical ones of the others wait beside it. */
  readonly #byHash = new Map<number, Entry<Owner>>()

  /** Distinct texts. */
  get texts(): number {
    return this.lanes.interactive.texts + this.lanes.bulk.texts
  }

  get tokens(): number {
    return this.lanes.interactive.tokens + this.lanes.bulk.tokens
  }

  /** The one that is this text. */
  find(text: TextIdentity, hash: number): Entry<Owner> | undefined {
    const entry = this.#byHash.get(hash)
    return entry !== undefined && isSameText(entry, text) ? entry : undefined
  }

  /** Puts a text, of which there is none, at the end of its lane. */
  add(entry: Entry<Owner>): void {
    this.#note(entry)
    this.lanes[entry.lane].add(entry)
  }

  /**
   * Puts texts that ran together before all of `lane` that has not run, to go together again. One that waits again
   * already is taken over. One that must not, or need not, share their way goes by itself: where a thread was lost with
   * it, and where it is wanted in a more urgent lane.
   */
  addRetry(entries: readonly Entry<Owner>[], lane: Lane): void {
    const together: Entry<Owner>[] = []
    for (const entry of entries) {
      const twin = this.find(entry, entry.hash)
      if (twin !== undefined) {
        this.remove(twin)
        entry.absorb(twin)
        if (twin.lane === 'interactive') entry.lane = 'interactive'
      }
      if (entry.losses === 0 && entry.lane === lane) together.push(entry)
      else this.lanes[entry.lane].addRetry([entry])
    }
    this.lanes[lane].addRetry(together)
    for (const entry of entries) this.#note(entry)
  }

  /** Takes out one that waits. */
  remove(entry: Entry<Owner>): void {
    this.#forget(entry)
    this.lanes[entry.lane].remove(entry)
  }

  /** Moves one that waits to the end of the urgent lane; one that has run before to the end of what goes again there. */
  hurry(entry: Entry<Owner>): void {
    const { bulk, interactive } = this.lanes
    const retried = entry.queue?.retried === true
    bulk.remove(entry)
    entry.lane = 'interactive'
    if (retried) interactive.addRetry([entry])
    else interactive.add(entry)
  }

  /** Takes out the lane's next batch. */
  take(lane: Lane, shape: BatchShape): { readonly entries: readonly Entry<Owner>[]; readonly retried: boolean } {
    const taken = this.lanes[lane].take(shape)
    for (const entry of taken.entries) this.#forget(entry)
    return taken
  }

  /** All of it, in the order of lanes and turns. */
  all(): readonly Entry<Owner>[] {
    return [...this.lanes.interactive.all(), ...this.lanes.bulk.all()]
  }

  #note(entry: Entry<Owner>): void {
    if (!this.#byHash.has(entry.hash)) this.#byHash.set(entry.hash, entry)
  }

  #forget(entry: Entry<Owner>): void {
    if (this.#byHash.get(entry.hash) === entry) this.#byHash.delete(entry.hash)
  }
}
