/** A text in the scheduler and all who want it. Knows which queue it is in, and no lane's rules. */
import type { Lane, TextToRun, Ticket, Variant } from './contract.js'
import type { Linked } from './linked-list.js'
import { LinkedList } from './linked-list.js'

/** A ticket with its way back. */
export class HeldTicket<Owner> implements Ticket<Owner> {
  readonly owner: Owner
  readonly tokens: number
  readonly lane: Lane
  readonly submittedAt: number
  /** Undefined once it was settled or withdrawn. */
  entry: Entry<Owner> | undefined

  constructor(owner: Owner, { ids, lane }: TextToRun, submittedAt: number) {
    this.owner = owner
    this.tokens = ids.length
    this.lane = lane
    this.submittedAt = submittedAt
  }
}

/** A ticket as the scheduler that gave it knows it. */
export function asHeld<Owner>(ticket: Ticket<Owner>): HeldTicket<Owner> {
  if (ticket instanceof HeldTicket) return ticket as HeldTicket<Owner>
  throw new Error('this ticket is of no scheduler')
}

/** Entries in the order they go; with other such, a member of a list itself. */
export class EntryQueue<Owner> extends LinkedList<Entry<Owner>> implements Linked<EntryQueue<Owner>> {
  /** Whether its entries go together, as they are, before what has not run yet. */
  readonly retried: boolean
  previous: EntryQueue<Owner> | undefined
  next: EntryQueue<Owner> | undefined

  constructor(retried: boolean) {
    super()
    this.retried = retried
  }
}

/** See the head of this file. */
export class Entry<Owner> implements Linked<Entry<Owner>> {
  readonly ids: Int32Array
  readonly variant: Variant
  readonly hash: number
  /** The scheduler it is in. */
  readonly home: object
  lane: Lane
  /** Threads that were lost while they held it. */
  losses = 0
  /** When the first of its tickets was submitted. */
  since: number
  /** Where it waits; undefined while it runs. */
  queue: EntryQueue<Owner> | undefined
  /** Its number among all that came into its lane. */
  arrival = 0
  previous: Entry<Owner> | undefined
  next: Entry<Owner> | undefined
  /** With such as were withdrawn. */
  #tickets: HeldTicket<Owner>[] = []
  #wanted = 0

  constructor({ ids, variant, lane }: TextToRun, since: number, home: object, hash: number) {
    this.ids = ids
    this.variant = variant
    this.lane = lane
    this.since = since
    this.home = home
    this.hash = hash
  }

  get tokens(): number {
    return this.ids.length
  }

  /** Whether anybody wants it still. */
  get wanted(): boolean {
    return this.#wanted > 0
  }

  /** Those who want it. */
  get tickets(): readonly HeldTicket<Owner>[] {
    return this.#tickets.filter(({ entry }) => entry === this)
  }

  join(ticket: HeldTicket<Owner>): void {
    ticket.entry = this
    this.#tickets.push(ticket)
    this.#wanted++
  }

  /** Takes over who wants `other`, which is the same text. */
  absorb(other: Entry<Owner>): void {
    for (const ticket of other.settle()) this.join(ticket)
    this.since = Math.min(this.since, other.since)
    this.losses = Math.max(this.losses, other.losses)
  }

  /** Forgets one who no longer wants it. */
  leave(ticket: HeldTicket<Owner>): void {
    ticket.entry = undefined
    this.#wanted--
    // At the latest when most are gone, so that tickets that come and go do not add up while one stays.
    if (this.#tickets.length > 2 * this.#wanted) this.#tickets = this.#tickets.filter(({ entry }) => entry === this)
  }

  /** Lets go of those who want it, and says who they were. */
  settle(): readonly HeldTicket<Owner>[] {
    const { tickets } = this
    for (const ticket of tickets) ticket.entry = undefined
    this.#tickets = []
    this.#wanted = 0
    return tickets
  }
}
