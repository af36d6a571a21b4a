/** One model's place in a pool, from the first call that wants it until it is closed: who waits for it, and its counts. */
import type { StellaModelInfo } from '../../registry/types.js'
import { abortedError, untilAborted } from '../files/cancellation.js'
import type { LoadRequest, RunReport } from './loaded-entry.js'
import { LoadedEntry } from './loaded-entry.js'
import type { ModelStats } from './pool-stats.js'

/** What to load with, and who hears of it. */
export interface SlotOptions extends Pick<LoadRequest, 'ledger' | 'options' | 'dimensions'> {
  /** To be awaited first: the same model on its way out, with the memory it still holds. */
  readonly after: Promise<void> | undefined
  readonly onReady: (worker: number, loadMs: number) => void
  readonly onRun: (report: RunReport) => void
  readonly onLoaded: (entry: LoadedEntry, loadMs: number) => void
  readonly onFailed: () => void
  /** Everybody who waited for the load has given up. */
  readonly onAbandoned: () => void
}

/** Loads on construction. */
export class ModelSlot {
  readonly info: StellaModelInfo
  readonly #options: SlotOptions
  readonly #entry: Promise<LoadedEntry>
  readonly #giveUp = new AbortController()
  #loaded: LoadedEntry | undefined
  #loadMs = 0
  #waiting = 0
  #texts = 0
  #tokens = 0
  #batches = 0

  constructor(info: StellaModelInfo, options: SlotOptions) {
    this.info = info
    this.#options = options
    this.#entry = this.#load()
    // Whoever waits hears of a failure; with nobody waiting it is nobody's.
    this.#entry.catch(options.onFailed)
  }

  /**
   * The loaded model. An aborted `signal` ends this wait, and with the last wait the load.
   *
   * @throws {StellaError} ABORTED, or why the model could not be loaded.
   */
  async wait(signal: AbortSignal | undefined): Promise<LoadedEntry> {
    this.#waiting++
    try {
      return await untilAborted(signal, this.#entry, `loading ${this.info.key}`)
    } finally {
      this.#waiting--
      if (signal?.aborted === true && this.#waiting === 0 && this.#loaded === undefined) this.#abandon(signal)
    }
  }

  /** Stops the workers after the calls under way and gives the memory back. A model that failed to load holds none. */
  async close(): Promise<void> {
    const [outcome] = await Promise.allSettled([this.#entry])
    if (outcome.status === 'fulfilled') await outcome.value.close()
  }

  /** Counts, now. */
  stats(): ModelStats {
    const loaded = this.#loaded
    return {
      model: this.info.key,
      state: loaded === undefined ? 'loading' : 'ready',
      workers: loaded?.workers.threads ?? 0,
      threads: loaded?.plan.threads ?? 0,
      weights: loaded?.workers.weights,
      loads: loaded?.workers.loads ?? 0,
      waiting: loaded?.waiting ?? 0,
      memory: loaded?.plan.memory,
      loadMs: this.#loadMs,
      texts: this.#texts,
      tokens: this.#tokens,
      batches: this.#batches,
    }
  }

  #abandon(signal: AbortSignal): void {
    if (this.#giveUp.signal.aborted) return
    this.#giveUp.abort(abortedError(signal, `loading ${this.info.key}`))
    this.#options.onAbandoned()
  }

  async #load(): Promise<LoadedEntry> {
    const { ledger, options, dimensions, after, onReady, onRun, onLoaded } = this.#options
    const started = performance.now()
    await after
    const entry = await LoadedEntry.load(this.info, {
      ledger,
      options,
      dimensions,
      signal: this.#giveUp.signal,
      observer: {
        onLoad: (outcome) => {
          if (outcome.type === 'ready') onReady(outcome.worker, outcome.loadMs)
        },
        onRun: (report) => {
          this.#texts += report.texts
          this.#tokens += report.tokens
          this.#batches++
          onRun(report)
        },
      },
    })
    this.#loaded = entry
    this.#loadMs = performance.now() - started
    onLoaded(entry, this.#loadMs)
    return entry
  }
}
