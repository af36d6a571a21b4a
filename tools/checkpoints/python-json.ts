/**
 * Writes JSON as Python's `json.dumps(value, indent=n)` does, so that a stand-in's small files match the real ones byte
 * for byte. Knows no file and no model.
 */

/** A number that Python holds as a float: `2.0`, `1e-06`. */
export interface PythonFloat {
  readonly pythonFloat: number
}

/** What {@link pythonJson} accepts. Plain numbers are Python ints where they are whole. */
export type PythonValue =
  string | number | boolean | null | PythonFloat | readonly PythonValue[] | { readonly [key: string]: PythonValue }

/** Marks `value` as a Python float. */
export function float(value: number): PythonFloat {
  return { pythonFloat: value }
}

/** `value` as JSON with `indent` spaces per level, no newline at the end. */
export function pythonJson(value: PythonValue, indent: number): string {
  return render(value, ' '.repeat(indent), '\n')
}

function render(value: PythonValue, step: string, newline: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isPythonFloat(value)) return floatText(value.pythonFloat)
  const inner = newline + step
  if (isList(value)) {
    if (value.length === 0) return '[]'
    return `[${value.map((item) => inner + render(item, step, inner)).join(',')}${newline}]`
  }
  const members = Object.entries(value)
  if (members.length === 0) return '{}'
  return `{${members.map(([key, item]) => `${inner}${JSON.stringify(key)}: ${render(item, step, inner)}`).join(',')}${newline}}`
}

/** Python's `repr` of a float in the range configuration files use. */
function floatText(value: number): string {
  if (Number.isInteger(value)) return `${value}.0`
  if (Math.abs(value) >= 1e-4) return String(value)
  const [mantissa = '', exponent = ''] = value.toExponential().split('e-')
  return `${mantissa}e-${exponent.padStart(2, '0')}`
}

function isPythonFloat(value: object): value is PythonFloat {
  return 'pythonFloat' in value
}

function isList(value: object): value is readonly PythonValue[] {
  return Array.isArray(value)
}
