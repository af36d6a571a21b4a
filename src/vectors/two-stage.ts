/**
 * Search in two stages: by bits, which are small and fast to compare, and among the nearest of these by more exact
 * numbers. Knows numbers only.
 */
import { StellaError } from '../errors.js'
import { show } from '../show.js'
import type { Match } from './best-rows.js'
import { BestRows } from './best-rows.js'
import { sumOfBits } from './bits.js'
import type { BinaryCodes, ScalarCodes } from './codes.js'
import { encodedLength } from './codes.js'
import { encodeEmbeddings } from './encoding.js'
import type { HammingMatch } from './hamming.js'
import { checkBinaryCodes, hammingTopK } from './hamming.js'
import { refuseUnlessFinite } from './lengths.js'
import type { EmbeddingMatrix } from './matrix.js'
import { checkMatrix, checkSameDimensions, invalid, rowOf } from './matrix.js'
import { checkScalarCodes, productWithCodes, stepsOf } from './scalar-codes.js'
import { checkCount } from './top-k.js'

/** How {@link twoStageTopK} scores what the bits have found. */
export interface TwoStageOptions {
  /**
   * What the queries' numbers are multiplied with. `'bits'`: the corpus' own bits, as 0 and 1. Or the same rows as int8 or
   * uint8 codes, or as they were. @default 'bits'
   */
  readonly rescore?: 'bits' | ScalarCodes | EmbeddingMatrix | undefined
  /** The bits give `k` times as many candidates. An integer of at least 1. @default 2, sentence-transformers' */
  readonly rescoreMultiplier?: number | undefined
}

/** Candidates of sentence-transformers' `semantic_search_faiss`, `rescore_multiplier` (util/quantization.py, 6.2.0). */
const DEFAULT_MULTIPLIER = 2

/** Score of one row with one query. */
type Score = (query: Float32Array, row: number) => number

/**
 * The `k` rows of `corpus` with the highest scores among the `k × rescoreMultiplier` nearest by their bits, best first;
 * of equal scores the lower row. A row that the bits do not bring among the candidates is not found: how many of the
 * true best are, grows with the multiplier.
 *
 * A score is the dot product of the query with the row's `rescore` numbers, as `semantic_search_faiss` of
 * sentence-transformers has it: for codes the numbers that they stand for (`decodeEmbeddings`). For vectors of length 1
 * as they were, it is their cosine.
 *
 * @param queries - `[queries, dimensions]`: not encoded, as the models give them
 * @param corpus - Bits of the corpus, as `encodeEmbeddings` makes them
 * @param k - An integer of at least 0; of a corpus with fewer rows all are given
 * @returns `[queries.rows]` lists of `min(k, corpus.rows)` matches
 * @throws {StellaError} INPUT_INVALID when something is no matrix or no codes, sizes differ, or a number is not finite;
 * OPTION_INVALID for `k`, `rescore` and `rescoreMultiplier`.
 */
export function twoStageTopK(
  queries: EmbeddingMatrix,
  corpus: BinaryCodes,
  k: number,
  options: TwoStageOptions = {},
): readonly (readonly Match[])[] {
  const { rescore = 'bits', rescoreMultiplier = DEFAULT_MULTIPLIER } = options
  checkMatrix(queries, 'queries')
  checkBinaryCodes(corpus, 'corpus')
  checkSameDimensions(queries, corpus, ['queries', 'corpus'])
  checkCount(k)
  checkMultiplier(rescoreMultiplier)
  refuseUnlessFinite(queries, 'queries')
  const score = scorer(rescore, corpus)
  const bits = encodeEmbeddings(queries, corpus.encoding)
  return hammingTopK(bits, corpus, Math.min(k * rescoreMultiplier, corpus.rows)).map((candidates, query) =>
    rescored(candidates, rowOf(queries, query), score, k),
  )
}

function rescored(candidates: readonly HammingMatch[], query: Float32Array, score: Score, k: number): readonly Match[] {
  const best = new BestRows(Math.min(k, candidates.length))
  // The heap prefers the lower of equal rows when they come in their order.
  const rows = candidates.map(({ index }) => index).sort((a, b) => a - b)
  for (const row of rows) best.offer(row, score(query, row))
  return best.take()
}

/** @throws {StellaError} INPUT_INVALID when these are no numbers of the same rows. */
function scorer(rescore: NonNullable<TwoStageOptions['rescore']>, corpus: BinaryCodes): Score {
  const { data, encoding, dimensions } = corpus
  if (rescore === 'bits') {
    const bytes = encodedLength(dimensions, encoding)
    return (query, row) => sumOfBits(query, data.subarray(row * bytes, (row + 1) * bytes), encoding)
  }
  const given: unknown = rescore
  if (typeof given !== 'object' || given === null) {
    const what = "Expected `rescore` to be 'bits', int8 or uint8 codes, or an EmbeddingMatrix"
    throw new StellaError('OPTION_INVALID', `${what}; got ${show(given)}`, { details: { option: 'rescore' } })
  }
  const score = 'encoding' in rescore ? ofCodes(rescore) : ofVectors(rescore)
  checkSameDimensions(rescore, corpus, ['rescore', 'corpus'])
  if (rescore.rows === corpus.rows) return score
  throw invalid(`Expected \`rescore\` to hold the rows of the corpus, ${corpus.rows}; it has ${rescore.rows}`)
}

function ofCodes(codes: ScalarCodes): Score {
  checkScalarCodes(codes, 'rescore')
  const steps = stepsOf(codes.ranges)
  return (query, row) => productWithCodes(query, codes, steps, row)
}

function ofVectors(vectors: EmbeddingMatrix): Score {
  checkMatrix(vectors, 'rescore')
  const { data, dimensions } = vectors
  return (query, row) => {
    const start = row * dimensions
    let sum = 0
    for (let d = 0; d < dimensions; d++) sum += (query[d] ?? 0) * (data[start + d] ?? 0)
    if (!Number.isFinite(sum)) refuseUnlessFinite(vectors, 'rescore')
    return sum
  }
}

function checkMultiplier(multiplier: number): void {
  if (Number.isSafeInteger(multiplier) && multiplier >= 1) return
  throw new StellaError(
    'OPTION_INVALID',
    `Expected \`rescoreMultiplier\` to be an integer of at least 1; got ${show(multiplier)}`,
    { details: { option: 'rescoreMultiplier' } },
  )
}
