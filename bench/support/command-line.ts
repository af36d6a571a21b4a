/** Reads the command lines of benchmarks: options, lists, and what to say when one is wrong. */
import type { ParseArgsConfig } from 'node:util'
import { parseArgs } from 'node:util'

import { StellaError, isStellaError } from '../../src/index.js'

/** Exit status for a command that was used wrongly. */
const EXIT_USAGE = 2

type Kinds = Readonly<Record<string, 'string' | 'boolean'>>

/** Values of options by name: text, or true for a flag that is given. */
type Values<Options extends Kinds> = {
  readonly [Name in keyof Options | 'help']?: Name extends keyof Options
    ? Options[Name] extends 'string'
      ? string
      : boolean
    : boolean
}

/**
 * The values of `options` in `args`, and of `--help`.
 *
 * @throws {StellaError} OPTION_INVALID for what is no option.
 */
export function parseOptions<const Options extends Kinds>(args: readonly string[], options: Options): Values<Options> {
  const config: ParseArgsConfig['options'] = { help: { type: 'boolean', short: 'h' } }
  for (const [name, type] of Object.entries(options)) config[name] = { type }
  try {
    // The types follow from `options`, which parseArgs cannot see through a variable.
    return parseArgs({ args: [...args], options: config }).values as Values<Options>
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new StellaError('OPTION_INVALID', error.message, { cause: error })
  }
}

/** What `read` gives; prints `usage` and gives nothing when help was asked for or an option is wrong. */
export function readOrExplain<T>(read: () => T | 'help', usage: string): T | undefined {
  try {
    const found = read()
    if (found !== 'help') return found
    process.stdout.write(usage)
  } catch (error) {
    if (!isStellaError(error)) throw error
    process.stderr.write(`${error.message}\n\n${usage}`)
    process.exitCode = EXIT_USAGE
  }
  return undefined
}

/**
 * Comma-separated values, each read by `read`; undefined where the option is absent.
 *
 * @throws {StellaError} OPTION_INVALID when `read` knows no such value.
 */
export function list<T>(
  option: string,
  text: string | undefined,
  read: (item: string) => T | undefined,
  accepted: string,
): readonly T[] | undefined {
  return text?.split(',').map((item) => {
    const value = read(item.trim())
    if (value !== undefined) return value
    throw new StellaError('OPTION_INVALID', `Expected \`${option}\` to be ${accepted}; got \`${item}\``, {
      details: { option },
    })
  })
}

/** One value of {@link list}. */
export function only<T>(
  option: string,
  text: string | undefined,
  read: (item: string) => T | undefined,
  accepted: string,
): T | undefined {
  return list(option, text === undefined ? undefined : text.replaceAll(',', ' '), read, accepted)?.[0]
}

/** An integer from 1. */
export function positive(text: string): number | undefined {
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined
}

/** A text that says something. */
export function nonEmpty(text: string): string | undefined {
  return text === '' ? undefined : text
}

/** Each item once, in order. */
export function unique<T>(items: readonly T[]): readonly T[] {
  return [...new Set(items)]
}
