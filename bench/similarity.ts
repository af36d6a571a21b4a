/**
 * Search and encodings of `src/vectors`: what the blocked loops gain over a plain loop, what bits gain over floats, and
 * what is found by them. On one thread, as the functions are.
 *
 *   npm run bench:similarity -- [--rows 100000] [--dimensions 1024] [--queries 100] [--rounds 3]
 */
import type { BinaryCodes, ScalarCodes } from '../src/vectors/codes.js'
import { encodeEmbedding, encodeEmbeddings } from '../src/vectors/encoding.js'
import { EmbeddingIndex } from '../src/vectors/embedding-index.js'
import { hammingTopK } from '../src/vectors/hamming.js'
import type { EmbeddingMatrix } from '../src/vectors/matrix.js'
import { rowOf } from '../src/vectors/matrix.js'
import { encodingRanges } from '../src/vectors/ranges.js'
import { similarityMatrix } from '../src/vectors/similarity-matrix.js'
import { topK } from '../src/vectors/top-k.js'
import { twoStageTopK } from '../src/vectors/two-stage.js'
import { list, parseOptions, positive, readOrExplain } from './support/command-line.js'
import { machineLine, readMachine } from './support/machine.js'
import { figures, table } from './support/markdown.js'
import { median, takeTurns } from './support/statistics.js'
import { clusteredVectors } from './support/vectors.js'

const USAGE = 'usage: npm run bench:similarity -- [--rows n] [--dimensions n] [--queries n] [--rounds n]\n'

/** Matches of each query. */
const K = 10

/** Queries that the plain loops take: their rates are compared, and they are slow. */
const PLAIN_QUERIES = 5

/** Side of the matrix of all pairs. */
const PAIRS_SIDE = 2_000

/** Multipliers whose recall is shown. */
const MULTIPLIERS = [1, 2, 4, 10, 20]

/** Vectors that are encoded one by one. */
const SINGLES = 10_000

/** Bits of each byte that are 1. */
const BITS_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length)

interface Sizes {
  readonly rows: number
  readonly dimensions: number
  readonly queries: number
  readonly rounds: number
}

/** One measured piece of work. */
interface Measured {
  readonly name: string
  readonly run: () => unknown
  /** What it did, such as products; and how many of it make the unit that is printed. */
  readonly amount: number
  readonly unit: string
  readonly per: number
}

const sizes = readOrExplain(() => readSizes(process.argv.slice(2)), USAGE)
if (sizes !== undefined) await measure(sizes)

function readSizes(args: readonly string[]): Sizes | 'help' {
  const given = parseOptions(args, { rows: 'string', dimensions: 'string', queries: 'string', rounds: 'string' })
  if (given.help === true) return 'help'
  const size = (name: keyof Sizes, otherwise: number): number =>
    list(`--${name}`, given[name], positive, 'an integer from 1 to 999999')?.[0] ?? otherwise
  return {
    rows: size('rows', 100_000),
    dimensions: size('dimensions', 1024),
    queries: size('queries', 100),
    rounds: size('rounds', 3),
  }
}

async function measure({ rows, dimensions, queries: count, rounds }: Sizes): Promise<void> {
  const all = clusteredVectors(rows + count, dimensions)
  const queries = part(all, 0, count)
  const corpus = part(all, count, rows)
  const few = part(queries, 0, Math.min(PLAIN_QUERIES, count))
  const ranges = encodingRanges(part(corpus, 0, Math.min(1_000, rows)))
  const bits = encodeEmbeddings(corpus, 'ubinary')
  const int8 = encodeEmbeddings(corpus, 'int8', { ranges })
  const asked = encodeEmbeddings(queries, 'ubinary')
  const fewBits = encodeEmbeddings(few, 'ubinary')
  const index = new EmbeddingIndex({ dimensions })
  index.add(corpus)
  const side = part(corpus, 0, Math.min(PAIRS_SIDE, rows))
  const flops = (products: number) => ({ amount: 2 * products * dimensions, unit: 'GFLOP/s', per: 1e9 })
  const candidates = (number: number) => ({ amount: number * rows, unit: 'million candidates/s', per: 1e6 })
  const vectors = (number: number) => ({ amount: number, unit: 'thousand vectors/s', per: 1e3 })
  const singles = Array.from({ length: Math.min(SINGLES, rows) }, (_, row) => rowOf(corpus, row))
  const works: readonly Measured[] = [
    { name: `plain loop, ${few.rows} queries`, run: () => plainTopK(few, corpus), ...flops(few.rows * rows) },
    { name: `topK, ${count} queries`, run: () => topK(queries, corpus, K), ...flops(count * rows) },
    { name: 'topK, 1 query', run: () => topK(part(queries, 0, 1), corpus, K), ...flops(2 * rows) },
    { name: 'EmbeddingIndex.search', run: () => index.search(rowOf(queries, 0), K), ...flops(rows) },
    {
      name: `similarityMatrix, ${side.rows} with themselves`,
      run: () => similarityMatrix(side),
      ...flops(side.rows ** 2 / 2),
    },
    { name: `table of bytes, ${few.rows} queries`, run: () => plainHamming(fewBits, bits), ...candidates(few.rows) },
    { name: `hammingTopK, ${count} queries`, run: () => hammingTopK(asked, bits, K), ...candidates(count) },
    {
      name: `twoStageTopK, ${count} queries, ×10, int8`,
      run: () => twoStageTopK(queries, bits, K, { rescore: int8, rescoreMultiplier: 10 }),
      ...candidates(count),
    },
    { name: 'encodeEmbeddings, int8', run: () => encodeEmbeddings(corpus, 'int8', { ranges }), ...vectors(rows) },
    { name: 'encodeEmbeddings, ubinary', run: () => encodeEmbeddings(corpus, 'ubinary'), ...vectors(rows) },
    {
      name: 'encodeEmbedding, int8, one by one',
      run: () => singles.map((vector) => encodeEmbedding(vector, 'int8', { ranges })),
      ...vectors(singles.length),
    },
  ]
  const times = (
    await takeTurns(
      works.map(
        ({ run }) =>
          async () =>
            Promise.resolve(run()),
      ),
      rounds,
    )
  ).map(median)
  console.log(
    `${rows} vectors of ${dimensions} dimensions, median of ${rounds} rounds; ${machineLine(await readMachine())}\n`,
  )
  const cells = works.map(({ name, amount, unit, per }, work) => {
    const ms = times[work] ?? NaN
    return [name, figures(ms), `${figures((amount / per / ms) * 1e3)} ${unit}`]
  })
  console.log(`${table(['work', 'ms', 'rate'], cells)}\n`)
  const rate = (work: number): number => (works[work]?.amount ?? NaN) / (times[work] ?? NaN)
  console.log(
    `topK is ${figures(rate(1) / rate(0))} times the plain loop; hammingTopK ${figures(rate(6) / rate(5))} times the table.\n`,
  )
  printRecall(queries, corpus, bits, int8)
}

/** The part of the true best that two stages find, on these synthetic clusters. */
function printRecall(queries: EmbeddingMatrix, corpus: EmbeddingMatrix, bits: BinaryCodes, int8: ScalarCodes): void {
  const truth = topK(queries, corpus, K).map((matches) => new Set(matches.map((match) => match.index)))
  const rows = MULTIPLIERS.map((rescoreMultiplier) => {
    const recalls = (['bits', int8, corpus] as const).map((rescore) => {
      const found = twoStageTopK(queries, bits, K, { rescore, rescoreMultiplier })
      const hits = found.map((matches, query) => matches.filter((match) => truth[query]?.has(match.index)).length)
      return (hits.reduce((sum, hit) => sum + hit, 0) / (K * queries.rows)).toFixed(3)
    })
    return [String(rescoreMultiplier), ...recalls]
  })
  console.log(table(['rescoreMultiplier', 'bits', 'int8', 'float32'], rows))
}

/** What somebody writes who has not measured. The best are not even kept. */
function plainTopK(queries: EmbeddingMatrix, corpus: EmbeddingMatrix): Float64Array {
  const { data: right, rows, dimensions } = corpus
  const { data: left } = queries
  const scores = new Float64Array(rows)
  for (let query = 0; query < queries.rows; query++) {
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let d = 0; d < dimensions; d++) {
        sum += (left[query * dimensions + d] ?? 0) * (right[row * dimensions + d] ?? 0)
      }
      scores[row] = sum
    }
  }
  return scores
}

/** Byte by byte, with a table. */
function plainHamming(queries: BinaryCodes, corpus: BinaryCodes): Int32Array {
  const { data: right, rows, dimensions } = corpus
  const { data: left } = queries
  const bytes = Math.ceil(dimensions / 8)
  const distances = new Int32Array(rows)
  for (let query = 0; query < queries.rows; query++) {
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let i = 0; i < bytes; i++) {
        sum += BITS_OF_BYTE[(left[query * bytes + i] ?? 0) ^ (right[row * bytes + i] ?? 0)] ?? 0
      }
      distances[row] = sum
    }
  }
  return distances
}

function part({ data, dimensions }: EmbeddingMatrix, first: number, rows: number): EmbeddingMatrix {
  return { data: data.subarray(first * dimensions, (first + rows) * dimensions), rows, dimensions }
}
