/**
 * What waits in one lane, in the order it goes: what has run before and must again, then the oldest. Knows no clock and
 * no other lane. Everything but `take` is done at once, whatever waits.
 */
import type { RunLimits } from '../packed/packing.js'
import { fillBatch } from './batch-former.js'
import type { Entry } from './entry.js'
import { EntryQueue } from './entry.js'
import { LinkedList } from './linked-list.js'
import { variantNumber } from './text-identity.js'

/** How a batch is formed. */
export interface BatchShape {
  readonly limits: RunLimits
  /** Tokens of this batch, at most the limit's. */
  readonly budget: number
  /** Waiting texts that are looked at. */
  readonly window: number
}

/** See the head of this file. */
export class WaitingLane<Owner> {
  /** Batches that go again, each as it is. */
  readonly #retries = new LinkedList<EntryQueue<Owner>>()
  /** The others, by variant; none is empty. There are as many as a model has heads, twice. */
  readonly #queues = new Map<number, EntryQueue<Owner>>()
  #arrivals = 0
  #texts = 0
  #tokens = 0

  get texts(): number {
    return this.#texts
  }

  get tokens(): number {
    return this.#tokens
  }

  /** Since when what goes next has waited; of a retry and the oldest of the others, the older. Undefined: nothing waits. */
  get since(): number | undefined {
    const lead = this.#lead()?.since
    let since = lead
    for (let entry = this.#retries.first?.first; entry !== undefined; entry = entry.next) {
      since = Math.min(since ?? entry.since, entry.since)
    }
    return since
  }

  /** Puts a text at the end. */
  add(entry: Entry<Owner>): void {
    const number = variantNumber(entry)
    let queue = this.#queues.get(number)
    if (queue === undefined) {
      queue = new EntryQueue(false)
      this.#queues.set(number, queue)
    }
    entry.arrival = ++this.#arrivals
    this.#put(entry, queue)
  }

  /** Puts texts of one variant, which go together and with no others, after the retries there are. */
  addRetry(entries: readonly Entry<Owner>[]): void {
    if (entries.length === 0) return
    const queue = new EntryQueue<Owner>(true)
    for (const entry of entries) this.#put(entry, queue)
    this.#retries.push(queue)
  }

  /** Takes out one that waits here. */
  remove(entry: Entry<Owner>): void {
    const { queue } = entry
    if (queue === undefined) throw new Error('a text is taken out of a lane that it does not wait in')
    queue.remove(entry)
    entry.queue = undefined
    this.#texts--
    this.#tokens -= entry.tokens
    if (queue.first !== undefined) return
    if (queue.retried) this.#retries.remove(queue)
    else this.#queues.delete(variantNumber(entry))
  }

  /**
   * Takes out what goes next; nothing where nothing waits. Takes time by the window, and by nothing else.
   *
   * @returns its texts, and whether they have been out before.
   */
  take(shape: BatchShape): { readonly entries: readonly Entry<Owner>[]; readonly retried: boolean } {
    const retry = this.#retries.first
    const entries = retry === undefined ? this.#form(shape) : firstOf(retry.first, Number.POSITIVE_INFINITY)
    for (const entry of entries) this.remove(entry)
    return { entries, retried: retry !== undefined }
  }

  /** All that waits, in the order it would go. */
  all(): readonly Entry<Owner>[] {
    const all: Entry<Owner>[] = []
    for (let retry = this.#retries.first; retry !== undefined; retry = retry.next) {
      for (let entry = retry.first; entry !== undefined; entry = entry.next) all.push(entry)
    }
    const fresh = [...this.#queues.values()].flatMap((queue) => firstOf(queue.first, Number.POSITIVE_INFINITY))
    return all.concat(fresh.sort((a, b) => a.arrival - b.arrival))
  }

  #form({ limits, budget, window }: BatchShape): readonly Entry<Owner>[] {
    const lead = this.#lead()
    if (lead === undefined) return []
    return fillBatch(lead, firstOf(lead.next, window - 1), limits, budget)
  }

  /** The oldest that has not run yet. */
  #lead(): Entry<Owner> | undefined {
    let oldest: Entry<Owner> | undefined
    for (const { first } of this.#queues.values()) {
      if (first !== undefined && (oldest === undefined || first.arrival < oldest.arrival)) oldest = first
    }
    return oldest
  }

  #put(entry: Entry<Owner>, queue: EntryQueue<Owner>): void {
    entry.queue = queue
    queue.push(entry)
    this.#texts++
    this.#tokens += entry.tokens
  }
}

/** `first` and those behind it, so many at most. */
function firstOf<Owner>(first: Entry<Owner> | undefined, count: number): Entry<Owner>[] {
  const found: Entry<Owner>[] = []
  for (let entry = first; entry !== undefined && found.length < count; entry = entry.next) found.push(entry)
  return found
}
