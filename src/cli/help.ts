/** Writes `--help` from the tables of commands and options. */
import type { CommandSpec } from './command.js'
import type { OptionName } from './options.js'
import { COMMON_OPTIONS, environmentName, flagOf, rowOf } from './options.js'

/** Width that help is wrapped at, in columns. */
const WIDTH = 100

/** Column at which the second half of a two-column line begins. */
const COLUMN = 32

const EXIT_CODES = '0 done · 1 failed · 2 used wrongly · 128 + n stopped by signal n'

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['STELLA_HOME', 'folder for converted models (default: the cache folder of the platform)'],
  ['STELLA_DEBUG', '1: errors with their stack'],
  ['HF_HOME, HF_HUB_CACHE', 'the Hugging Face cache, shared with Python'],
  ['HF_TOKEN, HF_ENDPOINT', 'how to reach the hub'],
  ['HF_HUB_OFFLINE', '1: no request is made'],
]

/** Help of the whole program. */
export function programHelp(commands: readonly CommandSpec[]): string {
  return lines([
    'stella: text embeddings with the Stella models, on this machine',
    '',
    'usage: stella <command> [options]',
    '',
    'commands:',
    ...commands.flatMap((command) => twoColumns(command.name, command.summary)),
    '',
    'options of every command:',
    ...COMMON_OPTIONS.flatMap((name) => optionLines(name)),
    '',
    'environment:',
    ...ENVIRONMENT.flatMap(([name, what]) => twoColumns(name, what)),
    ...wrap(
      'Every option but --help, --version and --show has a variable of its own, such as STELLA_MODEL for --model. ' +
        'An option on the command line wins over its variable, and that over the file of --config.',
      2,
    ),
    '',
    `exit codes: ${EXIT_CODES}`,
    '',
    'Run `stella <command> --help` for the options of a command.',
  ])
}

/** Help of one command. */
export function commandHelp(command: CommandSpec): string {
  const meanings: Readonly<Partial<Record<OptionName, string>>> = command.meanings ?? {}
  return lines([
    `usage: stella ${command.name} ${command.usage}`.trimEnd(),
    '',
    ...wrap(`${command.summary}.`, 0),
    ...command.details.flatMap((paragraph) => ['', ...wrap(paragraph, 0)]),
    '',
    'options:',
    ...[...command.options, ...COMMON_OPTIONS].flatMap((name) => optionLines(name, meanings[name])),
    '',
    'examples:',
    ...command.examples.map((example) => `  stella ${example}`),
    '',
    `exit codes: ${EXIT_CODES}`,
  ])
}

function optionLines(name: OptionName, meaning?: string): readonly string[] {
  const row = rowOf(name)
  const short = row.short === undefined ? '    ' : `-${row.short}, `
  const value = row.kind === 'flag' ? '' : ` <${row.value ?? 'value'}>`
  const choices = row.choices === undefined ? '' : `: ${row.choices.join(', ')}`
  const otherwise = meaning?.includes('(default:') === true ? undefined : (row.default ?? row.otherwise)
  const fallback = otherwise === undefined ? '' : ` (default: ${otherwise})`
  const variable = environmentName(name)
  const twin = variable === undefined ? '' : ` [${variable}]`
  return twoColumns(`${short}--${flagOf(name)}${value}`, `${meaning ?? row.help}${choices}${fallback}${twin}`)
}

function twoColumns(left: string, right: string): readonly string[] {
  const [first = '', ...rest] = wrap(right, COLUMN)
  const head = `  ${left}`
  if (head.length >= COLUMN) return [head, first, ...rest]
  return [head.padEnd(COLUMN) + first.trimStart(), ...rest]
}

/** Breaks a text between words. */
function wrap(text: string, indent: number): readonly string[] {
  const wrapped: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      wrapped.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...wrapped, line].map((part) => ' '.repeat(indent) + part)
}

function lines(parts: readonly string[]): string {
  return `${parts.join('\n')}\n`
}
