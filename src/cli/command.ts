/** What a command is, and what it is given to work with. */
import type { Readable, Writable } from 'node:stream'

import type { StellaConfig } from '../config/stella-config.js'
import type { StellaEnvironment } from '../files/environment.js'
import type { ExitCode } from './exit-code.js'
import type { OptionName, OptionValues } from './options.js'
import type { Output } from './output.js'
import type { Reporter } from './progress.js'

/** The outside world. Tests pass their own. */
export interface CliIo {
  /** Asked for only where a command reads it. */
  readonly stdin: () => Readable & { readonly isTTY?: boolean | undefined }
  readonly stdout: Writable & { readonly isTTY?: boolean | undefined }
  readonly stderr: Writable & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined }
  readonly env: NodeJS.ProcessEnv
  /** Aborted with the name of the signal, such as `SIGINT`, when the command is to end early. */
  readonly interrupt?: AbortSignal | undefined
}

/** What a running command has. */
export interface CommandContext {
  /** With what the file of `--config` says. */
  readonly values: OptionValues
  /** That file, for what is no option; undefined where none was named. */
  readonly config: StellaConfig | undefined
  /** Options that are on the command line itself, and come from no variable or file. */
  readonly typed: ReadonlySet<OptionName>
  readonly positionals: readonly string[]
  readonly io: CliIo
  /** Standard output: results, and nothing else. */
  readonly output: Output
  /** Standard error: notes and progress. */
  readonly report: Reporter
  /** Aborted by a signal, and when nobody reads standard output any more. */
  readonly signal: AbortSignal
  /** Throws OPTION_INVALID where the variables are of no use to anybody, which only a command that `diagnoses` sees. */
  readonly environment: StellaEnvironment
}

/** A command, as `--help` and the dispatcher know it. Its code is loaded when it is run. */
export interface CommandSpec {
  readonly name: string
  /** What follows the name, such as `<model>`. */
  readonly usage: string
  /** One line. */
  readonly summary: string
  /** Paragraphs for the command's own help. */
  readonly details: readonly string[]
  /** Positional arguments. */
  readonly arguments: { readonly min: number; readonly max: number; readonly what: string }
  /** Besides the common ones, in the order of the help. */
  readonly options: readonly OptionName[]
  /** Whether it runs under settings that nobody can use: they are what it reports. @default false */
  readonly diagnoses?: boolean
  /** Meanings that differ from the table's. */
  readonly meanings?: Readonly<Partial<Record<OptionName, string>>>
  /** Command lines, without the leading `stella`. */
  readonly examples: readonly string[]
  readonly load: () => Promise<RunCommand>
}

/** A command's code. */
export type RunCommand = (context: CommandContext) => Promise<ExitCode>
