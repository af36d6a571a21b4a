/**
 * How to divide the cores: one worker with all of them, one worker for each, and more threads than cores. Tokens a
 * second of many calls at once and of one call, and the time of one short text alone; the plans take turns.
 *
 *   npm run build && npm run bench:workers -- [options]
 */
import type { StellaModelInfo } from '../registry/types.js'
import { PRECISIONS } from '../src/convert/recipe.js'
import type { Precision } from '../src/index.js'
import { EmbeddingPool, STELLA_EN_400M_V5 } from '../src/index.js'
import { availableCores } from '../src/runtime/cores.js'
import { list, nonEmpty, only, parseOptions, positive, readOrExplain } from './support/command-line.js'
import { asPrecision, findModel } from './support/models.js'
import type { Shape } from './support/shapes.js'
import { findShape, someIds, tokensOf } from './support/shapes.js'
import { median, pairedRatio, takeTurns } from './support/statistics.js'

const USAGE = `usage: npm run bench:workers -- [options]

--model name        a stand-in, or name=folder of a checkpoint (default: ${STELLA_EN_400M_V5.key})
--precisions a,b    of ${PRECISIONS.join(', ')} (default: fp32, int8)
--plans 1x2,2x1     workers x threads (default: 1 x cores, cores x 1, cores x cores)
--rounds n          turns of each measurement (default: 5)
`

/** Workers and threads of a pool. */
interface Plan {
  readonly workers: number
  readonly threads: number
}

/** What the pools are given. */
interface Load {
  readonly name: string
  /** Calls under way at once. */
  readonly calls: number
  readonly shape: Shape
}

/** Shorter works are repeated more often: their times move more. */
const FEW_TOKENS = 100
const MORE_ROUNDS = 6

const LOADS = [
  { calls: 8, shape: '4×64' },
  { calls: 1, shape: '8×128' },
  { calls: 1, shape: 'mixed' },
  { calls: 1, shape: '1×512' },
  { calls: 1, shape: '1×32' },
].map(({ calls, shape: name }): Load => {
  const shape = findShape(name)
  if (shape === undefined) throw new Error(`there is no shape ${name}`)
  return { name: `${calls} × ${name}`, calls, shape }
})

function readArguments(args: readonly string[]) {
  const values = parseOptions(args, { model: 'string', precisions: 'string', plans: 'string', rounds: 'string' })
  if (values.help === true) return 'help'
  const cores = availableCores()
  const all = [
    { workers: 1, threads: cores },
    { workers: cores, threads: 1 },
    { workers: cores, threads: cores },
  ]
  return {
    model: only('--model', values.model, nonEmpty, 'a name') ?? STELLA_EN_400M_V5.key,
    precisions:
      list('--precisions', values.precisions, asPrecision, PRECISIONS.join(', ')) ??
      (['fp32', 'int8'] as const satisfies readonly Precision[]),
    plans: list('--plans', values.plans, asPlan, 'workers x threads, such as 2x1') ?? all,
    rounds: only('--rounds', values.rounds, positive, 'an integer from 1') ?? 5,
  }
}

function asPlan(text: string): Plan | undefined {
  const [workers, threads] = text.split('x').map(positive)
  return workers === undefined || threads === undefined ? undefined : { workers, threads }
}

async function measure({ model: name, precisions, plans, rounds }: Exclude<ReturnType<typeof readArguments>, 'help'>) {
  await using model = await findModel(name)
  const { info, home } = model
  const titles = plans.map(({ workers, threads }) => `${workers} × ${threads}`)
  console.log(
    `| precision | calls × texts × tokens | ${titles.map((title) => `${title} ms`).join(' | ')} | speed over the first |`,
  )
  console.log(`|---|---|${plans.map(() => '---|').join('')}---|`)
  for (const precision of precisions) {
    const pools: EmbeddingPool[] = []
    try {
      for (const plan of plans) {
        const pool = await EmbeddingPool.open({ home, precision, ...plan, maxLength: 512, memory: '20GB' })
        pools.push(pool)
        await pool.preload(info)
      }
      for (const load of LOADS) console.log(`| ${(await row(load, precision, info, pools, rounds)).join(' | ')} |`)
    } finally {
      for (const pool of pools) await pool.close()
    }
  }
}

async function row(
  { name, calls, shape }: Load,
  precision: Precision,
  info: StellaModelInfo,
  pools: readonly EmbeddingPool[],
  rounds: number,
): Promise<readonly string[]> {
  const works = pools.map((pool) => () => {
    const texts = () => someIds(shape, info.architecture.vocab)
    return Promise.all(Array.from({ length: calls }, () => pool.batchEmbed(info, texts())))
  })
  const samples = await takeTurns(works, tokensOf(shape) * calls < FEW_TOKENS ? rounds * MORE_ROUNDS : rounds)
  const [first = []] = samples
  const ratios = samples.slice(1).map((times) => `${pairedRatio(first, times).median.toFixed(2)} ×`)
  return [precision, name, ...samples.map((times) => median(times).toFixed(1)), ratios.join(', ')]
}

const given = readOrExplain(() => readArguments(process.argv.slice(2)), USAGE)
if (given !== undefined) await measure(given)
