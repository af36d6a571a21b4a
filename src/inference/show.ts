/** How messages show a value that a caller passed: its type with it, never more than a line, never an exception. */

/** Characters of a text that a message repeats. */
const SHOWN_CHARACTERS = 100

/** `value` with its type, such as `5 (number)`; objects by their kind alone. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `${JSON.stringify(clip(value))} (string)`
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
