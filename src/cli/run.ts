/**
 * Runs one command line from arguments to exit code. Knows how commands are found and how they fail, not what they do.
 */
import { nearest } from '../../registry/nearest.js'
import type { StellaConfig } from '../config/stella-config.js'
import type { StellaEnvironment } from '../files/environment.js'
import { readEnvironment } from '../files/environment.js'
import { packageVersion } from '../files/package-root.js'
import type { CliIo, CommandContext, CommandSpec } from './command.js'
import { COMMANDS } from './commands/index.js'
import type { ExitCode } from './exit-code.js'
import { EXIT, SIGNAL_EXIT } from './exit-code.js'
import { describeFailure } from './failure.js'
import { commandHelp, programHelp } from './help.js'
import { COMMON_OPTIONS } from './options.js'
import { Output, OutputClosed, jsonText } from './output.js'
import type { Parsed } from './parse.js'
import { parseOptions } from './parse.js'
import { Reporter } from './progress.js'
import { UsageError } from './usage-error.js'

/**
 * Runs `stella` with the arguments after its name. Never throws: what goes wrong is told on standard error.
 *
 * @returns 0 done, 1 failed, 2 used wrongly; 128 and the signal's number when interrupted.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  const output = new Output(io.stdout)
  const { before, name, rest } = split(argv)
  const command = COMMANDS.find((candidate) => candidate.name === name)
  try {
    return await dispatch(argv, io, output)
  } catch (error) {
    // The reader has what it wanted. Whatever the abort made of the work is no failure.
    if (error instanceof OutputClosed || output.closed.aborted) return EXIT.done
    const signal = endingSignal(io)
    if (signal !== undefined) {
      io.stderr.write(`stella: stopped by ${signal}\n`)
      return SIGNAL_EXIT[signal]
    }
    const json = wantsJson([...before, ...rest], io.env)
    const style = { json, debug: isOn(io.env['STELLA_DEBUG']), command: command?.name }
    const { text, exitCode } = describeFailure(error, style)
    new Reporter({ stream: io.stderr, quiet: false }).print(text)
    return exitCode
  }
}

async function dispatch(argv: readonly string[], io: CliIo, output: Output): Promise<ExitCode> {
  const { before, name, rest } = split(argv)
  const command = COMMANDS.find((candidate) => candidate.name === name)
  if (command === undefined) return withoutCommand(before, name, io, output)
  const accepted = [...command.options, ...COMMON_OPTIONS]
  const parsed = parseOptions([...before, ...rest], accepted, io.env)
  const { positionals } = parsed
  if (parsed.values.help) return print(output, commandHelp(command))
  if (parsed.values.version) return printVersion(output, parsed.values.json)
  checkArguments(command, positionals)
  const report = new Reporter({ stream: io.stderr, quiet: parsed.values.quiet })
  const { values, config } = await withFile(parsed, io, report)
  const signals = [output.closed, ...(io.interrupt === undefined ? [] : [io.interrupt])]
  const signal = AbortSignal.any(signals)
  let settings: StellaEnvironment | undefined
  const readSettings = (): StellaEnvironment => (settings ??= environmentOf(io, config))
  // Refused now, and not after the work. Whoever looks for what is wrong must not stop at the first.
  if (command.diagnoses !== true) readSettings()
  const run = await command.load()
  try {
    return await run({
      ...{ values, config, typed: parsed.typed, positionals, io, output, report, signal },
      get environment() {
        return readSettings()
      },
    })
  } finally {
    report.clear()
  }
}

/** The options with what the file of `--config` says, where one was named. */
async function withFile(
  parsed: Parsed,
  io: CliIo,
  report: Reporter,
): Promise<Pick<CommandContext, 'values' | 'config'>> {
  const { values } = parsed
  if (values.config === undefined) return { values, config: undefined }
  const { applyConfig, noteLines } = await import('./config.js')
  const applied = await applyConfig(values.config, parsed, io.env)
  for (const line of noteLines(applied.config)) report.note(line)
  return applied
}

function environmentOf({ env }: CliIo, config: StellaConfig | undefined): StellaEnvironment {
  const environment = readEnvironment(env)
  return config?.model.home === undefined ? environment : Object.freeze({ ...environment, home: config.model.home })
}

async function withoutCommand(
  before: readonly string[],
  name: string | undefined,
  io: CliIo,
  output: Output,
): Promise<ExitCode> {
  const { values } = parseOptions(before, COMMON_OPTIONS, io.env)
  if (name !== undefined) {
    const names = COMMANDS.map((command) => command.name)
    const near = nearest(name, names)
    throw new UsageError(
      `Unknown command \`${name}\`. Commands: ${names.join(', ')}`,
      near === undefined ? undefined : `Did you mean \`stella ${near}\`?`,
    )
  }
  if (values.version) return printVersion(output, values.json)
  if (values.help) return print(output, programHelp(COMMANDS))
  io.stderr.write(programHelp(COMMANDS))
  return EXIT.usage
}

/** Only flags can come before the command: the first word that is none is its name. */
function split(argv: readonly string[]): {
  readonly before: readonly string[]
  readonly name: string | undefined
  readonly rest: readonly string[]
} {
  const at = argv.findIndex((argument) => !argument.startsWith('-') || argument === '-')
  const index = at === -1 ? argv.length : at
  return { before: argv.slice(0, index), name: argv[index], rest: argv.slice(index + 1) }
}

function checkArguments({ name, usage, arguments: wanted }: CommandSpec, given: readonly string[]): void {
  if (given.length >= wanted.min && given.length <= wanted.max) return
  const surplus = given.length > wanted.max ? `; got ${given.length}: ${given.join(', ')}` : ''
  throw new UsageError(`\`stella ${name}\` takes ${wanted.what}${surplus}`, `usage: stella ${name} ${usage}`.trimEnd())
}

async function print(output: Output, text: string): Promise<ExitCode> {
  await output.write(text)
  return EXIT.done
}

async function printVersion(output: Output, json: boolean): Promise<ExitCode> {
  const version = packageVersion()
  return print(output, json ? jsonText({ version }) : `${version}\n`)
}

function endingSignal(io: CliIo): keyof typeof SIGNAL_EXIT | undefined {
  if (io.interrupt?.aborted !== true) return undefined
  return io.interrupt.reason === 'SIGTERM' ? 'SIGTERM' : 'SIGINT'
}

/** Looked up without the parser, which may be what failed. */
function wantsJson(argv: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const end = argv.indexOf('--')
  const options = end === -1 ? argv : argv.slice(0, end)
  const last = options.findLast((argument) => argument === '--json' || argument === '--no-json')
  return last === undefined ? isOn(env['STELLA_JSON']) : last === '--json'
}

function isOn(text: string | undefined): boolean {
  return text !== undefined && ['1', 'true', 'yes', 'on'].includes(text.toLowerCase())
}
