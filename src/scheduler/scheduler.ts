/**
 * Which texts of one model run next, together with which others, and what becomes of them when a run fails. Pure: the
 * clock is an argument, and it knows no thread, no timer and no promise.
 */
import type { Batch, Lane, SchedulerOptions, TextToRun, Ticket } from './contract.js'
import { Entry, HeldTicket, asHeld } from './entry.js'
import type { ResolvedSchedulerOptions } from './scheduler-options.js'
import { resolveSchedulerOptions } from './scheduler-options.js'
import type { TextIdentity } from './text-identity.js'
import { hashText } from './text-identity.js'
import { TextSet } from './text-set.js'
import { WaitingTexts } from './waiting-texts.js'

export { LANES } from './contract.js'
export type { Batch, Lane, SchedulerOptions, TextToRun, Ticket, Variant } from './contract.js'

/** Threads that may be lost with one text. */
export const MOST_LOSSES = 2

/** Texts that are remembered as having cost threads: with 8,192 tokens each, 8 MiB. */
export const REMEMBERED_TEXTS = 256

/** A batch that is out. */
interface Run<Owner> {
  readonly batch: Batch<Owner>
  readonly entries: readonly Entry<Owner>[]
}

/**
 * The queue of one model. All times are milliseconds of one clock that does not go back.
 *
 * What a batch came to is told exactly once, by `succeed`, `fail`, `lose` or `giveBack`. Each ticket comes out exactly
 * once, of one of them or of `drain`, unless it is withdrawn first.
 */
export class Scheduler<Owner> {
  readonly #options: ResolvedSchedulerOptions
  readonly #waiting = new WaitingTexts<Owner>()
  readonly #runs = new Map<number, Run<Owner>>()
  readonly #running = { texts: 0, tokens: 0 }
  /** Texts that cost {@link MOST_LOSSES} threads. */
  readonly #quarantined = new TextSet(REMEMBERED_TEXTS)
  /** Texts that were given up after a first loss: else one that is given up each time would cost a thread each time. */
  readonly #suspects = new TextSet(REMEMBERED_TEXTS)
  #batches = 0
  /** Interactive batches since the last bulk one. */
  #urgentTurns = 0

  /** @param options - What makes no sense throws: it is a mistake in the pool's own code. */
  constructor(options: SchedulerOptions) {
    this.#options = resolveSchedulerOptions(options)
  }

  /** What waits. Texts that several want count once, here as where they run. */
  get waiting(): { readonly texts: number; readonly tokens: number } {
    const { texts, tokens } = this.#waiting
    return { texts, tokens }
  }

  /** What is out, withdrawn texts included: they run on. */
  get running(): { readonly texts: number; readonly tokens: number; readonly batches: number } {
    return { ...this.#running, batches: this.#runs.size }
  }

  /**
   * Takes a text in, at the end of its lane. Where an identical one waits, one run will serve both, in the more urgent
   * of their lanes. One that is running is not joined: it may be about to fail.
   *
   * A quarantined text is taken, and not run a second time after a loss; ask {@link isQuarantined} first.
   */
  submit(text: TextToRun, owner: Owner, now: number): Ticket<Owner> {
    if (text.ids.length === 0) throw new Error('a text without tokens cannot be scheduled')
    const ticket = new HeldTicket(owner, text, now)
    const hash = hashText(text)
    const twin = this.#waiting.find(text, hash)
    if (twin !== undefined) {
      twin.join(ticket)
      if (text.lane === 'interactive' && twin.lane === 'bulk') this.#waiting.hurry(twin)
      return ticket
    }
    const entry = new Entry<Owner>(text, now, this, hash)
    if (this.#suspects.has(text) || this.#quarantined.has(text)) entry.losses = MOST_LOSSES - 1
    entry.join(ticket)
    this.#waiting.add(entry)
    return ticket
  }

  /**
   * The next batch; undefined when nothing waits.
   *
   * @param rooms - Threads that could take a batch right now, this one included: what waits is spread over them.
   */
  take(now: number, rooms: number): Batch<Owner> | undefined {
    if (!Number.isInteger(rooms) || rooms < 1) throw new Error(`a batch is taken for ${rooms} threads`)
    const lane = this.#nextLane(now)
    const { limits, window } = this.#options
    const { entries, retried } = this.#waiting.take(lane, { limits, window, budget: this.#budget(lane, rooms) })
    const [first] = entries
    if (first === undefined) return undefined
    this.#urgentTurns = lane === 'interactive' ? this.#urgentTurns + 1 : 0
    const tickets = entries.map((entry) => entry.tickets)
    const times = tickets.map((row) => row.reduce((least, { submittedAt }) => Math.min(least, submittedAt), now))
    const batch: Batch<Owner> = {
      ...{ id: ++this.#batches, variant: first.variant, lane, retried, takenAt: now, tickets },
      texts: entries.map(({ ids }) => ids),
      tokens: entries.reduce((sum, { tokens }) => sum + tokens, 0),
      since: Math.min(...times),
      suspect: entries.some(({ losses }) => losses > 0),
    }
    this.#runs.set(batch.id, { batch, entries })
    this.#running.texts += entries.length
    this.#running.tokens += batch.tokens
    return batch
  }

  /** A batch has run. Returns who still wants each text, row by row: several where some are identical, or nobody. */
  succeed(batch: Batch<Owner>): readonly (readonly Ticket<Owner>[])[] {
    return this.#end(batch).map((entry) => {
      if (entry.losses > 0) this.#suspects.delete(entry)
      return entry.settle()
    })
  }

  /**
   * The engine refused a batch. Its two halves go again, before anything else of their lane, so that one bad text of `n`
   * stands alone after about `2 log2 n` more runs.
   *
   * @returns who has failed: those of a batch that was a single text.
   */
  fail(batch: Batch<Owner>): readonly Ticket<Owner>[] {
    const entries = this.#end(batch)
    const failed: Ticket<Owner>[] = []
    if (entries.length === 1) return entries.flatMap((entry) => entry.settle())
    const wanted = this.#wantedAgain(entries, failed)
    const middle = Math.ceil(wanted.length / 2)
    this.#waiting.addRetry(wanted.slice(0, middle), batch.lane)
    this.#waiting.addRetry(wanted.slice(middle), batch.lane)
    return failed
  }

  /**
   * The thread that ran a batch is gone. Each text goes once more, before anything else of its lane, and alone, so that
   * the next loss shows which of them it was.
   *
   * @returns who has failed: those of a text whose second loss this was, also where it waits a second time. It is
   * quarantined.
   */
  lose(batch: Batch<Owner>): readonly Ticket<Owner>[] {
    const entries = this.#end(batch)
    const failed: Ticket<Owner>[] = []
    for (const entry of entries) {
      entry.losses++
      if (entry.losses < MOST_LOSSES) continue
      this.#quarantined.add(entry)
      const twin = this.#waiting.find(entry, entry.hash)
      if (twin !== undefined) {
        this.#waiting.remove(twin)
        entry.absorb(twin)
      }
      failed.push(...entry.settle())
    }
    // With a loss to their name, they are not put together.
    this.#waiting.addRetry(this.#wantedAgain(entries, failed), batch.lane)
    return failed
  }

  /**
   * A batch never began: its thread ended, or was let go, before its turn. It goes again as it was, before anything else
   * of its lane, and nothing is held against it.
   *
   * @returns who has failed: those of a text that was quarantined in the meantime.
   */
  giveBack(batch: Batch<Owner>): readonly Ticket<Owner>[] {
    const failed: Ticket<Owner>[] = []
    this.#waiting.addRetry(this.#wantedAgain(this.#end(batch), failed), batch.lane)
    return failed
  }

  /**
   * Its owner no longer wants a text. Waiting, it is taken out with the last who wanted it; running, it runs on.
   *
   * @returns whether it was still out.
   */
  withdraw(ticket: Ticket<Owner>): boolean {
    const held = asHeld(ticket)
    const { entry } = held
    if (entry === undefined) return false
    if (entry.home !== this) throw new Error('a ticket is withdrawn from a scheduler that did not give it')
    entry.leave(held)
    if (!entry.wanted && entry.queue !== undefined) {
      this.#waiting.remove(entry)
      this.#giveUp(entry)
    }
    return true
  }

  /** Takes out all that waits: for a pool that closes, or a model that has no thread left. */
  drain(): readonly Ticket<Owner>[] {
    return this.#waiting.all().flatMap((entry) => {
      this.#waiting.remove(entry)
      this.#giveUp(entry)
      return entry.settle()
    })
  }

  /** Whether a text has cost so many threads that it should not be submitted; among the last {@link REMEMBERED_TEXTS}. */
  isQuarantined(text: TextIdentity): boolean {
    return this.#quarantined.has(text)
  }

  /** Interactive first; but bulk that has waited long gets one turn after so many. */
  #nextLane(now: number): Lane {
    const { urgentTurns, bulkAgeMs } = this.#options
    const { interactive, bulk } = this.#waiting.lanes
    if (interactive.texts === 0) return 'bulk'
    if (bulk.texts === 0 || this.#urgentTurns < urgentTurns) return 'interactive'
    return now - (bulk.since ?? now) >= bulkAgeMs ? 'bulk' : 'interactive'
  }

  /** Tokens of the next batch: all a run may have, or an equal share of what waits where that is less for each thread. */
  #budget(lane: Lane, rooms: number): number {
    const { limits, minSplitTokens } = this.#options
    const share = Math.ceil(this.#waiting.lanes[lane].tokens / rooms)
    return Math.min(limits.runTokens, Math.max(minSplitTokens, share))
  }

  /** Those that go again: somebody wants them, and they were not quarantined while they ran. */
  #wantedAgain(entries: readonly Entry<Owner>[], failed: Ticket<Owner>[]): readonly Entry<Owner>[] {
    return entries.filter((entry) => {
      if (entry.wanted && this.#quarantined.has(entry)) failed.push(...entry.settle())
      else if (!entry.wanted) this.#giveUp(entry)
      return entry.wanted
    })
  }

  /** One goes that nobody wants; what it cost is remembered. */
  #giveUp(entry: Entry<Owner>): void {
    if (entry.losses > 0) this.#suspects.add(entry)
  }

  #end(batch: Batch<Owner>): readonly Entry<Owner>[] {
    const run = this.#runs.get(batch.id)
    if (run?.batch !== batch) throw new Error(`batch ${batch.id} has ended before, or is not of this scheduler`)
    this.#runs.delete(batch.id)
    this.#running.texts -= batch.texts.length
    this.#running.tokens -= batch.tokens
    return run.entries
  }
}
