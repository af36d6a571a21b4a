/**
 * What a loaded model holds against what the pool charges for it: per precision, with weights shared and with a copy for
 * each worker, after every worker has had the most that a run can be, of every kind: full runs of short texts, a long
 * text beside a short one, texts of the longest length, and every head.
 *
 *   npm run build && npm run bench:memory -- [options]
 */
import { fileURLToPath, pathToFileURL } from 'node:url'

import { PRECISIONS } from '../src/convert/recipe.js'
import type { BatchEmbedOptions, Precision } from '../src/index.js'
import { EmbeddingPool, STELLA_EN_400M_V5, describeCheckpoint, prepareArtefact } from '../src/index.js'
import { RUN_LIMITS } from '../src/packed/packing.js'
import { inChild } from './support/child.js'
import { list, nonEmpty, only, parseOptions, positive, readOrExplain } from './support/command-line.js'
import { asPrecision, findModel } from './support/models.js'
import { someIds } from './support/shapes.js'
import { processMemory } from './stand-in.js'

const USAGE = `usage: npm run bench:memory -- [options]

--model name        a stand-in, or name=folder of a checkpoint (default: ${STELLA_EN_400M_V5.key})
--precisions a,b    of ${PRECISIONS.join(', ')} (default: all)
--weights a,b       shared, own (default: shared)
--workers 1,2,4     (default: 1,2,4)
--lengths 512,8192  longest text in tokens (default: 512 and the model's limit)
`

const WEIGHTS = ['shared', 'own'] as const

/** Texts of full runs for one worker. */
const SHORT = Array.from({ length: 16 }, () => 64)

/** The most that a run of so few tokens can take: a text just below the length from which one runs alone, and another. */
const UNEVEN = { long: RUN_LIMITS.aloneFrom - 12, short: 12 }

/** Texts for the tokenizer, and what they say. */
const TEXTS = 200
const SENTENCE = 'The window of a house by the station, with the light of an old lamp in it. '

/** Calls for each worker of every kind of run, so that none is left without. */
const CALLS_PER_WORKER = 3

/** One row. */
interface Case {
  readonly folder: string
  readonly key: string
  readonly home: string
  readonly precision: Precision
  readonly weights: (typeof WEIGHTS)[number]
  readonly workers: number
  readonly longest: number
}

/** In units of 10⁶ bytes, beyond what the process held before. */
interface Found {
  readonly weights: string
  readonly loaded: number
  readonly after: number
  readonly anonymous: number
  readonly charged: number
}

function readArguments(args: readonly string[]) {
  const values = parseOptions(args, {
    model: 'string',
    precisions: 'string',
    weights: 'string',
    workers: 'string',
    lengths: 'string',
  })
  if (values.help === true) return 'help'
  const asWeights = (text: string) => WEIGHTS.find((weights) => weights === text)
  const integers = 'integers from 1'
  return {
    model: only('--model', values.model, nonEmpty, 'a name') ?? STELLA_EN_400M_V5.key,
    precisions: list('--precisions', values.precisions, asPrecision, PRECISIONS.join(', ')) ?? PRECISIONS,
    weights: list('--weights', values.weights, asWeights, WEIGHTS.join(', ')) ?? (['shared'] as const),
    workers: list('--workers', values.workers, positive, integers) ?? [1, 2, 4],
    lengths: list('--lengths', values.lengths, positive, integers),
  }
}

async function printTable(args: readonly string[]): Promise<void> {
  const given = readOrExplain(() => readArguments(args), USAGE)
  if (given === undefined) return
  await using model = await findModel(given.model)
  const { folder, home, info } = model
  const { recommended, max } = info.tokens
  console.log(
    '| precision | weights | workers | longest text | loaded MB | after use MB | of it anonymous | charged MB | charged / used |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|')
  for (const precision of given.precisions) {
    // Here, and not in the process that is measured: a conversion leaves some memory behind.
    await prepareArtefact(info, { home, precision })
    for (const weights of given.weights) {
      for (const longest of given.lengths ?? [recommended, max]) {
        for (const workers of given.workers) {
          const one: Case = { folder, home, key: info.key, precision, weights, workers, longest }
          const found = (await inChild(new URL(import.meta.url), one)) as Found
          const { loaded, after, anonymous, charged } = found
          const figures = [loaded, after, anonymous, charged].map((value) => value.toFixed(0))
          const row = [precision, found.weights, workers, longest, ...figures, (charged / after).toFixed(2)]
          console.log(`| ${row.join(' | ')} |`)
        }
      }
    }
  }
}

async function measure({ folder, key, home, precision, weights, workers, longest }: Case): Promise<Found> {
  const info = await describeCheckpoint(folder, { key })
  const empty = await processMemory()
  const settings = { home, precision, workers, maxLength: longest, threads: 1, sharedWeights: weights === 'shared' }
  await using pool = await EmbeddingPool.open({ ...settings, memory: '20GB' })
  await pool.preload(info)
  const loaded = await processMemory()
  let salt = 0
  const onEach = async (lengths: readonly number[], more: BatchEmbedOptions = {}): Promise<void> => {
    const call = () => pool.batchEmbed(info, someIds({ lengths }, info.architecture.vocab, salt++), more)
    await Promise.all(Array.from({ length: workers * CALLS_PER_WORKER }, call))
  }
  await onEach(SHORT)
  await onEach([Math.min(longest, UNEVEN.long), UNEVEN.short])
  await onEach([longest], { maxLength: longest })
  // The others are token ids: here the tokenizer works, too.
  const texts = Array.from(
    { length: TEXTS },
    (_, text) => `Text ${text} of ${TEXTS}: ${SENTENCE.repeat(1 + (text % 4))}`,
  )
  await pool.batchEmbed(info, texts)
  // Every head is charged, as any call may ask for it.
  for (const { dimensions } of info.heads) await onEach(SHORT, { dimensions })
  const after = await processMemory()
  const stats = pool.stats()
  return {
    weights: stats.models[0]?.weights ?? 'unknown',
    loaded: loaded.pss - empty.pss,
    after: after.pss - empty.pss,
    anonymous: after.anonymous - empty.anonymous,
    charged: stats.memory.granted / 1e6,
  }
}

// The table's rows are measured by this file as well, each in a process of its own.
const [, entry = '', ...args] = process.argv
if (pathToFileURL(entry).href !== import.meta.url) throw new Error(`${fileURLToPath(import.meta.url)} is a command`)
if (args[0]?.startsWith('{') === true) process.stdout.write(JSON.stringify(await measure(JSON.parse(args[0]) as Case)))
else await printTable(args)
