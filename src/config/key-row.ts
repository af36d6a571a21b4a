/** What the table of keys says of one key, and how that reads in messages and documentation. Knows no key. */
import type { JsonValue } from '../errors.js'
import { MAX_PROMPTS } from '../model/prompt-types.js'

/** What a value is. `prompts` are texts by name; `memory` is a size, a share or bytes. */
export type KeyKind = 'text' | 'folder' | 'integer' | 'switch' | 'choice' | 'memory' | 'prompts'

/** One row of the table. */
export interface KeyRow {
  readonly kind: KeyKind
  /** Sentences for the documentation and for the commented file. */
  readonly meaning: string
  /** The value that applies where none is given, if it is the same everywhere. */
  readonly default?: JsonValue
  /** What commands do that have a default of their own. */
  readonly commands?: string
  /** What applies where none is given, if there is no `default`. */
  readonly otherwise?: string
  /** What the commented file shows, if there is no `default`. */
  readonly example?: JsonValue
  /** Of an integer. */
  readonly min?: number
  /** Of an integer. @default none but what the model says */
  readonly max?: number
  /** Integers outside of these are accepted, and noted. */
  readonly recommended?: readonly [number, number]
  /** Accepted values of a `choice`. */
  readonly choices?: readonly string[]
  /** More on what is accepted, for the documentation. */
  readonly range?: string
  /** The environment variable that stands in for it. @default none */
  readonly variable?: string
  /** Whether that variable says the contrary, as the flag of the command line that it belongs to. @default false */
  readonly contrary?: boolean
}

/** A row with the way to it. */
export interface KeyEntry {
  readonly name: string
  /** Undefined at the top of the file. */
  readonly section: string | undefined
  /** From the top: `['batchSize']`, `['evaluation', 'bins']`. */
  readonly path: readonly string[]
  /** The path as messages have it: `evaluation.bins`. */
  readonly key: string
  readonly row: KeyRow
}

/** Longest text of a key in characters: names of models and folders. The longest path of Linux. */
export const MAX_TEXT_CHARACTERS = 4096

/** What is accepted, for the middle of `expected …; got …`. */
export function expectedOf(row: KeyRow): string {
  switch (row.kind) {
    case 'text':
      return `a text of 1 to ${MAX_TEXT_CHARACTERS} characters`
    case 'folder':
      return 'a folder'
    case 'integer':
      return row.max === undefined
        ? `an integer of at least ${row.min ?? 0}`
        : `an integer from ${row.min ?? 0} to ${row.max}`
    case 'switch':
      return 'true or false'
    case 'choice':
      return inWords(row.choices ?? [])
    case 'memory':
      return "bytes, a share from 0 to 1, or a text such as '6GB', '512MiB' or '50%'"
    case 'prompts':
      return `at most ${MAX_PROMPTS} texts by name`
  }
}

/** What is accepted and what is recommended, for the documentation. */
export function rangeOf(row: KeyRow): string {
  const { recommended } = row
  const parts = [row.range ?? expectedOf(row)]
  if (recommended !== undefined) parts.push(`recommended ${recommended[0]} to ${recommended[1]}`)
  return parts.join('; ')
}

/** What applies where nothing is said, for the documentation. */
export function defaultOf(row: KeyRow): string {
  const text = row.default === undefined ? (row.otherwise ?? 'none') : JSON.stringify(row.default).replaceAll('"', '')
  return row.commands === undefined ? text : `${text}; ${row.commands}`
}

/** `a, b or c`. */
export function inWords(words: readonly string[]): string {
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}` : words.join('')
}
