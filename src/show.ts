/**
 * How messages show what was given, by a caller or by a file: never more than a line, never an exception, hostile text
 * cut and escaped.
 */

/** Characters of a text that a message repeats. */
const SHOWN_CHARACTERS = 120

/** `value` with its type, such as `5 (number)`; objects by their kind alone. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `${quote(value)} (string)`
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'symbol':
      return `${String(value)} (${typeof value})`
    case 'function':
      return 'a function'
    case 'undefined':
      return 'undefined'
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? 'an array' : `an object (${kindOf(value)})`
  }
}

/** `text`, cut where it is longer than a message should be. */
export function clip(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`
}

/** `Uint8Array`, `Date`, `Object`. */
function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}

/** `text` in quotes with control characters escaped, cut to a length fit for a message. */
export function quote(text: string): string {
  return JSON.stringify(clip(text))
}

/**
 * What a parsed JSON value is, for a message. Never walks into it: hostile JSON may nest a million levels, and
 * `JSON.stringify` recurses.
 */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  return 'an object'
}
