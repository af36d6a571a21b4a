/** How a model is loaded ahead of its first call: documented, and checked once. */
import type { StellaModelInfo } from '../../registry/types.js'
import { invalid, rejectUnknownKeys, resolveEmbedOptions } from '../inference/options.js'

/** How to load a model ahead of its first call. */
export interface PreloadOptions {
  /** Head to have ready, also where it has yet to be downloaded. @default the model's default */
  readonly dimensions?: number | undefined
  /** Keep it loaded until `unpin`, `evict` or `close`. @default false */
  readonly pin?: boolean | undefined
  /** Gives up waiting. When nobody else waits for the model, its download or conversion ends too. */
  readonly signal?: AbortSignal | undefined
}

/** Checked, with defaults filled in. */
export interface ResolvedPreloadOptions {
  readonly dimensions: number
  readonly pin: boolean
  readonly signal: AbortSignal | undefined
}

/** @throws {StellaError} OPTION_INVALID or DIMENSIONS_UNSUPPORTED, naming what is accepted. */
export function resolvePreloadOptions(info: StellaModelInfo, options: PreloadOptions): ResolvedPreloadOptions {
  rejectUnknownKeys(options, ['dimensions', 'pin', 'signal'])
  const { pin = false, ...rest } = options
  if (typeof pin !== 'boolean') throw invalid('pin', 'true or false', pin)
  const { dimensions, signal } = resolveEmbedOptions(info, rest)
  return { dimensions, pin, signal }
}
