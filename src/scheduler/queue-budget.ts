/**
 * How much a model has taken in and not settled, in texts, tokens and bytes, and the refusal of more. Knows no queue and
 * no clock: how fast it drains is told by whoever measures it.
 */
import { StellaError } from '../errors.js'

/** What may be taken in and not settled. */
export interface QueueLimits {
  /** How many texts. */
  readonly texts: number
  /** Known once a text is tokenised, so counted from then on. */
  readonly tokens: number
  /** Of the texts as strings or ids, as they were handed in. */
  readonly bytes: number
}

/**
 * - texts: what waits takes about 1 kB beside its tokens, with its promise: 100 MB.
 * - tokens: 4 bytes each while they wait: 200 MB, and hours of work for a model of 400 million parameters on two cores.
 * - bytes: 256 MiB, what so many tokens of English come to, at 4 to 5 bytes each.
 */
export const QUEUE_LIMITS: QueueLimits = { texts: 100_000, tokens: 50_000_000, bytes: 256 * 1024 * 1024 }

/** How fast a model gets done with what it took in, a second. */
export interface DrainRate {
  readonly texts: number
  readonly tokens: number
}

/** Taken for the rate as long as none was measured: the 400M in fp32 on two cores, texts of 32 tokens (`bench/table.ts`). */
export const ASSUMED_RATE: DrainRate = { texts: 8, tokens: 270 }

/** No refusal asks for a longer wait, in milliseconds: what is an hour away cannot be foretold. */
export const MAX_RETRY_AFTER_MS = 3_600_000

/** What one call holds of the budget. Given back as its texts settle, and whatever is left with `release`. */
export interface Reservation {
  readonly held: QueueLimits
  /**
   * Takes the tokens of some of its texts, now that they are known; or none of them.
   *
   * @throws {StellaError} OVERLOADED as {@link QueueBudget.reserve}.
   */
  addTokens(tokens: number): void
  /**
   * Gives back what settled texts held: themselves, their tokens, and their share of the bytes. Never more than is held;
   * after `release` it does nothing.
   *
   * @param texts - @default 1
   */
  settle(tokens: number, texts?: number): void
  /** Gives back the rest. Idempotent. */
  release(): void
}

/** A {@link QueueLimits} in three numbers that can be written to. */
type Amounts = { -readonly [Limit in keyof QueueLimits]: number }

/** See the head of this file. */
export class QueueBudget {
  readonly limits: QueueLimits
  readonly #model: string | undefined
  readonly #held: Amounts = { texts: 0, tokens: 0, bytes: 0 }

  /** @param options - `model` is named in refusals. */
  constructor(options: { readonly limits?: QueueLimits | undefined; readonly model?: string | undefined } = {}) {
    this.limits = options.limits ?? QUEUE_LIMITS
    this.#model = options.model
  }

  /** What all live reservations hold. */
  get held(): QueueLimits {
    return { ...this.#held }
  }

  /**
   * Takes a call's texts in, or refuses at once and takes nothing.
   *
   * @param rate - How fast the queue drains, for `retryAfterMs`; undefined while nothing was measured. A part of it that
   * is no positive number counts as not measured.
   * @throws {StellaError} OVERLOADED with `limit`, `asked`, `held`, `max`, and `retryAfterMs` after which there should be
   * room; without it where the call is too large for an empty queue.
   */
  reserve({ texts, bytes }: { readonly texts: number; readonly bytes: number }, rate?: DrainRate): Reservation {
    requireCount('texts', texts)
    requireCount('bytes', bytes)
    this.#require('texts', texts, 0, rate)
    this.#require('bytes', bytes, 0, rate)
    const own: Amounts = { texts, tokens: 0, bytes }
    this.#held.texts += texts
    this.#held.bytes += bytes
    let released = false
    const giveBack = (limit: keyof QueueLimits, amount: number): void => {
      const given = Math.min(amount, own[limit])
      own[limit] -= given
      this.#held[limit] -= given
    }
    return {
      get held() {
        return { ...own }
      },
      addTokens: (tokens) => {
        requireCount('tokens', tokens)
        if (released) throw new Error('tokens are added to a reservation that was released')
        this.#require('tokens', tokens, own.tokens, rate)
        own.tokens += tokens
        this.#held.tokens += tokens
      },
      settle: (tokens, settled = 1) => {
        requireCount('tokens', tokens)
        requireCount('texts', settled)
        // Before the texts, of which it is a share; the last one takes what rounding left.
        const share = settled >= own.texts ? own.bytes : Math.floor((own.bytes * settled) / own.texts)
        giveBack('bytes', share)
        giveBack('tokens', tokens)
        giveBack('texts', settled)
      },
      release: () => {
        released = true
        giveBack('bytes', own.bytes)
        giveBack('tokens', own.tokens)
        giveBack('texts', own.texts)
      },
    }
  }

  /** @param own - What the same call holds already. */
  #require(limit: keyof QueueLimits, asked: number, own: number, rate: DrainRate | undefined): void {
    const max = this.limits[limit]
    const held = this.#held[limit]
    if (held + asked <= max) return
    const facts = { ...(this.#model === undefined ? {} : { model: this.#model }), limit, asked, held, max }
    const of = this.#model === undefined ? 'The queue' : `The queue of ${this.#model}`
    if (own + asked > max) {
      throw new StellaError(
        'OVERLOADED',
        `${of} holds at most ${max} ${limit}, and this call alone has ${own + asked}. ` +
          'Split it into several calls, or use `embedStream`, which hands over no more than fits',
        { details: facts },
      )
    }
    const retryAfterMs = this.#drainMs(limit, held + asked - max, rate)
    throw new StellaError(
      'OVERLOADED',
      `${of} is full: it holds ${held} of ${max} ${limit}, and this call has ${asked}. ` +
        `Try again in about ${retryAfterMs} ms, or send fewer at once`,
      { details: { ...facts, retryAfterMs } },
    )
  }

  /** How long until so much has drained, in milliseconds. */
  #drainMs(limit: keyof QueueLimits, amount: number, rate: DrainRate | undefined): number {
    const texts = believable(rate?.texts) ?? ASSUMED_RATE.texts
    // Bytes leave with their texts.
    const perSecond = {
      texts,
      tokens: believable(rate?.tokens) ?? ASSUMED_RATE.tokens,
      bytes: (texts * this.#held.bytes) / Math.max(1, this.#held.texts),
    }[limit]
    return Math.min(MAX_RETRY_AFTER_MS, Math.max(1, Math.ceil((amount / perSecond) * 1000)))
  }
}

function believable(rate: number | undefined): number | undefined {
  return rate !== undefined && rate > 0 ? rate : undefined
}

/** A NaN would pass every comparison from here on, and the limits would be gone. */
function requireCount(what: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 0) throw new Error(`${count} ${what} are reserved or settled`)
}
