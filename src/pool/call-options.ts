/** The options of one call of a pool: those of embedding, and what only a pool knows: lane and deadline. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { BatchEmbedOptions, EmbedOptions, LengthLimit, ResolvedEmbedOptions } from '../inference/options.js'
import { EMBED_OPTIONS, invalid, rejectUnknownKeys, resolveEmbedOptions } from '../inference/options.js'
import type { Lane } from '../scheduler/scheduler.js'
import { LANES } from '../scheduler/scheduler.js'

/** What a pool can do for a call. */
export interface CallOptions {
  /**
   * Who goes first while workers are busy. Somebody waits for an `interactive` text; `bulk` texts take what is left, and
   * at least every fifth batch.
   * @default 'interactive' for `embed`, 'bulk' for `batchEmbed` and `embedStream`
   */
  readonly lane?: Lane | undefined
  /** Gives up after so many milliseconds, loading included; rejects with TIMEOUT. @default none */
  readonly deadlineMs?: number | undefined
}

/** How a pool embeds one text. */
export interface PoolEmbedOptions extends EmbedOptions, CallOptions {}

/** How a pool embeds many texts. */
export interface PoolBatchOptions extends BatchEmbedOptions, CallOptions {}

/** Checked options with defaults filled in. */
export interface ResolvedCallOptions {
  readonly embed: ResolvedEmbedOptions
  readonly lane: Lane
  readonly deadlineMs: number | undefined
}

/** Longest delay of a timer, in milliseconds. */
export const MAX_DEADLINE_MS = 2 ** 31 - 1

/**
 * Checks `options` against what `info` can do.
 *
 * @throws {StellaError} OPTION_INVALID, TASK_UNKNOWN or DIMENSIONS_UNSUPPORTED, naming what is accepted.
 */
export function resolveCallOptions(
  info: StellaModelInfo,
  options: PoolBatchOptions,
  limit: LengthLimit,
  defaultLane: Lane,
): ResolvedCallOptions {
  rejectUnknownKeys(options, [...EMBED_OPTIONS, 'lane', 'deadlineMs'])
  const { lane = defaultLane, deadlineMs, ...rest } = options
  if (!LANES.includes(lane)) throw invalid('lane', LANES.join(' or '), lane)
  if (
    deadlineMs !== undefined &&
    !(typeof deadlineMs === 'number' && deadlineMs > 0 && deadlineMs <= MAX_DEADLINE_MS)
  ) {
    throw invalid('deadlineMs', `milliseconds above 0, at most ${MAX_DEADLINE_MS}`, deadlineMs)
  }
  return { embed: resolveEmbedOptions(info, rest, limit), lane, deadlineMs }
}

/** The longest text that calls of a pool may ask for. */
export function lengthLimit(info: StellaModelInfo, maxLength: number | undefined): LengthLimit {
  if (maxLength === undefined || maxLength >= info.tokens.max) {
    return { tokens: info.tokens.max, reason: `the limit of ${info.key}` }
  }
  return { tokens: maxLength, reason: 'for which this pool has memory; open it with a larger `maxLength`' }
}
