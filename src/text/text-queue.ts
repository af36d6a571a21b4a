/**
 * Texts on their way to a tokenizer. While native calls are under way, the texts of all callers gather; the next native
 * call takes them together. Nothing waits for company: an idle queue passes a text on at once, a busy one makes few
 * native calls of many by itself. Knows lanes and places, no ids.
 */
import { StellaError, isStellaError, messageOf } from '../errors.js'
import { abortedError } from '../files/cancellation.js'
import type { CallLimits } from './native-calls.js'
import { CALL_LIMITS } from './native-calls.js'
import type { TextLane, TextSlice, TextSource } from './text-lanes.js'
import { TextLanes } from './text-lanes.js'
import type { EachTokenizer, TextOptions, Tokenized } from './tokenized-text.js'

/**
 * Native calls under way at once. The second keeps the library's threads at work while the ids of the first are taken
 * from it: up to 1.7 times the throughput on short texts. A third gained nothing.
 */
const CALLS_AT_ONCE = 2

/** A quarter of a native call: four callers at least share one. */
const TEXTS_PER_TURN = CALL_LIMITS.texts / 4

/** As many as the scheduler runs urgent batches in a row. */
const URGENT_TURNS = 4

/** Codes of failures that may be one text's fault; any other is the tokenizer's own, and each text would meet it. */
const MAY_BE_A_TEXT: readonly string[] = ['INTERNAL', 'WORKER_LOST']

/** What a queue can be told. */
export interface TextQueueOptions {
  /** Bounds of one native call. @default CALL_LIMITS */
  readonly limits?: CallLimits | undefined
  /** Native calls under way at once. @default 2 */
  readonly callsAtOnce?: number | undefined
}

/** Who wants texts tokenised. */
export interface TextRequest {
  readonly lane: TextLane
  /** Takes out what waits. Many calls may share a signal only if it allows as many listeners. */
  readonly signal?: AbortSignal | undefined
  /**
   * Called for some texts at a time: the place of the first, and what came of it and of those after it. Each text is
   * told of once; parts may come in any order. Called no more after an abort.
   */
  readonly onPart: (first: number, outcomes: readonly Tokenized[]) => void
}

/** Where errors know texts by other places than their own. */
export interface QueuedOptions extends TextOptions {
  /** What to call each text in errors. @default its place */
  readonly places?: readonly number[] | undefined
}

/** A call whose texts wait or are being tokenised. */
interface Call extends TextSource {
  readonly options: TextOptions
  readonly places: readonly number[] | undefined
  readonly onPart: TextRequest['onPart']
  /** Texts that were not told of. */
  left: number
  ended: boolean
  /** Ends the call: its promise resolves, or rejects with `error`. */
  readonly end: (error?: Error) => void
}

type Slice = TextSlice<Call>

/** See the head of this file. */
export class TextQueue {
  readonly #tokenizer: EachTokenizer
  readonly #lanes: TextLanes<Call>
  readonly #callsAtOnce: number
  /** Texts of native calls that failed, each to be tried again by itself. */
  readonly #suspects: Slice[] = []
  #underway = 0
  /** Whether what is under way is a suspect. */
  #isAlone = false
  /** One at a time: two books at once would hold up the texts of everybody else for seconds. */
  #isGiantUnderway = false

  constructor(tokenizer: EachTokenizer, { limits = CALL_LIMITS, callsAtOnce = CALLS_AT_ONCE }: TextQueueOptions = {}) {
    this.#tokenizer = tokenizer
    this.#lanes = new TextLanes({ ...limits, textsPerTurn: TEXTS_PER_TURN, urgentTurns: URGENT_TURNS })
    this.#callsAtOnce = callsAtOnce
  }

  /**
   * Tokenises texts, each for itself. Resolves once `onPart` was told of every one.
   *
   * @param texts - Not to be changed until then.
   * @throws {StellaError} ABORTED, or the signal's own; no text's failure.
   * @throws what `onPart` throws, which ends the call.
   */
  encode(texts: readonly string[], options: QueuedOptions, request: TextRequest): Promise<void> {
    const { signal, lane, onPart } = request
    const { prompt, maxLength, overflow, places } = options
    return new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        if (signal !== undefined) call.end(abortedError(signal, 'tokenising'))
      }
      const call: Call = {
        ...{ lane, texts, promptLength: prompt.length, places, onPart },
        options: { prompt, maxLength, overflow },
        left: texts.length,
        ended: false,
        end: (error) => {
          if (call.ended) return
          call.ended = true
          signal?.removeEventListener('abort', abort)
          this.#lanes.remove(call)
          if (error === undefined) resolve()
          else reject(error)
        },
      }
      if (signal?.aborted === true) abort()
      else if (texts.length === 0) call.end()
      if (call.ended) return
      signal?.addEventListener('abort', abort, { once: true })
      this.#lanes.add(call)
      this.#start()
    })
  }

  /** Makes native calls while texts wait and there is room. */
  #start(): void {
    while (!this.#isAlone) {
      const [suspect] = this.#suspects
      if (suspect?.source.ended === true) {
        this.#suspects.shift()
      } else if (suspect !== undefined) {
        if (this.#underway > 0) return
        this.#suspects.shift()
        this.#isAlone = true
        void this.#run([suspect])
      } else {
        if (this.#underway >= this.#callsAtOnce) return
        const { slices, isGiant } = this.#lanes.take(!this.#isGiantUnderway)
        if (slices.length === 0) return
        void this.#run(slices, isGiant)
      }
    }
  }

  async #run(slices: readonly Slice[], isGiant = false): Promise<void> {
    this.#underway++
    this.#isGiantUnderway ||= isGiant
    const told = await this.#encode(slices)
    this.#underway--
    this.#isAlone = false
    if (isGiant) this.#isGiantUnderway = false
    // First, so that the library works while the callers are told.
    this.#start()
    for (const [{ source, first }, outcomes] of told) deliver(source, first, outcomes)
  }

  /** What came of the texts that need not be tried again. Never rejects. */
  async #encode(slices: readonly Slice[]): Promise<readonly (readonly [Slice, readonly Tokenized[]])[]> {
    try {
      const outcomes = await this.#native(slices)
      let start = 0
      return slices.map((slice) => {
        const from = start
        start += lengthOf(slice)
        return [slice, outcomes.slice(from, start)]
      })
    } catch (error) {
      const failure = asFailure(error)
      const concernsAll = !MAY_BE_A_TEXT.includes(failure.code)
      if (!this.#isAlone && !concernsAll) {
        // Which of its texts it failed for, or whether another native call broke what both ran on, shows once each runs
        // alone, with no other native call beside it.
        for (const slice of slices) this.#suspects.push(...textsOf(slice))
        return []
      }
      const failed = concernsAll ? [...slices, ...this.#suspects.splice(0)] : slices
      return failed.map((slice) => [slice, new Array<Tokenized>(lengthOf(slice)).fill(failure)])
    }
  }

  async #native(slices: readonly Slice[]): Promise<readonly Tokenized[]> {
    const texts = slices.flatMap(({ source, first, end }) => source.texts.slice(first, end))
    const options = slices.flatMap((slice) => new Array<TextOptions>(lengthOf(slice)).fill(slice.source.options))
    const places = slices.flatMap((slice) => {
      const { source, first } = slice
      return Array.from({ length: lengthOf(slice) }, (_, index) => source.places?.[first + index] ?? first + index)
    })
    const outcomes = await this.#tokenizer.encodeEach(texts, options, places)
    if (outcomes.length === texts.length) return outcomes
    throw new StellaError('INTERNAL', `The tokenizer gave ${outcomes.length} outcomes for ${texts.length} texts`)
  }
}

function lengthOf({ first, end }: Slice): number {
  return end - first
}

/** A slice for each text. */
function textsOf({ source, first, end }: Slice): readonly Slice[] {
  return Array.from({ length: end - first }, (_, index) => ({ source, first: first + index, end: first + index + 1 }))
}

/** Tells a call of some of its texts. */
function deliver(call: Call, first: number, outcomes: readonly Tokenized[]): void {
  if (call.ended) return
  call.left -= outcomes.length
  try {
    call.onPart(first, outcomes)
  } catch (error) {
    call.end(error instanceof Error ? error : new StellaError('INTERNAL', messageOf(error), { cause: error }))
    return
  }
  if (call.left === 0) call.end()
}

function asFailure(error: unknown): StellaError {
  if (isStellaError(error)) return error
  return new StellaError('INTERNAL', `The tokenizer failed: ${messageOf(error)}`, { cause: error })
}
