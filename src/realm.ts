/**
 * What a value is, also where another realm made it: under Jest, and in `node:vm`, the engine's arrays and Node's errors
 * are no instances of the globals that a module sees. Knows no model and no file.
 */

/** Whether `value` is an Int32Array. */
export function isInt32Array(value: unknown): value is Int32Array {
  return ArrayBuffer.isView(value) && tagOf(value) === 'Int32Array'
}

/** Whether `value` is a Float32Array. */
export function isFloat32Array(value: unknown): value is Float32Array {
  return ArrayBuffer.isView(value) && tagOf(value) === 'Float32Array'
}

/** Whether `value` is an AbortSignal. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  return tagOf(value) === 'AbortSignal'
}

/** Whether `value` is an Error. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || tagOf(value) === 'Error'
}

/** The `code` of an error of Node or of the system, such as `ENOENT`; undefined where `thrown` is none. */
export function systemCode(thrown: unknown): string | undefined {
  if (!isError(thrown) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}
