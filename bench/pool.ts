/**
 * What a pool adds, and what it withstands: the time it adds to a call, how long it holds the main thread, what many
 * single calls cost beside one of many texts, how long an urgent text waits behind bulk, whether a long stream stays
 * flat in memory, and whether the ledger covers what is held. Each part in a process of its own.
 *
 *   npm run bench:pool -- --help
 */
import { STELLA_EN_400M_V5 } from '../src/index.js'
import type { PoolPart, PoolStepArguments, PoolStepResult } from './pool/steps.js'
import { POOL_PARTS } from './pool/steps.js'
import { inChild } from './support/child.js'
import { list, nonEmpty, only, parseOptions, positive, readOrExplain } from './support/command-line.js'
import { asPrecision, findModel } from './support/models.js'

/** So small that what is measured on it is the pool: 0.15 million random numbers. */
const TOY = 'random-nano'

const USAGE = `usage: npm run bench:pool -- [options]

--parts a,b         of ${POOL_PARTS.map(({ name }) => name).join(', ')} (default: all)
--model name        for singles, saturation, urgency and ledger: a stand-in, or name=folder of a checkpoint
                    (default: ${STELLA_EN_400M_V5.key})
--precision p       of that model (default: int8)
--rounds n          turns of each measurement (default: 5)
--texts n           of the stream (default: 1000000)
--quick             all parts on a toy model, short: shows that the command works, measures nothing
`

function readArguments(args: readonly string[]) {
  const values = parseOptions(args, {
    ...{ parts: 'string', model: 'string', precision: 'string', rounds: 'string', texts: 'string' },
    quick: 'boolean',
  })
  if (values.help === true) return 'help'
  const names = POOL_PARTS.map(({ name }) => name)
  const part = (text: string): PoolPart | undefined => names.find((name) => name === text)
  const quick = values.quick === true
  return {
    quick,
    parts: list('parts', values.parts, part, names.join(', ')) ?? names,
    model: only('model', values.model, nonEmpty, 'a model') ?? (quick ? TOY : STELLA_EN_400M_V5.key),
    precision:
      only('precision', values.precision, asPrecision, 'fp32, int8 or int4') ?? (quick ? 'fp32' : ('int8' as const)),
    rounds: only('rounds', values.rounds, (text) => positive(text), 'a number') ?? (quick ? 1 : 5),
    texts: only('texts', values.texts, (text) => Number(text) || undefined, 'a number') ?? (quick ? 2000 : 1_000_000),
  }
}

const given = readOrExplain(() => readArguments(process.argv.slice(2)), USAGE)
if (given !== undefined) {
  await using small = await findModel(TOY)
  // The same one, where it is the one asked for: what it runs in follows from which it is.
  await using named = given.model === TOY ? undefined : await findModel(given.model)
  const large = named ?? small
  console.log('| what | bar | measured | met |\n| --- | --- | --- | --- |')
  for (const { name, model } of POOL_PARTS.filter(({ name }) => given.parts.includes(name))) {
    const on = model === 'toy' || given.quick ? small : large
    const step: PoolStepArguments = {
      ...{ part: name, checkpoint: on.folder, key: on.info.key, home: on.home, quick: given.quick },
      ...{ rounds: given.rounds, texts: given.texts, precision: on === small ? 'fp32' : given.precision },
    }
    const results = (await inChild(new URL('./pool/step.ts', import.meta.url), step)) as readonly PoolStepResult[]
    for (const { what, bar, measured, met } of results) {
      console.log(`| ${what} (${on.name}) | ${bar} | ${measured} | ${given.quick ? '–' : met ? 'yes' : '**no**'} |`)
    }
  }
}
