/** The options of one `embedStream`, and what it yields: documented, checked once, and frozen. */
import { StellaError } from '../errors.js'
import type { EmbedInput } from '../inference/embed-texts.js'
import type { EmbedOptions } from '../inference/options.js'
import { invalid, rejectUnknownKeys } from '../inference/options.js'
import { show } from '../show.js'
import type { CallOptions } from './call-options.js'
import { isAbortSignal } from '../realm.js'

/** Where a stream's texts come from. */
export type TextSource = AsyncIterable<EmbedInput> | Iterable<EmbedInput>

/** What becomes of a text that cannot be embedded. */
export type StreamErrorPolicy =
  /** It ends the stream, which throws its error. */
  | 'throw'
  /** It is yielded with its error, and the stream goes on. */
  | 'yield'

/** How to embed a stream of texts. */
export interface StreamOptions<E extends StreamErrorPolicy = StreamErrorPolicy> extends EmbedOptions, CallOptions {
  /** Gives up on a chunk of texts that is not embedded within so many milliseconds; TIMEOUT. @default none */
  readonly deadlineMs?: number | undefined
  /** Yield in the order of the source. Else as they are done: nothing waits behind a long text. @default true */
  readonly ordered?: boolean | undefined
  /** The `position` to go on from: so many items of the source are passed over. @default 0 */
  readonly from?: number | undefined
  /** What becomes of a text that cannot be embedded. @default 'throw' */
  readonly onError?: E | undefined
  /** Texts handed to the pool together, at most; long texts make smaller chunks. @default 64 */
  readonly chunkTexts?: number | undefined
  /** Chunks that the pool has at once, at most. @default 8 */
  readonly concurrency?: number | undefined
  /**
   * How many texts may be read from the source beyond `position`. Bounds the memory of a slow consumer, and what a
   * restart repeats.
   * @default 1024
   */
  readonly maxInFlight?: number | undefined
  /** Called after each chunk and at the end. */
  readonly onProgress?: ((progress: StreamProgress) => void) | undefined
}

/** How far a stream has come. */
export interface StreamProgress {
  /** Texts that were embedded, or could not be, since this stream began. */
  readonly done: number
  /** Every text before this one was yielded, and the consumer has since asked for more. */
  readonly position: number
}

/** The embedding of one text of a stream. */
export interface StreamedEmbedding {
  /** Place in the source, from 0. */
  readonly index: number
  /** `[dimensions]` */
  readonly embedding: Float32Array
  /** Tokens that were run. */
  readonly tokens: number
  /** Whether the text was cut at `maxLength`. */
  readonly truncated: boolean
  /** Where to go on from: every text before this place of the source has been yielded, this one included. */
  readonly position: number
  /** Tells it from a {@link StreamedFailure}. */
  readonly error?: undefined
}

/** A text of a stream that could not be embedded. */
export interface StreamedFailure {
  /** Place in the source, from 0. */
  readonly index: number
  /** Why it has no vector. */
  readonly error: StellaError
  /** As in {@link StreamedEmbedding}. */
  readonly position: number
}

/** What a stream yields under an error policy. */
export type Streamed<E extends StreamErrorPolicy> = E extends 'yield'
  ? StreamedEmbedding | StreamedFailure
  : StreamedEmbedding

/** Checked options with defaults filled in. */
export interface ResolvedStreamOptions<E extends StreamErrorPolicy = StreamErrorPolicy> {
  /** The options of each chunk's call, still to be checked against the model. */
  readonly call: EmbedOptions & CallOptions
  readonly signal: AbortSignal | undefined
  readonly ordered: boolean
  readonly from: number
  readonly onError: E
  readonly chunkTexts: number
  readonly concurrency: number
  readonly maxInFlight: number
  readonly onProgress: ((progress: StreamProgress) => void) | undefined
}

/** All options; one that is missing here does not compile. */
const ACCEPTED = {
  task: true,
  prompt: true,
  dimensions: true,
  normalize: true,
  maxLength: true,
  overflow: true,
  signal: true,
  lane: true,
  deadlineMs: true,
  ordered: true,
  from: true,
  onError: true,
  chunkTexts: true,
  concurrency: true,
  maxInFlight: true,
  onProgress: true,
} as const satisfies Record<keyof StreamOptions, true>

const ERROR_POLICIES = ['throw', 'yield'] as const satisfies readonly StreamErrorPolicy[]

/** Fills a few batches with texts of like length, and is soon done. In texts. */
const DEFAULT_CHUNK_TEXTS = 64

/** In chunks; with the default size, 512 texts for the pool to choose from. */
const DEFAULT_CONCURRENCY = 8

/** Twice what the pool has at once; with 8192 dimensions, 32 MiB of vectors. In texts. */
const DEFAULT_MAX_IN_FLIGHT = 1024

/** Above this a call for many texts does as well. In texts. */
const MAX_CHUNK_TEXTS = 4096

/** More calls at once than this are no help to any pool. In chunks. */
const MAX_CONCURRENCY = 256

/** Most texts between the slowest and the source: 2 GiB of vectors of 8192 dimensions. In texts. */
const MAX_MAX_IN_FLIGHT = 65_536

/**
 * Checks what concerns the stream; the rest is in `call`, for whoever knows the model.
 *
 * @throws {StellaError} OPTION_INVALID naming the option and what is accepted.
 */
export function resolveStreamOptions<E extends StreamErrorPolicy = 'throw'>(
  options: StreamOptions<E> = {},
): ResolvedStreamOptions<E> {
  rejectUnknownKeys(options, Object.keys(ACCEPTED))
  const {
    ordered = true,
    from = 0,
    // Absent, `E` is inferred as its default.
    onError = 'throw' as E,
    chunkTexts = DEFAULT_CHUNK_TEXTS,
    concurrency = DEFAULT_CONCURRENCY,
    maxInFlight = DEFAULT_MAX_IN_FLIGHT,
    onProgress,
    signal,
    ...call
  } = options
  if (typeof ordered !== 'boolean') throw invalid('ordered', 'true or false', ordered)
  if (!ERROR_POLICIES.includes(onError)) throw invalid('onError', ERROR_POLICIES.join(' or '), onError)
  if (!Number.isSafeInteger(from) || from < 0) throw invalid('from', 'the `position` of an earlier stream, or 0', from)
  checkCount('chunkTexts', chunkTexts, MAX_CHUNK_TEXTS)
  checkCount('concurrency', concurrency, MAX_CONCURRENCY)
  checkCount('maxInFlight', maxInFlight, MAX_MAX_IN_FLIGHT)
  if (signal !== undefined && !isAbortSignal(signal)) throw invalid('signal', 'an AbortSignal', signal)
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid('onProgress', 'a function', onProgress)
  }
  return Object.freeze({
    call: Object.freeze({ ...call, lane: call.lane ?? 'bulk' }),
    signal,
    ordered,
    from,
    onError,
    chunkTexts,
    concurrency,
    maxInFlight,
    onProgress,
  })
}

/**
 * Refuses what is no source of texts, and what is one by mistake: a single text would be embedded letter by letter.
 *
 * @throws {StellaError} INPUT_INVALID saying what to give.
 */
export function checkTextSource(given: unknown): void {
  if (typeof given === 'string' || given instanceof String) {
    throw refused(
      'Expected many texts; got one, which would be read letter by letter. Put it in an array, or use `embed`',
    )
  }
  if (ArrayBuffer.isView(given)) {
    throw refused(
      `Expected many texts; got ${show(given)}. Put the token ids of one text in an array, or use \`embed\``,
    )
  }
  if (typeof given === 'object' && given !== null) {
    const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = given as Partial<
      AsyncIterable<unknown> & Iterable<unknown>
    >
    if (typeof async === 'function' || typeof sync === 'function') return
  }
  const hint = typeof given === 'function' ? '; call it, if it is a generator function' : ''
  throw refused(
    `Expected texts as an array, a stream, a generator or another iterable or async iterable; got ${show(given)}${hint}`,
  )
}

function checkCount(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return
  throw invalid(name, `an integer from 1 to ${max}`, value)
}

function refused(message: string): StellaError {
  return new StellaError('INPUT_INVALID', message, { details: { argument: 'texts' } })
}
