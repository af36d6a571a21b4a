/**
 * What a report tells of many results: figures, a histogram, and the pairs worth looking at. Memory does not grow with
 * the number of results. Knows no model, no file and no report.
 */
import { invalid, rejectUnknownKeys } from '../inference/options.js'
import type { EvaluationFigures } from './evaluation-figures.js'
import type { EvaluationResult } from './evaluation-result.js'
import { PairTally } from './pair-tally.js'
import { Ranking } from './ranking.js'

/** One bar of a histogram of `normalizedCosine`. */
export interface ScoreBin {
  /** Lowest score that counts here. */
  readonly from: number
  /** The next bin's `from`. The last bin ends at 1, and 1 counts there. */
  readonly to: number
  /** Scores from `from` on and below `to`. */
  readonly count: number
}

/** A result and its place among those that were added, from 0. */
export interface PlacedResult {
  /** From 0, among all that were added. */
  readonly place: number
  /** What became of the pair. */
  readonly result: EvaluationResult
}

/** See the head of this file. */
export interface EvaluationSummary extends EvaluationFigures {
  /** From 0 to 1, all of one width, empty ones included. */
  readonly bins: readonly ScoreBin[]
  /** The pairs with the lowest scores, the lowest first; of equal ones the earlier. */
  readonly worst: readonly PlacedResult[]
  /** The pairs with the highest scores, the highest first; of equal ones the earlier. With few pairs some are in both. */
  readonly best: readonly PlacedResult[]
  /** The first pairs that failed. */
  readonly failures: readonly PlacedResult[]
}

/** What a summary keeps. */
export interface SummaryOptions {
  /** Bars of the histogram, 1 to 1,000. @default 20 */
  readonly bins?: number | undefined
  /** How many of the worst, of the best and of the failed pairs are kept, with their texts; 0 to 1,000. @default 10 */
  readonly examples?: number | undefined
}

/** A bar for every 0.05. */
export const DEFAULT_BINS = 20

/** More bars than a picture has room for. */
export const MAX_BINS = 1000

/** As many pairs as somebody reads. */
export const DEFAULT_EXAMPLES = 10

/** Their texts are kept: of so many pairs, some megabytes of pages. */
export const MAX_EXAMPLES = 1000

interface Scored extends PlacedResult {
  readonly score: number
}

/** Adds results to a summary one by one, as they come by. */
export class SummaryBuilder {
  readonly #tally = new PairTally()
  readonly #examples: number
  readonly #bins: number[]
  readonly #worst: Ranking<Scored>
  readonly #best: Ranking<Scored>
  readonly #failures: PlacedResult[] = []
  #added = 0

  /** @throws {StellaError} OPTION_INVALID */
  constructor(options: SummaryOptions = {}) {
    rejectUnknownKeys(options, ['bins', 'examples'] satisfies readonly (keyof SummaryOptions)[])
    const { bins = DEFAULT_BINS, examples = DEFAULT_EXAMPLES } = options
    checkCount('bins', bins, 1, MAX_BINS)
    checkCount('examples', examples, 0, MAX_EXAMPLES)
    this.#examples = examples
    this.#bins = new Array<number>(bins).fill(0)
    this.#worst = new Ranking<Scored>(examples, ({ score }) => score)
    this.#best = new Ranking<Scored>(examples, ({ score }) => -score)
  }

  /**
   * Adds a result.
   *
   * @throws {StellaError} INPUT_INVALID where it is none; then nothing is added.
   */
  add(result: EvaluationResult): void {
    const score = this.#tally.add(result)
    const place = this.#added++
    if (score === undefined) {
      if (this.#failures.length < this.#examples) this.#failures.push({ place, result })
      return
    }
    const bin = binOf(score, this.#bins.length)
    this.#bins[bin] = (this.#bins[bin] ?? 0) + 1
    this.#worst.add({ place, result, score })
    this.#best.add({ place, result, score })
  }

  /** What has been added so far. */
  summary(): EvaluationSummary {
    return {
      ...this.#tally.figures(),
      bins: this.#bins.map((count, bin) => ({
        from: bin / this.#bins.length,
        to: (bin + 1) / this.#bins.length,
        count,
      })),
      worst: this.#worst.items.map(placed),
      best: this.#best.items.map(placed),
      failures: [...this.#failures],
    }
  }
}

/**
 * Sums up results. While they come by on their way elsewhere, use a {@link SummaryBuilder}.
 *
 * @throws {StellaError} OPTION_INVALID; INPUT_INVALID where one is no result; what `results` throws.
 */
export async function summarise(
  results: Iterable<EvaluationResult> | AsyncIterable<EvaluationResult>,
  options: SummaryOptions = {},
): Promise<EvaluationSummary> {
  const builder = new SummaryBuilder(options)
  for await (const result of results) builder.add(result)
  return builder.summary()
}

/** The bin whose bounds, as a summary tells them, hold `score`: its product with the number of bins may round across. */
function binOf(score: number, bins: number): number {
  const near = Math.min(Math.floor(score * bins), bins - 1)
  if (near > 0 && score < near / bins) return near - 1
  return near < bins - 1 && score >= (near + 1) / bins ? near + 1 : near
}

function placed({ place, result }: Scored): PlacedResult {
  return { place, result }
}

function checkCount(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw invalid(name, `an integer from ${min} to ${max}`, value)
}
