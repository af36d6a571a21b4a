/** The command line of `npm run bench`, read and checked once. */
import { availableParallelism } from 'node:os'

import { PRECISIONS } from '../../src/convert/recipe.js'
import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../src/index.js'
import type { Precision } from '../../src/index.js'
import { list, nonEmpty, only, parseOptions, positive, unique } from '../support/command-line.js'
import { asPrecision } from '../support/models.js'
import type { Shape } from '../support/shapes.js'
import { SHAPES, findShape } from '../support/shapes.js'

/** Parts of the table. `long` is the text of 8,192 tokens. */
export const PARTS = ['loading', 'speed', 'latency', 'memory', 'long'] as const

/** A part of the table. */
export type Part = (typeof PARTS)[number]

/** What to measure. */
export interface TableArguments {
  /** Each `name` of a stand-in, or `name=folder`. */
  readonly models: readonly string[]
  readonly precisions: readonly Precision[]
  readonly shapes: readonly Shape[]
  readonly threads: readonly number[]
  readonly workers: readonly number[]
  readonly parts: readonly Part[]
  readonly rounds: number
  /** Loads after the first, each in a process of its own. */
  readonly laterLoads: number
  /** Write `bench/results/<model>.json`. */
  readonly save: boolean
  /** Print JSON and no table. */
  readonly json: boolean
}

export const TABLE_USAGE = `usage: npm run bench -- [options]

--models a,b        stand-ins by name, or name=folder of a checkpoint (default: ${STELLA_EN_400M_V5.key},${STELLA_EN_1_5B_V5.key})
--precisions a,b    of ${PRECISIONS.join(', ')} (default: all; ratios need fp32 among them)
--shapes a,b        of ${SHAPES.map(({ name }) => name.replace('×', 'x')).join(', ')} (default: all)
--threads 1,2       threads of the speed rows (default: all cores, and 1)
--workers 1,2,4     workers of the memory rows (default: 1,2,4)
--parts a,b         of ${PARTS.join(', ')} (default: all but long)
--long              the text of 8,192 tokens as well; takes minutes in fp32
--rounds n          turns of each measurement (default: 5)
--quick             a short run of everything on the embedded model: shows that the command works, measures nothing
--save              write bench/results/<model>.json, which \`npm run bench:docs\` puts into docs/benchmarks.md
--json              print JSON
`

const OPTIONS = {
  models: 'string',
  precisions: 'string',
  shapes: 'string',
  threads: 'string',
  workers: 'string',
  parts: 'string',
  rounds: 'string',
  long: 'boolean',
  quick: 'boolean',
  save: 'boolean',
  json: 'boolean',
} as const

/** What a run that is to be believed repeats, and one that is to be short. */
const REPEATS = { full: { rounds: 5, laterLoads: 3 }, quick: { rounds: 2, laterLoads: 1 } }

/**
 * Reads the arguments.
 *
 * @throws {StellaError} OPTION_INVALID naming what is accepted.
 */
export function readTableArguments(args: readonly string[]): TableArguments | 'help' {
  const values = parseOptions(args, OPTIONS)
  if (values.help === true) return 'help'
  const quick = values.quick === true
  const repeats = REPEATS[quick ? 'quick' : 'full']
  const parts = list('--parts', values.parts, (text) => PARTS.find((part) => part === text), PARTS.join(', '))
  const defaultParts = PARTS.filter((part) => part !== 'long' || quick || values.long === true)
  const full = [STELLA_EN_400M_V5.key, STELLA_EN_1_5B_V5.key]
  const shapeNames = SHAPES.map(({ name }) => name).join(', ')
  return {
    models: list('--models', values.models, nonEmpty, 'names') ?? (quick ? [STELLA_NANO.key] : full),
    precisions: list('--precisions', values.precisions, asPrecision, PRECISIONS.join(', ')) ?? PRECISIONS,
    shapes: list('--shapes', values.shapes, findShape, shapeNames) ?? SHAPES,
    threads: list('--threads', values.threads, positive, 'integers from 1') ?? unique([availableParallelism(), 1]),
    workers: list('--workers', values.workers, positive, 'integers from 1') ?? (quick ? [1, 2] : [1, 2, 4]),
    parts: parts === undefined ? defaultParts : unique(values.long === true ? [...parts, 'long' as const] : parts),
    rounds: only('--rounds', values.rounds, positive, 'an integer from 1') ?? repeats.rounds,
    laterLoads: repeats.laterLoads,
    save: values.save === true,
    json: values.json === true,
  }
}
