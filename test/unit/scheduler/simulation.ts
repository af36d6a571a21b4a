/**
 * A scheduler beside a model of it that is too simple to be wrong: every step is done to both, and what they say is
 * compared. Threads are batches that are out; the clock is a number.
 */
import type { RunLimits } from '../../../src/packed/packing.js'
import type { Batch, Lane, Ticket } from '../../../src/scheduler/scheduler.js'
import { LANES, MOST_LOSSES, Scheduler } from '../../../src/scheduler/scheduler.js'
import type { Held, KnownText } from './simulated-queue.js'
import { SimulatedQueue, at, check, must } from './simulated-queue.js'

export const SIMULATED_LIMITS: RunLimits = { runTokens: 64, paddedPlaces: 128, aloneFrom: 50 }
const URGENT_TURNS = 4
const BULK_AGE_MS = 1000

/** How a batch ends. */
export const ENDINGS = ['succeed', 'fail', 'lose', 'giveBack'] as const

/** One thing that happens. Numbers that pick something wrap around. */
export type Step =
  | { readonly do: 'submit'; readonly text: number; readonly lane: Lane }
  | { readonly do: 'take'; readonly rooms: number }
  | { readonly do: (typeof ENDINGS)[number]; readonly pick: number }
  | { readonly do: 'withdraw'; readonly pick: number }
  | { readonly do: 'drain' }
  | { readonly do: 'wait'; readonly ms: number }

interface Out {
  readonly batch: Batch<number>
  readonly rows: readonly Held[]
}

/** Tickets among which one is picked to be withdrawn. */
const REMEMBERED_TICKETS = 256

/** See the head of this file. Throws on the first thing that is not as it should be. */
export class Simulation {
  readonly counts = { submitted: 0, delivered: 0, failed: 0, withdrawn: 0, drained: 0, batches: 0, coalesced: 0 }
  readonly #texts: readonly KnownText[]
  readonly #scheduler = new Scheduler<number>({ limits: SIMULATED_LIMITS, window: 32, minSplitTokens: 16 })
  readonly #queue: SimulatedQueue
  readonly #out: Out[] = []
  readonly #recent: Ticket<number>[] = []
  readonly #quarantined = new Set<number>()
  readonly #suspects = new Set<number>()
  readonly #running = { texts: 0, tokens: 0 }
  #urgentTurns = 0
  #now = 0

  /** @param lengths - Of the texts there are. */
  constructor(lengths: readonly number[]) {
    this.#texts = lengths.map((length, index) => {
      const ids = new Int32Array(length)
      ids[0] = index
      return { ids, variant: { dimensions: index % 3 === 0 ? 256 : 1024, normalize: index % 7 !== 0 } }
    })
    this.#queue = new SimulatedQueue(this.#texts)
  }

  apply(step: Step): void {
    switch (step.do) {
      case 'submit':
        this.#submit(step.text % this.#texts.length, step.lane)
        break
      case 'take':
        this.#take(step.rooms)
        break
      case 'withdraw':
        this.#withdraw(step.pick)
        break
      case 'drain':
        this.#drain()
        break
      case 'wait':
        this.#now += step.ms
        break
      case 'succeed':
      case 'fail':
      case 'lose':
      case 'giveBack':
        this.#end(step.pick, step.do)
    }
    this.#compare()
  }

  /** Runs all there is, and makes sure that nothing is left and every ticket has come out. */
  finish(): void {
    while (this.#out.length > 0) this.apply({ do: 'succeed', pick: 0 })
    while (this.#take(1)) this.apply({ do: 'succeed', pick: 0 })
    const { submitted, delivered, failed, withdrawn, drained } = this.counts
    check(this.#queue.waiting.size === 0, 'something is left')
    check(this.#queue.live.size === 0, `${this.#queue.live.size} tickets never came out`)
    check(submitted === delivered + failed + withdrawn + drained, 'more or fewer came out than went in')
  }

  #submit(text: number, lane: Lane): void {
    const known = at(this.#texts, text)
    check(this.#scheduler.isQuarantined(known) === this.#quarantined.has(text), 'quarantined the wrong text')
    if (this.#quarantined.has(text)) return
    const ticket = this.#scheduler.submit({ ...known, lane }, text, this.#now)
    this.counts.submitted++
    this.#recent[this.counts.submitted % REMEMBERED_TICKETS] = ticket
    check(ticket.tokens === known.ids.length && ticket.submittedAt === this.#now, 'the ticket is wrong')
    const twin = this.#queue.waiting.get(text)
    const held = twin ?? this.#entry(text, lane)
    if (twin === undefined) this.#queue.put(held)
    else {
      this.counts.coalesced++
      if (lane === 'interactive' && twin.lane === 'bulk') this.#queue.put({ ...this.#queue.pull(twin), lane })
    }
    const now = this.#queue.waiting.get(text) ?? held
    now.tickets.add(ticket)
    this.#queue.live.set(ticket, now)
  }

  #entry(text: number, lane: Lane): Held {
    const losses = this.#suspects.has(text) ? 1 : 0
    return { text, lane, since: this.#now, losses, retried: false, deadline: 0, tickets: new Set() }
  }

  #take(rooms: number): boolean {
    const oldestBulk = this.#queue.oldestBulk
    const waitingTokens = { ...this.#queue.tokens }
    const batch = this.#scheduler.take(this.#now, rooms)
    if (batch === undefined) {
      check(this.#queue.waiting.size === 0, 'nothing is taken, and something waits')
      return false
    }
    this.counts.batches++
    const { lane, retried } = batch
    this.#checkTurn(lane, oldestBulk)
    check(retried === this.#queue.retried[lane] > 0, 'what has run before does not go first')
    if (!retried) this.#queue.freshBatches[lane]++
    const rows = batch.texts.map((ids, row) => {
      const held = must(this.#queue.waiting.get(ids[0] ?? -1), 'a text is taken that does not wait')
      check(held.lane === lane && held.retried === retried, 'a text is taken from where it does not wait')
      check(
        retried || held.deadline >= this.#queue.freshBatches[lane],
        'a text waited for more batches than were before it',
      )
      check(sameMembers(held.tickets, at(batch.tickets, row)), 'a row has other tickets than waited')
      return this.#queue.pull(held)
    })
    this.#checkLimits(batch, rows, rooms, waitingTokens[lane])
    this.#out.push({ batch, rows })
    this.#running.texts += rows.length
    this.#running.tokens += batch.tokens
    return true
  }

  #checkTurn(lane: Lane, oldestBulk: number | undefined): void {
    const both = LANES.every((lane) => this.#queue.fresh[lane] + this.#queue.retried[lane] > 0)
    if (both && lane === 'bulk') check(this.#urgentTurns >= URGENT_TURNS, 'bulk goes before its turn')
    if (both && oldestBulk !== undefined && this.#urgentTurns >= URGENT_TURNS) {
      check((lane === 'bulk') === this.#now - oldestBulk >= BULK_AGE_MS, 'the lanes take turns otherwise')
    }
    this.#urgentTurns = lane === 'bulk' ? 0 : this.#urgentTurns + 1
  }

  #checkLimits(batch: Batch<number>, rows: readonly Held[], rooms: number, waiting: number): void {
    const lengths = batch.texts.map((ids) => ids.length)
    const tokens = lengths.reduce((sum, length) => sum + length, 0)
    check(batch.tokens === tokens, 'the tokens are not those of the texts')
    check(batch.since === Math.min(...batch.tickets.flat().map(({ submittedAt }) => submittedAt)), 'not the oldest')
    for (const { text } of rows) {
      const { dimensions, normalize } = at(this.#texts, text).variant
      const fits = dimensions === batch.variant.dimensions && normalize === batch.variant.normalize
      check(fits, 'a text of another variant')
    }
    if (lengths.length === 1) return
    const longest = Math.max(...lengths)
    check(tokens <= SIMULATED_LIMITS.runTokens, 'too many tokens')
    check(longest < SIMULATED_LIMITS.aloneFrom, 'a long text is not alone')
    check(lengths.length * longest <= SIMULATED_LIMITS.paddedPlaces, 'too many padded places')
    check(
      rows.every(({ losses }) => losses === 0),
      'a text that may have cost a thread is not alone',
    )
    const share = Math.max(16, Math.ceil(waiting / rooms))
    check(batch.retried || tokens <= share, 'one thread takes more than its share')
  }

  #end(pick: number, ending: (typeof ENDINGS)[number]): void {
    if (this.#out.length === 0) return
    const index = pick % this.#out.length
    const { batch, rows } = at(this.#out, index)
    this.#out.splice(index, 1)
    this.#running.texts -= rows.length
    this.#running.tokens -= batch.tokens
    if (ending === 'succeed') {
      const delivered = this.#scheduler.succeed(batch)
      check(delivered.length === rows.length, 'not a list for each row')
      for (const [row, held] of rows.entries()) {
        check(sameMembers(held.tickets, at(delivered, row)), 'a result for others than wanted it')
        if (held.losses > 0) this.#suspects.delete(held.text)
        this.counts.delivered += this.#settle(held)
      }
      return
    }
    const failed = new Set(this.#scheduler[ending](batch))
    const expected = rows.flatMap((held) => this.#rowEnded(held, ending, rows.length, batch.lane))
    check(sameMembers(failed, expected), 'others failed than should have')
    this.counts.failed += expected.length
  }

  /** What comes of a row of a batch that did not succeed. Returns who fails. */
  #rowEnded(held: Held, ending: (typeof ENDINGS)[number], rows: number, lane: Lane): readonly Ticket<number>[] {
    if (ending === 'lose') held.losses++
    const twin = this.#queue.waiting.get(held.text)
    if (ending === 'lose' && held.losses >= MOST_LOSSES) {
      this.#quarantined.add(held.text)
      if (twin !== undefined) this.#merge(held, this.#queue.pull(twin))
      return this.#fail(held)
    }
    if (ending === 'fail' && rows === 1) return this.#fail(held)
    if (held.tickets.size === 0) {
      this.#giveUp(held)
      return []
    }
    if (this.#quarantined.has(held.text)) return this.#fail(held)
    if (twin !== undefined) this.#merge(held, this.#queue.pull(twin))
    held.retried = true
    check(held.lane === lane || held.lane === 'interactive', 'became less urgent')
    this.#queue.put(held)
    return []
  }

  #merge(held: Held, twin: Held): void {
    for (const ticket of twin.tickets) {
      held.tickets.add(ticket)
      this.#queue.live.set(ticket, held)
    }
    held.since = Math.min(held.since, twin.since)
    held.losses = Math.max(held.losses, twin.losses)
    if (twin.lane === 'interactive') held.lane = 'interactive'
  }

  #withdraw(pick: number): void {
    const ticket = this.#recent[pick % REMEMBERED_TICKETS]
    if (ticket === undefined) return
    const held = this.#queue.live.get(ticket)
    check(this.#scheduler.withdraw(ticket) === (held !== undefined), 'withdrawn, and not out; or the other way round')
    check(!this.#scheduler.withdraw(ticket), 'withdrawn twice')
    if (held === undefined) return
    this.#queue.live.delete(ticket)
    this.counts.withdrawn++
    held.tickets.delete(ticket)
    if (held.tickets.size > 0 || this.#queue.waiting.get(held.text) !== held) return
    this.#queue.pull(held)
    this.#giveUp(held)
  }

  #drain(): void {
    const drained = this.#scheduler.drain()
    const all = [...this.#queue.waiting.values()]
    check(
      sameMembers(
        new Set(drained),
        all.flatMap(({ tickets }) => [...tickets]),
      ),
      'drained others than waited',
    )
    for (const held of all) {
      this.#queue.pull(held)
      this.#giveUp(held)
      this.counts.drained += this.#settle(held)
    }
  }

  #fail(held: Held): readonly Ticket<number>[] {
    const tickets = [...held.tickets]
    this.#settle(held)
    return tickets
  }

  #settle(held: Held): number {
    for (const ticket of held.tickets) check(this.#queue.live.delete(ticket), 'a ticket comes out twice')
    return held.tickets.size
  }

  #giveUp({ text, losses }: Held): void {
    if (losses > 0) this.#suspects.add(text)
  }

  #compare(): void {
    const { waiting, running } = this.#scheduler
    check(
      waiting.texts === this.#queue.waiting.size,
      `${waiting.texts} texts wait, and should ${this.#queue.waiting.size}`,
    )
    check(waiting.tokens === this.#queue.tokens.interactive + this.#queue.tokens.bulk, 'the waiting tokens are wrong')
    check(running.batches === this.#out.length, 'the running batches are wrong')
    check(running.texts === this.#running.texts && running.tokens === this.#running.tokens, 'what runs is wrong')
  }
}

/** Whether these are the members of the set, each once. */
function sameMembers<T>(set: ReadonlySet<T>, items: readonly T[]): boolean {
  return set.size === items.length && items.every((item) => set.has(item))
}
