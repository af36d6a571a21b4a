/** The command line of chaos. */
import { parseArgs } from 'node:util'

/** How to use it. */
export const USAGE = `usage: npm run chaos -- [options]

Plays operations drawn at random on pools that are done harm to, and says what was wrong. Each seed runs in a process
of its own, with a home folder of its own. The same seed draws the same operations again.

--operations n   in all (default: 1000)
--per-seed n     in one process (default: 250; with --fake 2500)
--seed n         the first seed; the next are counted up from it (default: 1)
--minutes n      begins no operation after so many minutes (default: no limit)
--patience n     seconds after which an operation counts as never to settle (default: 90)
--fake           on the fake engine, in virtual time
--json           prints the report as JSON
--journal        prints what is done as it is done
`

/** What was asked for. */
export interface ChaosArguments {
  readonly operations: number
  readonly perSeed: number
  readonly seed: number
  readonly minutes: number
  readonly patienceMs: number
  readonly fake: boolean
  readonly json: boolean
  readonly journal: boolean
}

/** The command line was used wrongly. */
export class UsageError extends Error {}

/** @throws {UsageError} saying what is wrong. */
export function readArguments(args: readonly string[]): ChaosArguments | 'help' {
  const values = parse(args)
  if (values.help === true) return 'help'
  const number = (name: 'operations' | 'per-seed' | 'seed' | 'minutes' | 'patience', otherwise: number): number => {
    const text = values[name]
    if (text === undefined) return otherwise
    const value = Number(text)
    if (value > 0) return value
    throw new UsageError(`Expected \`--${name}\` to be a number above 0; got \`${text}\``)
  }
  const fake = values.fake === true
  return {
    operations: Math.ceil(number('operations', 1000)),
    perSeed: Math.ceil(number('per-seed', fake ? 2500 : 250)),
    seed: Math.ceil(number('seed', 1)),
    minutes: number('minutes', Number.POSITIVE_INFINITY),
    patienceMs: number('patience', 90) * 1000,
    fake,
    json: values.json === true,
    journal: values.journal === true,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        operations: { type: 'string' },
        'per-seed': { type: 'string' },
        seed: { type: 'string' },
        minutes: { type: 'string' },
        patience: { type: 'string' },
        fake: { type: 'boolean' },
        json: { type: 'boolean' },
        journal: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    throw error
  }
}
