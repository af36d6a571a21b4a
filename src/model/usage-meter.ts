/** What a `StellaModel` has done so far, and how fast. Knows no model. */
import { performance } from 'node:perf_hooks'

/** Performance of a model since it was opened. */
export interface StellaModelStats {
  /** Texts that were embedded. */
  readonly texts: number
  /** Tokens that were run for them. */
  readonly tokens: number
  /** Texts that were cut at `maxLength`. */
  readonly truncated: number
  /** Calls that failed, those given up included. */
  readonly failures: number
  /** Pairs that were compared; their texts count as texts. */
  readonly similarities: number
  /** Time in which at least one call was under way, in milliseconds: calls side by side count once. */
  readonly encodeMs: number
  /** 0 before anything was embedded. */
  readonly textsPerSecond: number
  /** 0 before anything was embedded. */
  readonly tokensPerSecond: number
  /** From `open` to the first vector, in milliseconds; a conversion or download included. */
  readonly loadMs: number
}

/** What a call has done. */
export interface CallFigures {
  readonly tokens: readonly number[]
  readonly truncated: readonly boolean[]
}

/** Adds up calls. */
export class UsageMeter {
  readonly #now: () => number
  #texts = 0
  #tokens = 0
  #truncated = 0
  #failures = 0
  #similarities = 0
  #underWay = 0
  #busySince = 0
  #busyMs = 0

  /** @param now - A monotonic clock, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Runs a call and enters what comes of it. */
  async measure<T extends CallFigures>(call: () => Promise<T>): Promise<T> {
    if (this.#underWay++ === 0) this.#busySince = this.#now()
    try {
      const done = await call()
      this.#texts += done.tokens.length
      for (const tokens of done.tokens) this.#tokens += tokens
      for (const cut of done.truncated) if (cut) this.#truncated++
      return done
    } catch (error) {
      this.#failures++
      throw error
    } finally {
      if (--this.#underWay === 0) this.#busyMs += this.#now() - this.#busySince
    }
  }

  /** Enters a pair. */
  compared(): void {
    this.#similarities++
  }

  /** A snapshot. */
  stats(loadMs: number): StellaModelStats {
    const encodeMs = this.#busyMs + (this.#underWay > 0 ? this.#now() - this.#busySince : 0)
    const perSecond = (count: number): number => (encodeMs === 0 ? 0 : (count / encodeMs) * 1000)
    return {
      texts: this.#texts,
      tokens: this.#tokens,
      truncated: this.#truncated,
      failures: this.#failures,
      similarities: this.#similarities,
      encodeMs,
      textsPerSecond: perSecond(this.#texts),
      tokensPerSecond: perSecond(this.#tokens),
      loadMs,
    }
  }
}
