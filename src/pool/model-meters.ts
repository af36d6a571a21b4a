/** What one model did, and how fast, for stats, admission and growth. Counts live as long as the pool does. */
import type { LatencySnapshot } from './latency-histogram.js'
import { LatencyHistogram } from './latency-histogram.js'
import type { Rate } from './rate-meter.js'
import { RateMeter } from './rate-meter.js'

/** A batch that was run. */
export interface BatchFigures {
  readonly texts: number
  readonly tokens: number
  readonly queueMs: number
  readonly runMs: number
}

/** Share of the newest run in the average of {@link ModelMeters.runMs}. */
const NEWEST_SHARE = 0.2

/** Milliseconds of late: from arrival to a worker, of tokenising a part of a call, inside a worker. */
export interface ModelLatency {
  /** Of texts, from their arrival to a worker; undefined where there was none. */
  readonly queue: LatencySnapshot | undefined
  /** Of texts of a call that were tokenised together; undefined where there was none. */
  readonly tokenize: LatencySnapshot | undefined
  /** Of batches, inside a worker; undefined where there was none. */
  readonly run: LatencySnapshot | undefined
}

/** The meters as plain data. */
export interface ModelFigures {
  /** How long the last load took, from the first call that wanted it, in milliseconds; 0 before. */
  readonly loadMs: number
  /** Texts that were run. */
  readonly texts: number
  /** Tokens that were run. */
  readonly tokens: number
  /** Runs on any worker. */
  readonly batches: number
  /** Of all workers, over the last seconds by the clock on the wall; undefined before the first run. */
  readonly tokensPerSecond: number | undefined
  /** In milliseconds. */
  readonly latency: ModelLatency
}

/** See the head of this file. */
export class ModelMeters {
  readonly #queue = new LatencyHistogram()
  readonly #tokenize = new LatencyHistogram()
  readonly #run = new LatencyHistogram()
  readonly #rate = new RateMeter()
  #texts = 0
  #tokens = 0
  #batches = 0
  #loadMs = 0
  #workerLoadMs = 0
  #runMs: number | undefined
  #lastSuccess: number | undefined

  /** Moving average of the time inside a worker, in milliseconds; undefined before the first run. */
  get runMs(): number | undefined {
    return this.#runMs
  }

  /** How long the last worker took to load, in milliseconds. */
  get workerLoadMs(): number {
    return this.#workerLoadMs
  }

  /** Tokens and texts a second of one worker at work; undefined before the first run. */
  get perWorker(): Rate | undefined {
    return this.#rate.perWorker()
  }

  /** Tokens and texts a second of so many workers at work; undefined before the first run. */
  rateOf(workers: number): Rate | undefined {
    const { perWorker } = this
    if (perWorker === undefined) return undefined
    return { texts: perWorker.texts * workers, tokens: perWorker.tokens * workers }
  }

  /** When a run last succeeded, on the monotonic clock. */
  get lastSuccess(): number | undefined {
    return this.#lastSuccess
  }

  /** A model was loaded, from the first call that wanted it. */
  loaded(ms: number): void {
    this.#loadMs = ms
  }

  /** A worker has loaded. */
  workerLoaded(ms: number): void {
    this.#workerLoadMs = ms
  }

  tokenized(ms: number, now: number): void {
    this.#tokenize.record(ms, now)
  }

  ran({ texts, tokens, queueMs, runMs }: BatchFigures, now: number): void {
    this.#texts += texts
    this.#tokens += tokens
    this.#batches++
    this.#lastSuccess = now
    this.#runMs = this.#runMs === undefined ? runMs : this.#runMs + NEWEST_SHARE * (runMs - this.#runMs)
    this.#rate.record({ texts, tokens, runMs }, now)
    this.#queue.record(queueMs, now)
    this.#run.record(runMs, now)
  }

  figures(now: number): ModelFigures {
    return {
      loadMs: this.#loadMs,
      texts: this.#texts,
      tokens: this.#tokens,
      batches: this.#batches,
      tokensPerSecond: this.#rate.rate(now)?.tokens,
      latency: {
        queue: this.#queue.snapshot(now),
        tokenize: this.#tokenize.snapshot(now),
        run: this.#run.snapshot(now),
      },
    }
  }
}
