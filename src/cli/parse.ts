/** Turns arguments and environment variables into checked option values. A flag on the command line wins. */
import { parseArgs } from 'node:util'

import { nearest } from '../../registry/nearest.js'
import type { OptionName, OptionRow, OptionValues } from './options.js'
import { INPUT_OPTIONS, OPTIONS, RIVALS, contraryOf, environmentName, flagOf, isOptionName, rowOf } from './options.js'
import { UsageError } from './usage-error.js'

/** Largest number any option takes; typing errors beyond it would only fail later and less clearly. */
const MAX_COUNT = 1_000_000_000

const TRUE_WORDS = ['1', 'true', 'yes', 'on']
const FALSE_WORDS = ['0', 'false', 'no', 'off']

/** What was asked for. */
export interface Parsed {
  readonly values: OptionValues
  readonly positionals: readonly string[]
  /** Options that are on the command line, whatever variables say. */
  readonly typed: ReadonlySet<OptionName>
}

/**
 * Parses the arguments after the command's name.
 *
 * @param accepted - Options of this command; any other is an error, also where another command has it.
 * @throws {UsageError} naming the option or variable, what it takes, and the nearest name where one was misspelt.
 */
export function parseOptions(argv: readonly string[], accepted: readonly OptionName[], env: NodeJS.ProcessEnv): Parsed {
  const given: Given = new Map()
  const positionals: string[] = []
  for (const token of tokensOf(argv, accepted)) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const { name, negated } = resolveName(token.name, token.rawName, accepted)
    if (rowOf(name).kind === 'flag') {
      if (token.value !== undefined) throw new UsageError(`\`${token.rawName}\` takes no value; got \`${token.value}\``)
      given.set(name, !negated)
    } else {
      given.set(name, valueOf(name, textOf(token), `--${flagOf(name)}`))
    }
  }
  const typed = new Set(given.keys())
  const overruled = overruledBy(typed, positionals)
  for (const name of accepted) {
    const variable = environmentName(name)
    const text = variable === undefined ? undefined : env[variable]
    if (variable === undefined || text === undefined || text === '' || overruled.has(name)) continue
    given.set(name, valueOf(name, text, variable))
  }
  return { values: complete(given), positionals, typed }
}

type Given = Map<OptionName, OptionValues[OptionName]>

/** Options whose variables have no effect, because the command line has said something else. */
function overruledBy(typed: ReadonlySet<OptionName>, positionals: readonly string[]): ReadonlySet<OptionName> {
  const overruled = new Set(typed)
  for (const [one, other] of RIVALS) {
    if (typed.has(one)) overruled.add(other)
    if (typed.has(other)) overruled.add(one)
  }
  if (positionals.length > 0) for (const name of INPUT_OPTIONS) overruled.add(name)
  return overruled
}

interface OptionToken {
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function tokensOf(argv: readonly string[], accepted: readonly OptionName[]) {
  const options: Record<string, { type: 'boolean' | 'string'; short?: string }> = {}
  for (const name of accepted) {
    const { kind, short } = rowOf(name)
    options[flagOf(name)] ??= {
      type: kind === 'flag' ? 'boolean' : 'string',
      ...(short === undefined ? {} : { short }),
    }
    if (kind === 'flag') options[contraryOf(name)] = { type: 'boolean' }
  }
  // Not strict: this package's own messages say more than parseArgs's.
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens
}

function resolveName(
  name: string,
  rawName: string,
  accepted: readonly OptionName[],
): { readonly name: OptionName; readonly negated: boolean } {
  const named = accepted.find((candidate) => flagOf(candidate) === name)
  if (named !== undefined) return { name: named, negated: false }
  const negated = accepted.find((candidate) => rowOf(candidate).kind === 'flag' && contraryOf(candidate) === name)
  if (negated !== undefined) return { name: negated, negated: true }
  const known = accepted.map((candidate) => `--${flagOf(candidate)}`)
  const hint = nearest(`--${name}`, known)
  throw new UsageError(`Unknown option \`${rawName}\``, hint === undefined ? undefined : `Did you mean \`${hint}\`?`)
}

function textOf({ rawName, value, inlineValue }: OptionToken): string {
  if (value === undefined) throw new UsageError(`\`${rawName}\` needs a value`)
  // `--out --json` is a forgotten value far more often than a file called --json.
  if (inlineValue !== true && value.length > 1 && value.startsWith('-')) {
    throw new UsageError(
      `\`${rawName}\` needs a value; got the option \`${value}\``,
      `A value that begins with a dash is written ${rawName}=${value}`,
    )
  }
  return value
}

/** @param where - The option or variable the text comes from, for messages. */
function valueOf(name: OptionName, text: string, where: string): OptionValues[OptionName] {
  const row = rowOf(name)
  switch (row.kind) {
    case 'flag':
      return switchOf(text, where)
    case 'text':
      if (text === '') throw new UsageError(`\`${where}\` needs a value; got an empty text`)
      return text
    case 'count':
      return countOf(text, where, 'an integer of at least 1')
    case 'counts':
      return text
        .split(',')
        .map((part) => countOf(part.trim(), where, 'integers separated by commas, such as 1024,256'))
    case 'choice':
      return choiceOf(row, text, where)
  }
}

function switchOf(text: string, where: string): boolean {
  const word = text.toLowerCase()
  if (TRUE_WORDS.includes(word)) return true
  if (FALSE_WORDS.includes(word)) return false
  throw expected(where, `one of ${[...TRUE_WORDS, ...FALSE_WORDS].join(', ')}`, text)
}

function countOf(text: string, where: string, what: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0
  if (value >= 1 && value <= MAX_COUNT) return value
  throw expected(where, what, text)
}

function choiceOf({ choices = [] }: OptionRow, text: string, where: string): string {
  if (choices.includes(text)) return text
  const what = choices.length > 1 ? `${choices.slice(0, -1).join(', ')} or ${choices.at(-1) ?? ''}` : choices.join('')
  const hint = nearest(text, choices)
  throw expected(where, what, text, hint === undefined ? undefined : `Did you mean \`${hint}\`?`)
}

function expected(where: string, what: string, text: string, hint?: string): UsageError {
  return new UsageError(`Expected \`${where}\` to be ${what}; got \`${text}\``, hint)
}

function complete(given: Given): OptionValues {
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(OPTIONS)) {
    if (isOptionName(name)) values[name] = given.get(name) ?? (rowOf(name).kind === 'flag' ? false : undefined)
  }
  return Object.freeze(values) as OptionValues
}
