/** The logger a caller may inject. pino's has this shape; silent where none is given. */

/** Takes an object of facts and a message, as pino does. */
export interface Logger {
  /** Steps on the way: a worker was started, a call refused. */
  debug(facts: object, message: string): void
  /** What happens seldom and is well: a model was loaded, or left. */
  info(facts: object, message: string): void
  /** What went wrong and was mended, or may go wrong soon. */
  warn(facts: object, message: string): void
  /** What went wrong and was not mended. */
  error(facts: object, message: string): void
}

const nothing = (): void => undefined

/** The methods a logger must have. */
const METHODS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[]

/** Whether `value` can be logged with. */
export function isLogger(value: unknown): value is Logger {
  if (typeof value !== 'object' || value === null) return false
  return METHODS.every((method) => typeof (value as Partial<Logger>)[method] === 'function')
}

/** Says nothing. */
export const SILENT: Logger = Object.freeze({ debug: nothing, info: nothing, warn: nothing, error: nothing })
