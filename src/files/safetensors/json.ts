/**
 * Reads untrusted bytes as one JSON object. Knows nothing of what the object should hold.
 */
import { messageOf } from '../../errors.js'
import { describe } from '../../show.js'
import { checkpointInvalid } from './invalid.js'

/** A JSON object whose members are not checked yet. A member named `__proto__` is an own property like any other. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Parses `bytes` as UTF-8 JSON. Of a repeated key the last value counts, as `JSON.parse` has it.
 *
 * @param what - names the text in messages, such as `header`.
 * @throws {StellaError} CHECKPOINT_INVALID when the bytes are not UTF-8, not JSON, or not an object.
 */
export function parseJsonObject(bytes: Uint8Array, what: string, file: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw checkpointInvalid(`The ${what} of ${file} is not UTF-8 JSON: ${messageOf(error)}`, { file }, error)
  }
  if (!isJsonObject(value)) {
    throw checkpointInvalid(`The ${what} of ${file} is ${describe(value)}; expected a JSON object`, { file })
  }
  return value
}

/** Whether `value` is a JSON object: not null, not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
