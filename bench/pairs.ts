/**
 * What an evaluation costs besides the model: reading pairs, and all of `stella evaluate` around a model that answers at
 * once. Of a broken file, too: a record that cannot be parsed costs more than one that can.
 *
 *   npx tsx bench/pairs.ts [--pairs 100000] [--rounds 3]
 */
import { runEvaluate } from '../src/cli/evaluate-run.js'
import type { PairsFormat } from '../src/evaluation/pairs/formats.js'
import { readPairs } from '../src/evaluation/pairs/read-pairs.js'
import { renderReport } from '../src/evaluation/report/render-report.js'
import { scoreLines } from '../src/evaluation/report/score-lines.js'
import type { SimilarityModel } from '../src/evaluation/similarity-model.js'
import { StellaEvaluator } from '../src/evaluation/stella-evaluator.js'
import { list, parseOptions, positive, readOrExplain } from './support/command-line.js'
import { machineLine, readMachine } from './support/machine.js'
import { figures, table } from './support/markdown.js'
import { median, takeTurns } from './support/statistics.js'

const USAGE = 'usage: npx tsx bench/pairs.ts [--pairs n] [--rounds n]\n'

/** Bytes of a file that arrive at once, as from a disk. */
const CHUNK_BYTES = 64 * 1024

/** As `stella evaluate` has them. */
const IN_FLIGHT = 256

const WORDS = 'The quick brown fox, they say, jumps over the lazy dog while nobody is looking at it. '

interface Sizes {
  readonly pairs: number
  readonly rounds: number
}

const sizes = readOrExplain(() => readSizes(process.argv.slice(2)), USAGE)
if (sizes !== undefined) await measure(sizes)

function readSizes(args: readonly string[]): Sizes | 'help' {
  const given = parseOptions(args, { pairs: 'string', rounds: 'string' })
  if (given.help === true) return 'help'
  const size = (name: keyof Sizes, otherwise: number): number =>
    list(`--${name}`, given[name], positive, 'an integer from 1 to 999999')?.[0] ?? otherwise
  return { pairs: size('pairs', 100_000), rounds: size('rounds', 3) }
}

async function measure({ pairs, rounds }: Sizes): Promise<void> {
  const csv = fileOf('id,groundTruth,prediction\n', pairs, (text, row) => {
    return `pair-${row},"${text}","A ""quoted"" ${WORDS}"\n`
  })
  const broken = fileOf('id,groundTruth,prediction\n', pairs, (text, row) => `pair-${row},${text.slice(3, 9)} "x",y\n`)
  const jsonl = fileOf('', pairs, (text, row) => {
    return `${JSON.stringify({ id: `pair-${row}`, groundTruth: text, prediction: `A "quoted" ${WORDS}` })}\n`
  })
  const works = [
    { name: 'reading CSV', bytes: csv, run: () => read(csv, 'csv') },
    { name: 'reading JSON Lines', bytes: jsonl, run: () => read(jsonl, 'jsonl') },
    { name: 'reading CSV, every record broken', bytes: broken, run: () => read(broken, 'csv') },
    { name: 'evaluating CSV to CSV', bytes: csv, run: () => evaluate(csv, 'csv') },
    { name: 'evaluating JSON Lines', bytes: jsonl, run: () => evaluate(jsonl, 'jsonl') },
  ]
  const times = (
    await takeTurns(
      works.map(
        ({ run }) =>
          () =>
            processorTime(run),
      ),
      rounds,
    )
  ).map(median)
  const cells = works.map(({ name, bytes }, work) => {
    const ms = times[work] ?? NaN
    return [name, figures(bytes.length / 1e6), figures(ms), figures((ms * 1e3) / pairs)]
  })
  console.log(`${pairs} pairs, median of ${rounds} rounds; ${machineLine(await readMachine())}\n`)
  console.log(table(['work', 'MB', 'processor ms', 'µs/pair'], cells))
  console.log(`\nmost resident memory, the files included: ${figures(process.resourceUsage().maxRSS / 1e3)} MB`)
}

/** Of all threads, in milliseconds: others on the machine make a clock tell of them. */
async function processorTime(run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function fileOf(head: string, pairs: number, lineOf: (text: string, row: number) => string): Buffer {
  const texts = [WORDS, WORDS.repeat(2), WORDS.repeat(3)]
  return Buffer.from(head + Array.from({ length: pairs }, (_, row) => lineOf(texts[row % 3] ?? '', row)).join(''))
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    await Promise.resolve()
    yield bytes.subarray(start, start + CHUNK_BYTES)
  }
}

async function read(bytes: Buffer, format: PairsFormat): Promise<void> {
  for await (const row of readPairs(chunksOf(bytes), { format })) if (row.line === 0) throw new Error('no line is 0')
}

/** Answers at once. */
function answering(): SimilarityModel {
  let asked = 0
  return {
    computeSimilarity: async () => {
      await Promise.resolve()
      const score = 0.5 + (asked++ % 5000) / 10_000
      const metadata = { model: 'none', promptType: 's2s', embeddingDimension: 1, maxLength: 512, elapsedMs: 0 }
      const texts = { tokens: [3, 4], truncated: [false, false] } as const
      return { cosineSimilarity: 2 * score - 1, normalizedCosine: score, metadata: { ...metadata, ...texts } }
    },
  }
}

async function evaluate(bytes: Buffer, format: PairsFormat): Promise<void> {
  await using evaluator = new StellaEvaluator({ model: answering() })
  await evaluator.initialize()
  const summary = await runEvaluate({
    rows: readPairs(chunksOf(bytes), { format }),
    evaluate: (pairs) => evaluator.evaluateBatch(pairs, { maxInFlight: IN_FLIGHT }),
    scores: scoreLines({ format }),
    target: { write: () => Promise.resolve() },
    onProgress: () => undefined,
  })
  const model = { key: 'none', precision: 'none', device: 'cpu', dimensions: 1, maxLength: 512 }
  const page = renderReport({
    ...{ title: 'pairs', createdAt: new Date(), summary },
    model: { ...model, promptType: 's2s', prompt: '' },
  })
  if (page === '') throw new Error('the report is empty')
}
