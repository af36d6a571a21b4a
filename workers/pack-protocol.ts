/** What a process that packs weights is told, and what it answers. Plain data: it crosses processes as JSON. */
import type { EncodedError } from './protocol.js'

/** What to pack. */
export interface PackOrder {
  /** Folder of the artefact. */
  readonly artefact: string
  /** An empty folder on the artefact's disk, for the packed form. */
  readonly out: string
  /** Threads inside one run of the check. */
  readonly threads: number
  /** Rows of the embedding table. */
  readonly vocab: number
  /** Texts to check with: the token counts of each run. */
  readonly runs: readonly (readonly number[])[]
}

/** How the packed form compares with the plain one. */
export interface PackCheck {
  /** The largest difference of a number of any vector, relative to the largest number of that vector; null: not finite. */
  readonly difference: number | null
  /** Vectors compared. */
  readonly vectors: number
}

/** The answer. */
export type PackOutcome =
  { readonly ok: true; readonly check: PackCheck } | { readonly ok: false; readonly error: EncodedError }

/** Whether a message is a {@link PackOutcome}. */
export function isPackOutcome(message: unknown): message is PackOutcome {
  return typeof message === 'object' && message !== null && 'ok' in message && typeof message.ok === 'boolean'
}
