/**
 * What the embedded model can do: how far it agrees with its teacher on texts it was not trained on, whether it tells
 * glosses of one meaning from glosses at random, what its search finds, its size, and how soon it answers. Word overlap and
 * a model of random weights are in the same tables.
 *
 *   npm run bench:nano -- --work <folder of tools/nano>
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { EmbeddingPool, STELLA_NANO, describeCheckpoint } from '../src/index.js'
import { makeCheckpoint } from '../tools/checkpoints/make-checkpoint.js'
import { CHECKPOINT_SPECS } from '../tools/checkpoints/specs.js'
import { startTimes } from './nano/cold-start.js'
import type { Contender } from './nano/contenders.js'
import { modelContender, overlapContender, vectorContender } from './nano/contenders.js'
import type { HeldOut } from './nano/held-out.js'
import { readHeldOut } from './nano/held-out.js'
import { PASSAGES, SEARCH_CASES } from './nano/search-cases.js'
import { areaUnderCurve, spearman } from './nano/statistics.js'
import { nonEmpty, only, parseOptions, positive, readOrExplain } from './support/command-line.js'
import { table } from './support/markdown.js'
import { median } from './support/statistics.js'
import { temporaryFolder } from './support/temporary-folder.js'

const USAGE = `usage: npm run bench:nano -- [options]

--work folder   of tools/nano, with what was kept from training; without it only search, size and times
--texts n       held-out texts; all pairs of them are compared (default: 1500)
--rounds n      starts of the process, each way (default: 5)
--rivals f      checkpoint folders to put beside it, separated by commas
`

/** What was asked for. */
const MIN_AGREEMENT = 0.85
const MIN_MARGIN = 0.1
const MAX_MB = 12
const MAX_COLD_SECONDS = 1.5
const MAX_WARM_SECONDS = 0.6

/** Rounding of a vector of length 1 in float32. */
const COPY_TOLERANCE = 1e-6

const RANDOM = 'random weights'

/** Texts that word frequencies are taken from. */
const FREQUENCY_TEXTS = 300_000

const given = readOrExplain(() => {
  const values = parseOptions(process.argv.slice(2), {
    work: 'string',
    texts: 'string',
    rounds: 'string',
    rivals: 'string',
  })
  if (values.help === true) return 'help'
  return {
    work: only('work', values.work, nonEmpty, 'a folder'),
    texts: only('texts', values.texts, (text) => positive(text), 'a number') ?? 1500,
    rounds: only('rounds', values.rounds, (text) => positive(text), 'a number') ?? 5,
    rivals: values.rivals?.split(',') ?? [],
  }
}, USAGE)

if (given !== undefined) {
  await using folder = await temporaryFolder()
  await using pool = await EmbeddingPool.open({ maxLength: 512, home: join(folder.path, 'home') })
  const random = join(folder.path, 'random')
  await makeCheckpoint(random, CHECKPOINT_SPECS['random-nano'])
  const models: Contender[] = []
  for (const { dimensions } of STELLA_NANO.heads) {
    models.push(modelContender(`stella-nano, ${dimensions} dimensions`, pool, STELLA_NANO, dimensions))
  }
  for (const rival of [random, ...given.rivals]) {
    const info = await describeCheckpoint(rival)
    models.push(modelContender(rival === random ? RANDOM : rival, pool, info, info.defaultDimensions))
  }
  const bars: Bar[] = []
  if (given.work !== undefined) {
    bars.push(...(await compare(await readHeldOut(given.work, given.texts, FREQUENCY_TEXTS), models)))
  }
  await search(models)
  bars.push(await copies(models[0]), ...(await sizeAndTimes(given.rounds)))
  console.log(
    table(
      ['stella-nano', 'bar', 'measured', 'met'],
      bars.map(({ what, bar, measured, met }) => [what, bar, measured, met ? 'yes' : '**no**']),
    ),
  )
}

/** What was asked of the model, and what it gives. */
interface Bar {
  readonly what: string
  readonly bar: string
  readonly measured: string
  readonly met: boolean
}

/** Agreement with the teacher, and telling glosses of one meaning from others. */
async function compare(heldOut: HeldOut, models: readonly Contender[]): Promise<readonly Bar[]> {
  const { texts, pairs } = heldOut
  const overlap = overlapContender(heldOut.trained)
  const everyPair = texts.flatMap((_, a) => Array.from({ length: a }, (_, b) => [b, a] as const))
  const expected = await vectorContender('teacher', heldOut.teacher).cosines(texts, everyPair)
  const glosses = pairs.flatMap(({ a, b }) => [a, b])
  const places = pairs.map((_, i) => [2 * i, 2 * i + 1] as const)
  const rows: string[][] = []
  const found = new Map<Contender, { readonly agreement: number; readonly area: number }>()
  for (const contender of [vectorContender('all-MiniLM-L6-v2, the teacher', heldOut.pairTeacher), ...models, overlap]) {
    const isTeacher = !models.includes(contender) && contender !== overlap
    const agreement = isTeacher ? 1 : spearman(await contender.cosines(texts, everyPair), expected)
    const scores = [...(await contender.cosines(glosses, places))]
    const area = areaUnderCurve(
      scores,
      pairs.map(({ same }) => same),
    )
    rows.push([contender.name, agreement.toFixed(3), area.toFixed(3)])
    found.set(contender, { agreement, area })
  }
  const head = ['', `Spearman with the teacher, ${everyPair.length} pairs`, `AUC, ${pairs.length} pairs of glosses`]
  console.log(`${table(head, rows)}\n`)
  const [own, random] = [models[0], models.find(({ name }) => name === RANDOM)].map(
    (model) => model && found.get(model),
  )
  const others = Math.max(random?.area ?? 0, found.get(overlap)?.area ?? 0)
  const { agreement = 0, area = 0 } = own ?? {}
  return [
    {
      what: 'Spearman with the teacher',
      bar: `≥ ${MIN_AGREEMENT}`,
      measured: agreement.toFixed(3),
      met: agreement >= MIN_AGREEMENT,
    },
    {
      what: 'AUC over the better of word overlap and random weights',
      bar: `≥ +${MIN_MARGIN}`,
      measured: `+${(area - others).toFixed(3)}`,
      met: area - others >= MIN_MARGIN,
    },
  ]
}

/** Whether a text and its copy have one vector. */
async function copies(model: Contender | undefined): Promise<Bar> {
  const pairs = PASSAGES.map((_, i) => [i, PASSAGES.length + i] as const)
  const least = Math.min(...((await model?.cosines([...PASSAGES, ...PASSAGES], pairs)) ?? [0]))
  const bar = `≥ 1 − ${COPY_TOLERANCE}`
  return { what: 'cosine of a text and its copy', bar, measured: least.toFixed(7), met: least >= 1 - COPY_TOLERANCE }
}

/** What a search by meaning finds. */
async function search(models: readonly Contender[]): Promise<void> {
  const texts = [...SEARCH_CASES.map(({ query }) => query), ...PASSAGES]
  const overlap = overlapContender(PASSAGES)
  const rows = SEARCH_CASES.map(({ query }) => [query])
  const found: number[] = []
  const contenders = [...models, overlap]
  for (const contender of contenders) {
    let count = 0
    for (const [i, { passage }] of SEARCH_CASES.entries()) {
      const pairs = PASSAGES.map((_, p) => [i, SEARCH_CASES.length + p] as const)
      const cosines = await contender.cosines(texts, pairs)
      const own = cosines[passage] ?? 0
      // Of equal scores the worst place: a search that cannot tell has found nothing.
      const place = cosines.filter((cosine) => cosine >= own).length
      if (place === 1) count++
      rows[i]?.push(String(place))
    }
    found.push(count)
  }
  rows.push(['**first**', ...found.map((count) => `${count} of ${SEARCH_CASES.length}`)])
  console.log(`${table(['place of the right passage', ...contenders.map(({ name }) => name)], rows)}\n`)
}

async function sizeAndTimes(rounds: number): Promise<readonly Bar[]> {
  const folder = fileURLToPath(new URL('../models/stella-nano', import.meta.url))
  const files = await readdir(folder, { recursive: true })
  const sizes = await Promise.all(files.map(async (file) => stat(join(folder, file))))
  const megabytes = sizes.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0) / 1e6
  const { cold, warm } = await startTimes(rounds)
  const time = (what: string, times: readonly number[], seconds: number): Bar => {
    const measured = `${median(times).toFixed(2)} s (${Math.min(...times).toFixed(2)} to ${Math.max(...times).toFixed(2)})`
    return { what, bar: `≤ ${seconds} s`, measured, met: median(times) <= seconds }
  }
  return [
    { what: 'size', bar: `≤ ${MAX_MB} MB`, measured: `${megabytes.toFixed(2)} MB`, met: megabytes <= MAX_MB },
    time('first embedding of a process, converting', cold, MAX_COLD_SECONDS),
    time('first embedding of a process, converted', warm, MAX_WARM_SECONDS),
  ]
}
