/** How files of texts are written: one text per line, or JSON Lines. Knows no stream and no command line. */
import { extname } from 'node:path'

import { StellaError, messageOf } from '../errors.js'

/** How input is written. */
export type InputFormat = 'txt' | 'jsonl'

/** Endings that say how a file is written. */
const FORMATS: Readonly<Record<string, InputFormat>> = {
  '.txt': 'txt',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '': 'txt',
}

/** The format that the name of a file tells, in any case; undefined where it tells none. */
export function formatOfName(path: string): InputFormat | undefined {
  const ending = extname(path).toLowerCase()
  return Object.hasOwn(FORMATS, ending) ? FORMATS[ending] : undefined
}

/**
 * The text of a line of JSON Lines, a string or an object with a `text`, and the object's other keys.
 *
 * @param at - What to call the line, such as `texts.jsonl line 3`.
 * @throws {StellaError} INPUT_INVALID naming the line.
 */
export function parseJsonLine(
  line: string,
  at: string,
): { readonly text: string; readonly rest: Readonly<Record<string, unknown>> } {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw invalidLine(at, `is not JSON: ${messageOf(error)}`)
  }
  if (typeof value === 'string') return { text: value, rest: {} }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidLine(at, 'is neither a JSON string nor an object with a `text`')
  }
  const { text, ...rest } = value as Record<string, unknown>
  if (typeof text === 'string') return { text, rest }
  throw invalidLine(at, text === undefined ? 'has no `text`' : `has a \`text\` that is no string: ${typeof text}`)
}

/** The error of a line that cannot be taken. */
export function invalidLine(at: string, problem: string): StellaError {
  return new StellaError('INPUT_INVALID', `${at} ${problem}`, { details: { at } })
}
