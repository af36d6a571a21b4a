/**
 * Puts rows of a file through an evaluator: pairs are compared, refused rows take their place among the results. Knows
 * neither how files are read nor how pairs are compared.
 */
import { Bell } from '../bell.js'
import type { EvaluationResult, TextPair } from '../evaluation-result.js'
import type { PairRow } from './pair-row.js'

/** What became of a row. */
export interface EvaluatedRow {
  /** Where it begins, from 1. */
  readonly line: number
  /** What became of the pair, or why there was none. */
  readonly result: EvaluationResult
}

/** Compares pairs, and gives a result for each, in their order: `evaluateBatch` of an evaluator. */
export type EvaluatePairs = (pairs: AsyncIterable<TextPair>) => AsyncIterable<EvaluationResult>

/** Rows that are read ahead of the one whose result is awaited: more would only wait in memory. */
export const MAX_WAITING_ROWS = 4096

/** Their texts, in UTF-16 units: a refused row may hold as much text as a line of a file. */
export const MAX_WAITING_CHARACTERS = 16_000_000

/**
 * The results of rows, in the order of the rows.
 *
 * @throws what `rows` and `evaluate` throw.
 */
export async function* evaluateRows(
  rows: AsyncIterable<PairRow>,
  evaluate: EvaluatePairs,
): AsyncGenerator<EvaluatedRow> {
  const bell = new Bell()
  const line = new WaitingLine(bell)
  const results = evaluate(pairsOf(rows, line))[Symbol.asyncIterator]()
  try {
    for (let next = new Next(results, bell); ;) {
      const refused = line.takeRefused()
      if (refused !== undefined) {
        yield refused
        continue
      }
      const found = next.take()
      if (found === undefined) {
        await bell.heard()
        continue
      }
      if (found.done === true) return
      yield { line: line.takePair(), result: found.value }
      next = new Next(results, bell)
    }
  } finally {
    // The reader may be waiting for room that nobody makes any more.
    line.close()
    await results.return?.()
  }
}

async function* pairsOf(rows: AsyncIterable<PairRow>, line: WaitingLine): AsyncGenerator<TextPair> {
  for await (const row of rows) {
    await line.room()
    if (line.isClosed) return
    line.add(row)
    if (row.kind === 'pair') yield row.pair
  }
}

/** The next result, which can be asked for whether it is there. */
class Next {
  #found: (() => IteratorResult<EvaluationResult, unknown>) | undefined

  constructor(results: AsyncIterator<EvaluationResult, unknown>, bell: Bell) {
    results.next().then(
      (found) => {
        this.#found = () => found
        bell.ring()
      },
      (error: unknown) => {
        this.#found = () => {
          throw error
        }
        bell.ring()
      },
    )
  }

  /** Undefined while it is not there. Throws what the evaluator threw. */
  take(): IteratorResult<EvaluationResult, unknown> | undefined {
    return this.#found?.()
  }
}

/** The rows that were read and not told, in their order. */
class WaitingLine {
  /** Of a pair its line alone: the evaluator holds its texts, and bounds how many it holds. */
  readonly #rows: (EvaluatedRow | number)[] = []
  readonly #bell: Bell
  readonly #roomMade = new Bell()
  #characters = 0
  #closed = false

  constructor(bell: Bell) {
    this.#bell = bell
  }

  get isClosed(): boolean {
    return this.#closed
  }

  add(row: PairRow): void {
    if (row.kind === 'pair') {
      this.#rows.push(row.line)
      return
    }
    const { line, result } = row
    this.#rows.push({ line, result })
    this.#characters += charactersOf(result)
    if (this.#rows.length === 1) this.#bell.ring()
  }

  /** Settles when a row may be added. */
  async room(): Promise<void> {
    while (!this.#closed && (this.#rows.length >= MAX_WAITING_ROWS || this.#characters >= MAX_WAITING_CHARACTERS)) {
      await this.#roomMade.heard()
    }
  }

  /** The first row, if it is a refused one. */
  takeRefused(): EvaluatedRow | undefined {
    const [first] = this.#rows
    if (first === undefined || typeof first === 'number') return undefined
    this.#characters -= charactersOf(first.result)
    this.#drop()
    return first
  }

  /** The line of the first row, which is a pair. */
  takePair(): number {
    const [first] = this.#rows
    if (typeof first !== 'number') throw new Error('the evaluator gave a result for no pair')
    this.#drop()
    return first
  }

  close(): void {
    this.#closed = true
    this.#roomMade.ring()
  }

  #drop(): void {
    this.#rows.shift()
    this.#roomMade.ring()
  }
}

function charactersOf({ groundTruthText, predictionText }: EvaluationResult): number {
  return groundTruthText.length + predictionText.length
}
