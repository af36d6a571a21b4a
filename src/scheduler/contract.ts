/** What goes into a scheduler and what comes out of it. Knows nothing of how it decides. */
import type { RunLimits } from '../packed/packing.js'

/** How urgent texts are, most urgent first. */
export const LANES = ['interactive', 'bulk'] as const

/**
 * `interactive`: somebody waits for this text. `bulk`: many texts, and somebody waits for the last of them.
 *
 * @useDeclaredType
 */
export type Lane = (typeof LANES)[number]

/** What texts must have in common to be run together. */
export interface Variant {
  readonly dimensions: number
  readonly normalize: boolean
}

/** A text that is to be run. */
export interface TextToRun {
  /** int32 `[tokens]`, at least one; not to be written to until the text is settled. */
  readonly ids: Int32Array
  readonly variant: Variant
  readonly lane: Lane
}

/** One submitted text. A handle: only the scheduler that gave it knows what became of it. */
export interface Ticket<Owner> {
  readonly owner: Owner
  readonly tokens: number
  /** As submitted: where an identical text waited in the urgent lane, both run there. */
  readonly lane: Lane
  readonly submittedAt: number
}

/** Texts to be run together, of one lane and one variant. */
export interface Batch<Owner> {
  /** Counts from 1, in the order in which batches were taken. */
  readonly id: number
  readonly variant: Variant
  readonly lane: Lane
  /** int32 `[tokens]` each; a row of the result each, in this order. */
  readonly texts: readonly Int32Array[]
  readonly tokens: number
  readonly takenAt: number
  /** When the oldest of its tickets was submitted. */
  readonly since: number
  /** Whether it has been out before: after an error, or on a thread that was lost. */
  readonly retried: boolean
  /** Whether a thread was lost with it before: run beside another batch, it could not be told which ends the next. */
  readonly suspect: boolean
  /** Who wanted each text when it was taken, by row. Who wants it once it has run, `succeed` says. */
  readonly tickets: readonly (readonly Ticket<Owner>[])[]
}

/** How a scheduler decides. */
export interface SchedulerOptions {
  readonly limits: RunLimits
  /** Waiting texts that are looked at to fill a batch. @default 256 */
  readonly window?: number | undefined
  /** Interactive batches in a row, after which a bulk batch goes if its texts have waited long. @default 4 */
  readonly urgentTurns?: number | undefined
  /** How long is long, in milliseconds. @default 1000 */
  readonly bulkAgeMs?: number | undefined
  /** A batch that is made smaller so that idle threads share the work is not made smaller than this, in tokens. @default 64 */
  readonly minSplitTokens?: number | undefined
}
