/** Tells a user what went wrong: a line and a hint for people, problem details for programs, the stack for debugging. */
import type { ErrorDetails } from '../errors.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import { exitCodeOf } from './exit-code.js'
import type { ExitCode } from './exit-code.js'
import { UsageError } from './usage-error.js'
import { jsonText } from './output.js'

/** How to tell it. */
export interface FailureStyle {
  readonly json: boolean
  /** With the stack of the error and of its causes. */
  readonly debug: boolean
  /** The command, where one was recognised. */
  readonly command: string | undefined
}

/** A failure as text, and the exit code that goes with it. */
export interface FailureReport {
  readonly text: string
  readonly exitCode: ExitCode
}

/** Options of the functions that commands call, and what each is called on the command line. */
const FLAGS: Readonly<Record<string, string>> = {
  maxLength: '--max-length',
  overflow: '--overflow',
  memory: '--memory',
  workers: '--workers',
  threads: '--threads',
  precision: '--precision',
  device: '--device',
  calibration: '--calibration',
  dimensions: '--dimensions',
  task: '--task',
  prompt: '--prompt',
  download: '--download',
  delimiter: '--delimiter',
  groundTruthField: '--ground-truth-field',
  predictionField: '--prediction-field',
  idField: '--id-field',
}

/** Describes anything thrown. What is no {@link StellaError} is a fault of this program, and is called that. */
export function describeFailure(thrown: unknown, style: FailureStyle): FailureReport {
  const error = isStellaError(thrown) ? thrown : unexpected(thrown)
  const exitCode = exitCodeOf(error.code)
  const stack = style.debug ? stackOf(thrown) : undefined
  if (style.json) {
    const problem = { ...error.toProblemDetails(), detail: inFlags(error.message) }
    return { text: jsonText(stack === undefined ? problem : { ...problem, stack }), exitCode }
  }
  const hints = [hintOf(thrown, error, style)].filter((hint) => hint !== undefined)
  const lines = [`stella: ${inFlags(error.message)}`, ...hints.map((hint) => `  ${hint}`)]
  return { text: `${[...lines, ...(stack === undefined ? [] : [stack])].join('\n')}\n`, exitCode }
}

/** A message written for callers of functions, with options named as the command line names them. */
export function inFlags(message: string): string {
  return message.replaceAll(/`([A-Za-z]+)(?:: ([^`]+))?`/g, (whole, name: string, value?: string) => {
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined
    if (flag === undefined) return whole
    return value === undefined || value === 'true' ? `\`${flag}\`` : `\`${flag} ${value.replaceAll("'", '')}\``
  })
}

function hintOf(thrown: unknown, error: StellaError, { command, debug }: FailureStyle): string | undefined {
  if (thrown instanceof UsageError && thrown.hint !== undefined) return thrown.hint
  if (error.code === 'OPTION_INVALID') return `Run \`stella ${command === undefined ? '' : `${command} `}--help\``
  if (error.code === 'INTERNAL' && !debug) return 'Set STELLA_DEBUG=1 to see where it happened'
  return undefined
}

function unexpected(thrown: unknown): StellaError {
  const details: ErrorDetails =
    thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? { systemCode: thrown.code } : {}
  return new StellaError('INTERNAL', `Unexpected error: ${messageOf(thrown)}`, { cause: thrown, details })
}

function stackOf(thrown: unknown): string {
  const parts: string[] = []
  // A chain of causes may be made to lead back to itself.
  const seen = new Set<unknown>()
  for (let error = thrown; error instanceof Error && !seen.has(error); error = error.cause) {
    seen.add(error)
    parts.push(`${parts.length === 0 ? '' : 'caused by '}${error.stack ?? error.message}`)
  }
  return parts.length === 0 ? String(thrown) : parts.join('\n')
}
