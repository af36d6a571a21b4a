/** What the process tells its caller when it ends. */
import type { StellaErrorCode } from '../errors.js'

/** Exit codes of the command. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const

/** An exit code; above 128 the number of a signal is added, as shells do. */
export type ExitCode = number

/** Exit code after a signal: 128 and its number (POSIX shells). */
export const SIGNAL_EXIT = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** A signal that ends the command in good order. */
export type EndingSignal = keyof typeof SIGNAL_EXIT

/** Errors about what was asked for, not about doing it. */
const USAGE_CODES: ReadonlySet<StellaErrorCode> = new Set([
  'OPTION_INVALID',
  'TASK_UNKNOWN',
  'DIMENSIONS_UNSUPPORTED',
  'MODEL_UNKNOWN',
])

/** The exit code for an error. */
export function exitCodeOf(code: StellaErrorCode): ExitCode {
  return USAGE_CODES.has(code) ? EXIT.usage : EXIT.failed
}
