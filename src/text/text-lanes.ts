/**
 * Which of the waiting texts go into the next native call. Urgent ones go first, and calls of one lane take turns, so
 * that a call of 100,000 texts does not hold up one of ten. Pure: knows no tokenizer and waits for nothing.
 */
import type { CallLimits } from './native-calls.js'
import { CallLoad } from './native-calls.js'

/** Lanes, most urgent first. */
const LANES = ['interactive', 'bulk'] as const

/** How urgent a call's texts are. */
export type TextLane = (typeof LANES)[number]

/** A call whose texts wait. */
export interface TextSource {
  readonly lane: TextLane
  readonly texts: readonly string[]
  /** UTF-16 units that are put before each text. */
  readonly promptLength: number
}

/** Texts that go into one native call. A call has one slice of them at most. */
export interface TakenTexts<Source> {
  readonly slices: readonly TextSlice<Source>[]
  /** Whether it is one text that exceeds the bounds of a native call. */
  readonly isGiant: boolean
}

/** Some of a call's texts, in their order. */
export interface TextSlice<Source> {
  readonly source: Source
  readonly first: number
  /** The place after the last. */
  readonly end: number
}

/** How texts are chosen. */
export interface LaneLimits extends CallLimits {
  /** Texts that a call may send before it is the next one's turn. */
  readonly textsPerTurn: number
  /** Native calls in a row without a bulk text, after which one begins with a waiting call's turn. */
  readonly urgentTurns: number
}

/** A call's texts from `next` on wait; those from `first` on are in the native call that is being put together. */
interface Waiting {
  first: number
  next: number
  /** Where its turn ends, if it is in the middle of one. */
  turnEnd: number | undefined
}

/** A native call that is being put together. */
interface Taking<Source> {
  readonly load: CallLoad
  readonly taken: Map<Source, Waiting>
  readonly giants: boolean
}

/** See the head of this file. */
export class TextLanes<Source extends TextSource> {
  readonly #limits: LaneLimits
  /** In the order of their turns. */
  readonly #lines = { interactive: new Map<Source, Waiting>(), bulk: new Map<Source, Waiting>() } as const
  #urgentTurns = 0

  constructor(limits: LaneLimits) {
    this.#limits = limits
  }

  /** Puts all texts of a call at the end of its lane. */
  add(source: Source): void {
    if (source.texts.length > 0) this.#lines[source.lane].set(source, { first: 0, next: 0, turnEnd: undefined })
  }

  /** Takes out what waits of a call. */
  remove(source: Source): void {
    this.#lines[source.lane].delete(source)
  }

  /**
   * The texts of the next native call; none when none wait, or giants only and they must.
   *
   * @param giants - Whether a text that exceeds the bounds of a native call may go.
   */
  take(giants = true): TakenTexts<Source> {
    const load = new CallLoad(this.#limits)
    const taken = new Map<Source, Waiting>()
    const turn = (lane: TextLane): boolean => this.#takeTurn(lane, { load, taken, giants })
    const bulkWaits = this.#lines.bulk.size > 0
    // Else urgent texts that never end would starve it.
    if (bulkWaits && this.#urgentTurns >= this.#limits.urgentTurns) turn('bulk')
    for (const lane of LANES) while (turn(lane));
    const hasBulk = [...taken.keys()].some(({ lane }) => lane === 'bulk')
    this.#urgentTurns = bulkWaits && !hasBulk ? this.#urgentTurns + 1 : 0
    const slices = Array.from(taken, ([source, waiting]) => {
      const { first, next } = waiting
      waiting.first = next
      return { source, first, end: next }
    })
    return { slices, isGiant: load.characters > this.#limits.characters }
  }

  /** One turn of the call that is first in line. False once the line is empty or the native call is full. */
  #takeTurn(lane: TextLane, { load, taken, giants }: Taking<Source>): boolean {
    const line = this.#lines[lane]
    for (const [source, waiting] of line) {
      const weight = (place: number): number => source.promptLength + (source.texts[place]?.length ?? 0)
      if (!giants && weight(waiting.next) > this.#limits.characters) continue
      const start = waiting.next
      const end = waiting.turnEnd ?? Math.min(source.texts.length, start + this.#limits.textsPerTurn)
      while (waiting.next < end && load.add(weight(waiting.next))) waiting.next++
      if (waiting.next > start) taken.set(source, waiting)
      // It stays first in line, and goes on with its turn: a long text goes as soon as a native call begins with it.
      waiting.turnEnd = waiting.next < end ? end : undefined
      if (waiting.turnEnd !== undefined) return false
      line.delete(source)
      if (waiting.next < source.texts.length) line.set(source, waiting)
      return true
    }
    return false
  }
}
