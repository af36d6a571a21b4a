/** The commands that the documentation names, held against the scripts and options there are. Runs none of them. */
import { COMMANDS } from '../../src/cli/commands/index.js'
import type { OptionName } from '../../src/cli/options.js'
import { COMMON_OPTIONS, OPTIONS, contraryOf, flagOf, isOptionName, rowOf } from '../../src/cli/options.js'
import { parseOptions } from '../../src/cli/parse.js'
import { isStellaError, messageOf } from '../../src/errors.js'
import { isMade, isThere, textOf } from './doc-pages.js'
import type { Page } from './markdown.js'
import type { Command } from './shell.js'
import { commandsOf } from './shell.js'

const MANIFEST = JSON.parse(textOf('package.json')) as Readonly<
  Record<'scripts' | 'dependencies' | 'devDependencies', Readonly<Record<string, string>>>
>

/** What npm does by itself; of it what the documentation has a use for. */
const NPM_COMMANDS = ['ci', 'install', 'pack', 'publish', 'link', 'init', 'ls']

/** Languages of blocks that are scripts. */
export const SHELL_LANGUAGES = ['sh', 'bash', 'shell']

/** A command, and whether it is one to type: in a script it is, a code span may name it without what it needs. */
export interface Named {
  readonly line: number
  readonly words: Command
  readonly complete: boolean
}

/** The commands of a page: those of its scripts, lines of other text that begin with one, and code spans. */
export function commandsOnPage({ blocks, spans }: Page): readonly Named[] {
  const inBlocks = blocks.flatMap(({ language, code, line }) => {
    if (SHELL_LANGUAGES.includes(language)) return typed(code, line)
    if (language !== '' && language !== 'text') return []
    return code.split('\n').flatMap((text, index) => {
      const { 1: command } = /^\s*(?:\$ )?((?:npx|npm|stella) .*)$/.exec(text) ?? []
      return command === undefined ? [] : typed(command, line + index)
    })
  })
  const inSpans = spans
    .filter(({ text }) => /^(?:\w+=\S+ )*(?:npx|npm|stella) /.test(text))
    .map(({ text, line }) => ({ line, words: unassigned(text.split(' ')), complete: false }))
  return [...inBlocks, ...inSpans]
}

function typed(script: string, line: number): readonly Named[] {
  return commandsOf(script).map((words) => ({ line, words, complete: true }))
}

function unassigned(words: readonly string[]): Command {
  return words.slice(words.findIndex((word) => !/^\w+=/.test(word)))
}

/** What is wrong with a command; undefined where nothing is. Programs that are none of ours are anybody's. */
export function commandProblem({ words, complete }: Pick<Named, 'words' | 'complete'>): string | undefined {
  const [program = '', ...rest] = words
  switch (program) {
    case 'npm':
      return npmProblem(rest)
    case 'npx':
      return npxProblem(rest, complete)
    case 'stella':
      return stellaProblem(rest, complete)
    case 'node':
      return fileProblem(rest)
    default:
      return undefined
  }
}

function npmProblem([command = '', name = '']: Command): string | undefined {
  const script = command === 'run' ? name : command
  if (Object.hasOwn(MANIFEST.scripts, script)) return undefined
  if (command !== 'run' && NPM_COMMANDS.includes(command)) return undefined
  return `package.json has no script \`${script}\``
}

function npxProblem([program = '', ...rest]: Command, complete: boolean): string | undefined {
  if (program === 'stella') return stellaProblem(rest, complete)
  if (program === 'tsx') return fileProblem(rest)
  const installed = { ...MANIFEST.dependencies, ...MANIFEST.devDependencies }
  if (Object.hasOwn(installed, program) || (program === 'tsc' && Object.hasOwn(installed, 'typescript')))
    return undefined
  return `\`npx ${program}\` would install a package that is no dependency`
}

function fileProblem(words: Command): string | undefined {
  const file = words.find((word) => !word.startsWith('-'))
  if (file === undefined || isMade(file) || isThere(file)) return undefined
  return `there is no file \`${file}\``
}

function stellaProblem(words: Command, complete: boolean): string | undefined {
  const [name = '', ...rest] = words
  const command = COMMANDS.find((candidate) => candidate.name === name)
  // `stella --help`, and the placeholder of a sentence that is about all commands.
  const all = name === '' || name.startsWith('-') || (name === '<command>' && !complete)
  if (command === undefined && !all) return `there is no command \`stella ${name}\``
  const accepted: readonly OptionName[] = [...(command?.options ?? []), ...COMMON_OPTIONS]
  const given = command === undefined && name !== '<command>' ? words : rest
  if (!complete) return namesProblem(given, accepted)
  try {
    const { positionals, values } = parseOptions(given, accepted, {})
    if (command === undefined || values.help || values.version) return undefined
    const { min, max, what } = command.arguments
    if (positionals.length >= min && positionals.length <= max) return undefined
    return `\`stella ${name}\` takes ${what}; got ${positionals.length}`
  } catch (error) {
    if (!isStellaError(error)) throw error
    return messageOf(error)
  }
}

/** Of a command that is named and not typed, options need no value and arguments may be placeholders. */
function namesProblem(words: Command, accepted: readonly OptionName[]): string | undefined {
  for (const word of words.filter((text) => /^--?[a-z]/i.test(text))) {
    const [name = ''] = word.split('=')
    const known = accepted.some(
      (option) =>
        `--${flagOf(option)}` === name || `-${rowOf(option).short ?? ' '}` === name || isContrary(option, name),
    )
    if (!known) return `no option \`${name}\` here`
  }
  return undefined
}

/** What is wrong with an option that stands alone in a code span, such as `--precision int8`. */
export function optionProblem(span: string): string | undefined {
  const [, name = '', value] = /^--([a-z][\w-]*)(?:[= ](.*))?$/.exec(span) ?? []
  const plain = isOptionName(name)
    ? name
    : (Object.keys(OPTIONS) as OptionName[]).find((one) => isContrary(one, `--${name}`))
  if (plain === undefined) return `no command of \`stella\` has an option \`--${name}\``
  if (value === undefined || /[<…]/.test(value)) return undefined
  try {
    parseOptions([`--${name}=${value}`], [plain], {})
    return undefined
  } catch (error) {
    if (!isStellaError(error)) throw error
    return messageOf(error)
  }
}

function isContrary(option: OptionName, name: string): boolean {
  return rowOf(option).kind === 'flag' && `--${contraryOf(option)}` === name
}
