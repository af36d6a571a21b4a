/** The options of one embedding call: documented, checked once, and frozen. */
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import { clip, show } from '../show.js'
import type { OverflowPolicy } from '../text/overflow.js'
import { OVERFLOW_POLICIES } from '../text/overflow.js'
import type { TaskName } from './task.js'
import { promptFor } from './task.js'
import { isAbortSignal } from '../realm.js'

/** How to embed. */
export interface EmbedOptions {
  /** Picks the prompt put before each text. @default 'document', which puts none */
  readonly task?: TaskName | undefined
  /** A prompt of your own, word for word, instead of a task's. */
  readonly prompt?: string | undefined
  /** Size of the vector: any head of the model, per call. @default the model's `defaultDimensions` */
  readonly dimensions?: number | undefined
  /** Scale each vector to length 1. @default true */
  readonly normalize?: boolean | undefined
  /** Longest text in tokens, prompt and special tokens included. @default the model's `tokens.recommended` */
  readonly maxLength?: number | undefined
  /** What to do with a longer text. @default 'truncate-right' */
  readonly overflow?: OverflowPolicy | undefined
  /** Gives up on the result; rejects with ABORTED. Never harms the loaded model. */
  readonly signal?: AbortSignal | undefined
}

/** How to embed many texts. */
export interface BatchEmbedOptions extends EmbedOptions {
  /** Called after each finished run, with the texts done so far. */
  readonly onProgress?: ((progress: BatchProgress) => void) | undefined
}

/** How far a `batchEmbed` has come. */
export interface BatchProgress {
  /** Texts that have their vectors. */
  readonly done: number
  /** Texts of the call. */
  readonly total: number
}

/** Checked options with defaults filled in. */
export interface ResolvedEmbedOptions {
  /** Text put before each input; may be empty. */
  readonly prompt: string
  readonly dimensions: number
  readonly normalize: boolean
  readonly maxLength: number
  readonly overflow: OverflowPolicy
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: BatchProgress) => void) | undefined
}

/** Names of the options of {@link BatchEmbedOptions}. */
export const EMBED_OPTIONS = [
  'task',
  'prompt',
  'dimensions',
  'normalize',
  'maxLength',
  'overflow',
  'signal',
  'onProgress',
] as const

/** A prompt of this many characters is a mistake: it would be most of every text. */
export const MAX_PROMPT_CHARACTERS = 10_000

/** A length limit must leave room for the special tokens and at least one of the text. */
export const MIN_MAX_LENGTH = 4

/** How long a text may be, and why no longer. */
export interface LengthLimit {
  readonly tokens: number
  /** For the message, after the number. */
  readonly reason: string
}

/**
 * Checks `options` against what `info` can do.
 *
 * @param limit - Longest text that may be asked for. @default the model's
 * @throws {StellaError} OPTION_INVALID, TASK_UNKNOWN or DIMENSIONS_UNSUPPORTED, naming what is accepted.
 */
export function resolveEmbedOptions(
  info: StellaModelInfo,
  options: BatchEmbedOptions = {},
  limit: LengthLimit = { tokens: info.tokens.max, reason: `the limit of ${info.key}` },
): ResolvedEmbedOptions {
  rejectUnknownKeys(options, EMBED_OPTIONS)
  const { task, prompt, normalize = true, overflow = 'truncate-right', signal, onProgress } = options
  if (task !== undefined && prompt !== undefined) throw invalid('prompt', 'absent where `task` is given', prompt)
  if (prompt !== undefined && (typeof prompt !== 'string' || prompt.length > MAX_PROMPT_CHARACTERS)) {
    throw invalid('prompt', `a string of at most ${MAX_PROMPT_CHARACTERS} characters`, prompt)
  }
  if (typeof normalize !== 'boolean') throw invalid('normalize', 'true or false', normalize)
  if (!OVERFLOW_POLICIES.includes(overflow)) throw invalid('overflow', OVERFLOW_POLICIES.join(', '), overflow)
  if (signal !== undefined && !isAbortSignal(signal)) throw invalid('signal', 'an AbortSignal', signal)
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid('onProgress', 'a function', onProgress)
  }
  return Object.freeze({
    prompt: prompt ?? promptFor(info, task === undefined ? 'document' : task),
    dimensions: requireDimensions(info, options.dimensions === undefined ? info.defaultDimensions : options.dimensions),
    normalize,
    maxLength: resolveMaxLength(info, options.maxLength, limit),
    overflow,
    signal,
    onProgress,
  })
}

/**
 * Refuses options this version does not have: a misspelt option would otherwise be a silent default.
 *
 * @throws {StellaError} OPTION_INVALID listing the accepted ones; also where `options` is no object.
 */
export function rejectUnknownKeys(options: object, known: readonly string[]): void {
  const given: unknown = options
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new StellaError('OPTION_INVALID', `Expected the options to be an object; got ${show(given)}`, {
      details: { accepted: known },
    })
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new StellaError('OPTION_INVALID', `Unknown option \`${clip(key)}\`. Accepted: ${known.join(', ')}`, {
        details: { option: clip(key), accepted: known },
      })
    }
  }
}

/** The error of an option with a value that is not accepted. */
export function invalid(option: string, expected: string, value: unknown): StellaError {
  return new StellaError('OPTION_INVALID', `Expected \`${option}\` to be ${expected}; got ${show(value)}`, {
    details: { option, expected },
  })
}

/**
 * `dimensions`, if the model has vectors of that size.
 *
 * @throws {StellaError} DIMENSIONS_UNSUPPORTED naming the sizes it has.
 */
export function requireDimensions(info: StellaModelInfo, dimensions: number): number {
  const accepted = info.heads.length > 0 ? info.heads.map((head) => head.dimensions) : [info.defaultDimensions]
  if (accepted.includes(dimensions)) return dimensions
  throw new StellaError(
    'DIMENSIONS_UNSUPPORTED',
    `${info.key} gives ${accepted.join(', ')} dimensions; got ${show(dimensions)}`,
    { details: { model: info.key, dimensions: Number.isFinite(dimensions) ? dimensions : show(dimensions), accepted } },
  )
}

function resolveMaxLength(info: StellaModelInfo, given: number | undefined, { tokens, reason }: LengthLimit): number {
  const maxLength = given === undefined ? Math.min(info.tokens.recommended, tokens) : given
  if (Number.isInteger(maxLength) && maxLength >= MIN_MAX_LENGTH && maxLength <= tokens) return maxLength
  throw invalid('maxLength', `an integer from ${MIN_MAX_LENGTH} to ${tokens}, ${reason}`, maxLength)
}
