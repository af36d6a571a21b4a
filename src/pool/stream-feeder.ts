/**
 * Reads a stream's source into chunks and sends them: as far ahead as the window allows, and no text later than the
 * source makes it. Knows nothing of the consumer.
 */
import { StellaError } from '../errors.js'
import type { EmbedInput } from '../inference/embed-texts.js'
import { show } from '../show.js'
import type { ChunkSender, StreamText } from './chunk-sender.js'
import type { Delivery } from './stream-delivery.js'
import type { ResolvedStreamOptions, TextSource } from './stream-options.js'
import { StreamSource } from './stream-source.js'
import type { StreamWindow } from './stream-window.js'
import { isInt32Array } from '../realm.js'

/** What a feeder works between. */
export interface FeederParts {
  readonly given: TextSource
  readonly options: ResolvedStreamOptions
  readonly window: StreamWindow<Delivery>
  readonly sender: ChunkSender
  /** Called with an item that is no text; it was admitted to the window as `index`. */
  readonly onRefused: (index: number, error: StellaError) => void
  /** Called when the source has ended. */
  readonly onEnd: () => void
}

/** Why nothing more is read. */
export interface FeedEnd {
  /** What is to be thrown once all that was read has been yielded. */
  readonly failure: { readonly error: unknown } | undefined
}

/** Characters of a chunk: as many as 64 texts of some pages have. The text that goes beyond is its last. */
const CHUNK_CHARACTERS = 500_000

/** What a token id counts for; about as much as the text it stands for. */
const CHARACTERS_PER_TOKEN = 4

/** See the head of this file. */
export class StreamFeeder {
  readonly #parts: FeederParts
  readonly #chunkTexts: number
  #source: StreamSource | undefined
  #filling: StreamText[] = []
  #characters = 0
  #end: FeedEnd | undefined
  #wake: () => void = () => undefined

  constructor(parts: FeederParts) {
    const { chunkTexts, maxInFlight } = parts.options
    this.#parts = parts
    // A half of the window is embedded while the consumer takes the other.
    this.#chunkTexts = Math.max(1, Math.min(chunkTexts, Math.floor(maxInFlight / 2)))
  }

  /** Set once nothing more is read. */
  get end(): FeedEnd | undefined {
    return this.#end
  }

  /** Reads until the source ends or the stream does. Never rejects. To be called once. */
  async run(): Promise<void> {
    try {
      await this.#read()
      this.#end ??= { failure: undefined }
    } catch (error) {
      this.#end ??= { failure: { error } }
    }
    this.advance()
    this.#parts.onEnd()
  }

  /** Sends and reads what may be by now. */
  advance(): void {
    if (this.#isDue() && this.#parts.sender.hasRoom) {
      const chunk = this.#filling
      this.#filling = []
      this.#characters = 0
      this.#parts.sender.send(chunk)
    }
    if (this.#end !== undefined || this.#mayRead()) this.#wake()
  }

  /** Text `index` ends the stream: no more is read, and none sent that comes after. */
  cut(index: number): void {
    this.#end ??= { failure: undefined }
    this.#filling = this.#filling.filter((text) => text.index < index)
    this.#wake()
  }

  /**
   * Sends and reads nothing more, and ends the source.
   *
   * @throws what the source throws as it ends.
   */
  async close(): Promise<void> {
    this.cut(0)
    await this.#source?.close()
  }

  async #read(): Promise<void> {
    const { given, options } = this.#parts
    const source = new StreamSource(given, () => {
      this.advance()
    })
    this.#source = source
    for (let passed = 0; passed < options.from && !this.#hasEnded(); passed++) {
      const { done } = await source.next()
      if (done && !this.#hasEnded()) throw endsBefore(options.from, passed)
    }
    while (!this.#hasEnded()) {
      if (!this.#mayRead()) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      const item = await source.next()
      if (item.done || this.#hasEnded()) return
      this.#admit(item.value)
      this.advance()
    }
  }

  #admit(value: unknown): void {
    const { window } = this.#parts
    if (typeof value === 'string' || isInt32Array(value)) {
      const characters = typeof value === 'string' ? value.length : value.length * CHARACTERS_PER_TOKEN
      // A copy: the source may fill the same array with its next ids.
      const input: EmbedInput = typeof value === 'string' ? value : new Int32Array(value)
      this.#filling.push({ index: window.admit(characters), input, characters })
      this.#characters += characters
      return
    }
    const index = window.admit(0)
    this.#parts.onRefused(index, noText(index, value))
  }

  /** A method, as it changes while others are awaited. */
  #hasEnded(): boolean {
    return this.#end !== undefined
  }

  #mayRead(): boolean {
    return this.#end === undefined && !this.#isFull() && this.#parts.window.hasRoom
  }

  #isFull(): boolean {
    return this.#filling.length >= this.#chunkTexts || this.#characters >= CHUNK_CHARACTERS
  }

  /** Whether nothing is gained by waiting for more texts. */
  #isDue(): boolean {
    if (this.#filling.length === 0) return false
    if (this.#isFull() || this.#end !== undefined || this.#source?.waiting === true) return true
    // With a full window the consumer sets the pace. It will make room for more, unless it waits for just these texts.
    const { window, sender } = this.#parts
    return !window.hasRoom && !window.hasReady && !sender.busy
  }
}

function noText(index: number, value: unknown): StellaError {
  return new StellaError(
    'INPUT_INVALID',
    `Text ${index} should be a string or an Int32Array of token ids; got ${show(value)}`,
    { details: { index } },
  )
}

function endsBefore(from: number, found: number): StellaError {
  return new StellaError(
    'INPUT_INVALID',
    `The texts ended after ${found}, and \`from\` is ${from}; go on with the same texts, from their start`,
    { details: { option: 'from', from, texts: found } },
  )
}
