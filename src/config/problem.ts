/** What is wrong with a configuration: where, which key, and what would be right. Knows no key and no format. */
import { StellaError } from '../errors.js'
import { quote } from '../show.js'

/** Where a value comes from, the strongest first. */
export type SettingSource = 'argument' | 'environment' | 'file' | 'default'

/** Where exactly. */
export interface Origin {
  /** Who said it. */
  readonly source: SettingSource
  /** Of a file: its name as it was given. */
  readonly file?: string | undefined
  /** From 1. */
  readonly line?: number | undefined
  /** From 1, in UTF-16 units, as editors count. */
  readonly column?: number | undefined
  /** Of the environment: the variable. */
  readonly variable?: string | undefined
}

/** A problem, or a note. */
export interface ConfigRemark extends Origin {
  /** With its section, such as `evaluation.bins`; absent where the file itself is meant. */
  readonly key?: string | undefined
  /** What was expected, and what was found. */
  readonly message: string
}

/** Problems that a message repeats; `details.problems` has more of them. */
const MAX_SHOWN = 20

/** Problems that `details` holds: a hostile file may have one on every line. */
const MAX_LISTED = 100

/** `stella.config.yaml:7:12`, `STELLA_WORKERS`, `argument`, `default`. */
export function placeOf({ source, file, line, column, variable }: Origin): string {
  switch (source) {
    case 'file':
      return [file ?? 'the configuration', line, column].filter((part) => part !== undefined).join(':')
    case 'environment':
      return variable ?? source
    case 'argument':
    case 'default':
      return source
  }
}

/** A remark on one line, such as `stella.config.yaml:7:12 batchSize: expected an integer …; got "many"`. */
export function lineOf(remark: ConfigRemark): string {
  const { source, key, message } = remark
  // An argument is called what its caller calls it, and a variable says by itself which key is meant.
  if (source === 'argument') return `${key ?? 'arguments'}: ${message}`
  if (source === 'environment') return `${placeOf(remark)}: ${message}`
  return `${placeOf(remark)} ${key === undefined ? '' : `${key}: `}${message}`
}

/** A key as a message may show it: one that somebody made up may be long, or hold control characters. */
export function shownKey(key: string): string {
  return /^[\p{L}\p{N}_$.-]{1,60}$/u.test(key) ? key : quote(key)
}

/** All problems as one OPTION_INVALID: a line each, those of the file first, in the order of the file. */
export function configError(problems: readonly ConfigRemark[]): StellaError {
  const sorted = problems.toSorted(compare)
  const shown = sorted.slice(0, MAX_SHOWN).map(lineOf)
  const more = sorted.length - shown.length
  if (more > 0) shown.push(`and ${more} more`)
  return new StellaError('OPTION_INVALID', shown.join('\n'), {
    details: { count: sorted.length, problems: sorted.slice(0, MAX_LISTED).map((problem) => ({ ...problem })) },
  })
}

const ORDER: Readonly<Record<SettingSource, number>> = { file: 0, environment: 1, argument: 2, default: 3 }

function compare(a: ConfigRemark, b: ConfigRemark): number {
  return ORDER[a.source] - ORDER[b.source] || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
}
