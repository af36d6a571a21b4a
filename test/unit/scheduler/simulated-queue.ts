/** What waits, as the simulation keeps it: in one map, with counts. */
import type { Lane, Ticket, Variant } from '../../../src/scheduler/scheduler.js'

/** A text that may be submitted, again and again. */
export interface KnownText {
  readonly ids: Int32Array
  readonly variant: Variant
}

/** A text that waits or runs. */
export interface Held {
  readonly text: number
  lane: Lane
  since: number
  losses: number
  /** Whether it has run before. */
  retried: boolean
  /** It is in the so-many-th batch of fresh texts of its lane, or in one before. */
  deadline: number
  readonly tickets: Set<Ticket<number>>
}

/** See the head of this file. */
export class SimulatedQueue {
  /** By text. */
  readonly waiting = new Map<number, Held>()
  /** Tickets that have not come out, of what waits and of what runs. */
  readonly live = new Map<Ticket<number>, Held>()
  /** Texts that wait for their first run. */
  readonly fresh = { interactive: 0, bulk: 0 }
  /** Texts that go again. */
  readonly retried = { interactive: 0, bulk: 0 }
  /** Batches of fresh texts that were taken. */
  readonly freshBatches = { interactive: 0, bulk: 0 }
  readonly tokens = { interactive: 0, bulk: 0 }
  readonly #texts: readonly KnownText[]
  /** Fresh texts of bulk, oldest first. */
  readonly #freshBulk = new Set<Held>()

  constructor(texts: readonly KnownText[]) {
    this.#texts = texts
  }

  put(held: Held): void {
    check(!this.waiting.has(held.text), 'a text waits twice')
    this.waiting.set(held.text, held)
    for (const ticket of held.tickets) this.live.set(ticket, held)
    this.tokens[held.lane] += at(this.#texts, held.text).ids.length
    if (held.retried) this.retried[held.lane]++
    else held.deadline = this.freshBatches[held.lane] + ++this.fresh[held.lane]
    if (!held.retried && held.lane === 'bulk') this.#freshBulk.add(held)
  }

  pull(held: Held): Held {
    this.waiting.delete(held.text)
    this.tokens[held.lane] -= at(this.#texts, held.text).ids.length
    this.#freshBulk.delete(held)
    if (held.retried) this.retried[held.lane]--
    else this.fresh[held.lane]--
    return held
  }

  /** Since when the oldest text of bulk waits; undefined also where some go again, of which the next counts. */
  get oldestBulk(): number | undefined {
    if (this.retried.bulk > 0) return undefined
    for (const { since } of this.#freshBulk) return since
    return undefined
  }
}

export function check(holds: boolean, problem: string): void {
  if (!holds) throw new Error(problem)
}

export function must<T>(value: T | undefined, problem: string): T {
  if (value === undefined) throw new Error(problem)
  return value
}

export function at<T>(items: readonly T[], index: number): T {
  return must(items[index], `no item ${index}`)
}
