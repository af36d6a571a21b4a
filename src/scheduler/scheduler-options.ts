/** The scheduler's options, checked, with their defaults. */
import type { RunLimits } from '../packed/packing.js'
import { show } from '../show.js'
import type { SchedulerOptions } from './contract.js'

/** See {@link SchedulerOptions}. */
export interface ResolvedSchedulerOptions {
  readonly limits: RunLimits
  readonly window: number
  readonly urgentTurns: number
  readonly bulkAgeMs: number
  readonly minSplitTokens: number
}

/**
 * Waiting texts that are looked at to fill a batch. Ten times what a run of 512 tokens holds of short texts, so that
 * some of nearly the same length are among them; sorting so many takes tens of microseconds.
 */
export const WINDOW = 256

/** Interactive batches in a row while bulk waits: four fifths of the time for those who wait for an answer. */
export const URGENT_TURNS = 4

/** In milliseconds: somebody who embeds thousands of texts does not feel a second. */
export const BULK_AGE_MS = 1000

/** Tokens: a run of fewer is not quicker in proportion, as the weights have to be read for any run. */
export const MIN_SPLIT_TOKENS = 64

/** The options with their defaults. Throws where they make no sense, which is a mistake in the pool's own code. */
export function resolveSchedulerOptions(options: SchedulerOptions): ResolvedSchedulerOptions {
  const { limits } = options
  const resolved = {
    window: options.window ?? WINDOW,
    urgentTurns: options.urgentTurns ?? URGENT_TURNS,
    minSplitTokens: options.minSplitTokens ?? MIN_SPLIT_TOKENS,
  }
  for (const [name, value] of Object.entries({ ...resolved, ...limits })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new Error(`Expected \`${name}\` of a scheduler to be an integer of at least 1; got ${show(value)}`)
    }
  }
  const bulkAgeMs = options.bulkAgeMs ?? BULK_AGE_MS
  if (!(bulkAgeMs >= 0)) throw new Error(`Expected \`bulkAgeMs\` to be a number from 0; got ${show(bulkAgeMs)}`)
  return { limits, bulkAgeMs, ...resolved }
}
