/** Sources and pools that do what a test tells them, when it tells them. */
import { vi } from 'vitest'

import type { EmbedInput } from '../../src/inference/embed-texts.js'
import { embedStream } from '../../src/pool/embed-stream.js'
import type { StreamErrorPolicy, StreamOptions, Streamed, TextSource } from '../../src/pool/embed-stream.js'
import { resolveStreamOptions } from '../../src/pool/stream-options.js'
import type { EmbedEach, TextOutcome } from '../../src/pool/text-outcome.js'

/** Lets everything that can happen without time happen; a stream looks round once per turn of the event loop. */
export async function settle(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/**
 * Holds the clock by which a stream lets the event loop turn, so that no slow machine adds turns of its own; gives what
 * moves it on, in milliseconds. To be undone with `vi.restoreAllMocks`.
 */
export function holdClock(): (milliseconds: number) => void {
  let now = performance.now()
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  return (milliseconds) => {
    now += milliseconds
  }
}

/** `t0`, `t1`, … */
export function textsOf(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, place) => `t${from + place}`)
}

/** The number in `t17`; what a fake pool gives as its embedding. */
export function numberOf(input: EmbedInput): number {
  return typeof input === 'string' ? Number(input.slice(1)) : (input[0] ?? Number.NaN)
}

/** What the fake pools make of a text. */
export function embedded(input: EmbedInput): TextOutcome {
  return {
    ok: true,
    embedding: Float32Array.of(numberOf(input)),
    tokens: input.length,
    tokensTotal: input.length + 1,
    truncated: input.length > 3,
  }
}

/** A pool that answers at once. */
export const instantly: EmbedEach = (inputs) => Promise.resolve(inputs.map(embedded))

/** A stream as a pool opens it. */
export function open<E extends StreamErrorPolicy = 'throw'>(
  source: TextSource,
  options: StreamOptions<E> = {},
  embedEach: EmbedEach = instantly,
): AsyncGenerator<Streamed<E>, void, void> {
  return embedStream(source, resolveStreamOptions(options), embedEach)
}

/** All that is left in a stream. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

/** What a stream gives until it throws, and what it throws. */
export async function collectUntilFailure<T>(stream: AsyncIterable<T>): Promise<{ items: T[]; error: unknown }> {
  const items: T[] = []
  try {
    for await (const item of stream) items.push(item)
  } catch (error) {
    return { items, error }
  }
  throw new Error(`expected the stream to fail, but it ended after ${items.length}`)
}

/** One call that a {@link ManualPool} has not answered. */
export interface OpenCall {
  readonly inputs: readonly EmbedInput[]
  readonly signal: AbortSignal
  /** Answers; each text with its embedding, unless `outcome` gives another. */
  readonly answer: (outcome?: (input: EmbedInput, place: number) => TextOutcome) => void
  readonly fail: (error: Error) => void
}

/** A pool that answers when it is told to, and rejects when it is aborted. */
export class ManualPool {
  /** Calls that wait for an answer, oldest first. */
  readonly open: OpenCall[] = []
  /** Calls so far, as the numbers of their texts. */
  readonly asked: number[][] = []
  mostTexts = 0
  mostCalls = 0

  readonly embedEach: EmbedEach = (inputs, signal) => {
    this.asked.push(inputs.map(numberOf))
    return new Promise((resolve, reject) => {
      const close = (): void => {
        signal.removeEventListener('abort', abort)
        this.open.splice(this.open.indexOf(call), 1)
      }
      const abort = (): void => {
        close()
        const reason: unknown = signal.reason
        reject(reason instanceof Error ? reason : new Error('aborted without an error'))
      }
      const call: OpenCall = {
        inputs,
        signal,
        answer: (outcome = embedded) => {
          close()
          resolve(inputs.map(outcome))
        },
        fail: (error) => {
          close()
          reject(error)
        },
      }
      this.open.push(call)
      this.mostCalls = Math.max(this.mostCalls, this.open.length)
      this.mostTexts = Math.max(this.mostTexts, this.openTexts)
      signal.addEventListener('abort', abort)
    })
  }

  get openTexts(): number {
    return this.open.reduce((sum, { inputs }) => sum + inputs.length, 0)
  }

  /** The open call that holds text `number`. */
  callOf(number: number): OpenCall {
    const call = this.open.find(({ inputs }) => inputs.some((input) => numberOf(input) === number))
    if (call === undefined) throw new Error(`no open call has text ${number}`)
    return call
  }
}

/** A source that gives an item when it is told to. */
export class ManualSource implements AsyncIterable<EmbedInput> {
  /** Times that it was asked for an item. */
  asked = 0
  returned = 0
  #waiting: { resolve: (result: IteratorResult<EmbedInput>) => void; reject: (error: unknown) => void } | undefined

  /** Whether somebody waits for an item. */
  get wanted(): boolean {
    return this.#waiting !== undefined
  }

  give(value: EmbedInput): void {
    this.#take().resolve({ done: false, value })
  }

  end(): void {
    this.#take().resolve({ done: true, value: undefined })
  }

  fail(error: unknown): void {
    this.#take().reject(error)
  }

  [Symbol.asyncIterator](): AsyncIterator<EmbedInput> {
    return {
      next: () => {
        this.asked++
        return new Promise((resolve, reject) => {
          this.#waiting = { resolve, reject }
        })
      },
      return: () => {
        this.returned++
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }

  #take(): { resolve: (result: IteratorResult<EmbedInput>) => void; reject: (error: unknown) => void } {
    const waiting = this.#waiting
    if (waiting === undefined) throw new Error('nobody has asked')
    this.#waiting = undefined
    return waiting
  }
}

/** A source that is always ready, and counts what was read of it. */
export class CountingSource implements Iterable<EmbedInput> {
  read = 0
  returned = 0
  readonly #texts: readonly EmbedInput[]

  constructor(texts: readonly EmbedInput[]) {
    this.#texts = texts
  }

  [Symbol.iterator](): Iterator<EmbedInput> {
    let place = 0
    return {
      next: () => {
        const value = this.#texts[place++]
        if (value === undefined) return { done: true, value: undefined }
        this.read++
        return { done: false, value }
      },
      return: () => {
        this.returned++
        return { done: true, value: undefined }
      },
    }
  }
}

/** The texts of an array as an async iterable that is always ready. */
export async function* ready(texts: readonly EmbedInput[]): AsyncGenerator<EmbedInput> {
  for (const text of texts) {
    await Promise.resolve()
    yield text
  }
}
