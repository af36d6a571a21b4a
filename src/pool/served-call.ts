/** A call while a loaded model serves it, and each of its texts while it waits and runs. Knows no crew. */
import type { Reservation } from '../scheduler/queue-budget.js'
import type { Batch, Lane, Ticket } from '../scheduler/scheduler.js'
import type { StellaError } from '../errors.js'
import type { TokenizedText } from '../text/tokenized-text.js'
import type { FailureMode, PendingCall } from './pending-call.js'
import { ofText } from './text-errors.js'
import type { EmbedTrace } from './tracing.js'
import { embedTracing } from './tracing.js'

/** A call, and what of it is in the scheduler. */
export type Call = PendingCall<Ticket<Waiting>>

/** What belongs to a call beside its texts. */
export interface CallParts {
  /** The texts' place in the queue's budget, which they give back as they settle. */
  readonly reservation: Reservation
  readonly lane: Lane
  readonly mode: FailureMode
  /** Undefined while nobody traces. */
  readonly trace?: EmbedTrace | undefined
}

/** Where tokenised texts go. */
export interface Destination {
  readonly call: Call
  readonly reservation: Reservation
  readonly lane: Lane
  readonly trace: EmbedTrace | undefined
}

/** Where a text came from, while it waits and runs. */
export interface Waiting {
  readonly call: Call
  readonly place: number
  readonly text: TokenizedText
  readonly reservation: Reservation
  readonly trace: EmbedTrace | undefined
}

/** A text of a call with its tokens, and its place in the call. */
export type PlacedText = readonly [place: number, text: TokenizedText]

/** A function, as it changes meanwhile. */
export function hasEnded(call: Call): boolean {
  return call.ended
}

/** Settles a text that does not come to be run. */
export function refuse({ call, reservation }: Destination, place: number, error: StellaError, tokens = 0): void {
  reservation.settle(tokens)
  call.settle(place, { ok: false, error })
}

/** Settles texts that were in the scheduler with one failure. */
export function refuseAll(tickets: readonly Ticket<Waiting>[], error: StellaError): void {
  const calls = new Set<Call>()
  for (const ticket of tickets) {
    const { call, place, text, reservation } = ticket.owner
    reservation.settle(text.ids.length)
    call.settle(place, { ok: false, error: ofText(error, place) }, ticket)
    calls.add(call)
  }
  for (const call of calls) call.flush()
}

/** How many tokens a call that is traced has. */
export function noteTokens({ trace }: Destination, texts: readonly PlacedText[]): void {
  if (trace !== undefined) trace.tokens = (trace.tokens ?? 0) + tokensOf(texts)
}

/** How long each call that is traced waited for the first of its texts to be run. */
export function noteQueue({ tickets, takenAt }: Batch<Waiting>): void {
  if (!embedTracing.active) return
  for (const { owner, submittedAt } of tickets.flat()) {
    if (owner.trace !== undefined) owner.trace.queueMs ??= takenAt - submittedAt
  }
}

export function tokensOf(texts: readonly PlacedText[]): number {
  return texts.reduce((sum, [, { ids }]) => sum + ids.length, 0)
}
