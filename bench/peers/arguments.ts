/** The command line of `npm run bench:peers`, read and checked once. */
import { availableParallelism } from 'node:os'

import { PRECISIONS } from '../../src/convert/recipe.js'
import { packageRoot } from '../../src/files/package-root.js'
import type { Precision } from '../../src/index.js'
import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../src/index.js'
import { list, nonEmpty, only, parseOptions, positive } from '../support/command-line.js'
import { asPrecision } from '../support/models.js'
import type { Shape } from '../support/shapes.js'
import { SHAPES, findShape } from '../support/shapes.js'

/** What to compare. */
export interface PeersArguments {
  readonly models: readonly string[]
  /** Of ours. */
  readonly precisions: readonly Precision[]
  readonly shapes: readonly Shape[]
  readonly threads: number
  readonly rounds: number
  readonly python: string
  readonly transformersJs: string
  readonly save: boolean
  readonly json: boolean
}

export const PEERS_USAGE = `usage: npm run bench:peers -- [options]

--models a,b             stand-ins by name, or name=folder of a checkpoint (default: ${STELLA_EN_400M_V5.key},${STELLA_EN_1_5B_V5.key})
--precisions a,b         of ours: ${PRECISIONS.join(', ')} (default: all)
--shapes a,b             of ${SHAPES.map(({ name }) => name.replace('×', 'x')).join(', ')} (default: all)
--threads n              of ours and of the peers (default: all cores)
--rounds n               turns of each measurement (default: 5)
--python path            a Python with sentence-transformers and torch (default: python3)
--transformers-js folder whose node_modules hold @huggingface/transformers (default: this project's)
--quick                  one short run on the embedded model: shows that the command works, measures nothing
--save                   write bench/results/<model>-peers.json for \`npm run bench:docs\`
--json                   print JSON
`

const OPTIONS = {
  models: 'string',
  precisions: 'string',
  shapes: 'string',
  threads: 'string',
  rounds: 'string',
  python: 'string',
  'transformers-js': 'string',
  quick: 'boolean',
  save: 'boolean',
  json: 'boolean',
} as const

/** Rounds of a run that is to be believed, and of one that is to be short. */
const ROUNDS = { full: 5, quick: 1 }

/**
 * Reads the arguments.
 *
 * @throws {StellaError} OPTION_INVALID naming what is accepted.
 */
export function readPeersArguments(args: readonly string[]): PeersArguments | 'help' {
  const values = parseOptions(args, OPTIONS)
  if (values.help === true) return 'help'
  const quick = values.quick === true
  const full = [STELLA_EN_400M_V5.key, STELLA_EN_1_5B_V5.key]
  const shapeNames = SHAPES.map(({ name }) => name).join(', ')
  return {
    models: list('--models', values.models, nonEmpty, 'names') ?? (quick ? [STELLA_NANO.key] : full),
    precisions: list('--precisions', values.precisions, asPrecision, PRECISIONS.join(', ')) ?? PRECISIONS,
    shapes: list('--shapes', values.shapes, findShape, shapeNames) ?? SHAPES,
    threads: only('--threads', values.threads, positive, 'an integer from 1') ?? availableParallelism(),
    rounds: only('--rounds', values.rounds, positive, 'an integer from 1') ?? ROUNDS[quick ? 'quick' : 'full'],
    python: values.python ?? 'python3',
    transformersJs: values['transformers-js'] ?? packageRoot(),
    save: values.save === true,
    json: values.json === true,
  }
}
