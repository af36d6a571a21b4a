/**
 * What a loaded model holds against what the pool charges for it: per precision, with weights shared and with a copy
 * for each worker, after full runs of short texts and texts of the longest length on every worker.
 *
 *   npm run build && npm run bench:memory -- [options]
 */
import { fileURLToPath, pathToFileURL } from 'node:url'

import { PRECISIONS } from '../src/convert/recipe.js'
import type { Precision } from '../src/index.js'
import { EmbeddingPool, STELLA_EN_400M_V5, describeCheckpoint } from '../src/index.js'
import { inChild } from './support/child.js'
import { list, nonEmpty, only, parseOptions, positive, readOrExplain } from './support/command-line.js'
import { asPrecision, findModel } from './support/models.js'
import { processMemory, someTexts } from './stand-in.js'

const USAGE = `usage: npm run bench:memory -- [options]

--model name        a stand-in, or name=folder of a checkpoint (default: ${STELLA_EN_400M_V5.key})
--precisions a,b    of ${PRECISIONS.join(', ')} (default: all)
--weights a,b       shared, own (default: shared)
--workers 1,2,4     (default: 1,2,4)
--lengths 512,8192  longest text in tokens (default: 512 and the model's limit)
`

const WEIGHTS = ['shared', 'own'] as const

/** Tokens of the short texts, and how many of them make full runs for one worker. */
const SHORT = { tokens: 64, texts: 16 }

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
  // A call of its own for each worker, of more than one run, so that none is left without.
  const onEach = async (texts: number, tokens: number): Promise<void> => {
    const one = () => Array.from({ length: texts }, () => someTexts([tokens]).ids)
    await Promise.all(Array.from({ length: workers }, () => pool.batchEmbed(info, one(), { maxLength: tokens })))
  }
  await onEach(SHORT.texts, SHORT.tokens)
  await onEach(2, longest)
  // Every head is charged, as any call may ask for it.
  for (const { dimensions } of info.heads) {
    const texts = () => Array.from({ length: SHORT.texts }, () => someTexts([SHORT.tokens]).ids)
    await Promise.all(Array.from({ length: workers }, () => pool.batchEmbed(info, texts(), { dimensions })))
  }
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
