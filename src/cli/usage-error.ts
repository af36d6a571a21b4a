/** The error of a command that was typed wrongly, with a hint at what was meant. */
import { StellaError } from '../errors.js'

/** OPTION_INVALID with a hint, printed on a line of its own. */
export class UsageError extends StellaError {
  readonly hint: string | undefined

  /** @param hint - A sentence without a full stop, such as ``Did you mean `--file`?``. */
  constructor(message: string, hint?: string) {
    super('OPTION_INVALID', message)
    this.hint = hint
  }
}
