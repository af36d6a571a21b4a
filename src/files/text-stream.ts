/** Reads a stream of a file that users name: can be ended at any time, and fails in words they can act on. */
import type { Readable } from 'node:stream'

import { StellaError, messageOf } from '../errors.js'
import { abortedError } from './cancellation.js'
import { systemCode } from '../realm.js'

/**
 * The stream's bytes; ended by `signal` also while nothing arrives. The stream is destroyed at the end, however it comes.
 *
 * @param label - What the stream is called, for messages.
 * @throws {StellaError} ABORTED; INPUT_INVALID when it cannot be read.
 */
export async function* bytesOf(
  stream: Readable,
  label: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const stop = (): void => {
    if (signal !== undefined) stream.destroy(abortedError(signal, `reading ${label}`))
  }
  if (signal?.aborted === true) stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of stream) yield typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array)
  } catch (error) {
    throw unreadable(label, error)
  } finally {
    signal?.removeEventListener('abort', stop)
    stream.destroy()
  }
}

/** What to say of the errors that users cause; others are told in the system's words. */
const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission is denied',
  EISDIR: 'it is a folder',
}

/** The error of a file that cannot be read; a {@link StellaError} stays what it is. */
export function unreadable(path: string, error: unknown): StellaError {
  if (error instanceof StellaError) return error
  const code = systemCode(error) ?? ''
  const problem = (Object.hasOwn(FILE_PROBLEMS, code) ? FILE_PROBLEMS[code] : undefined) ?? messageOf(error)
  return new StellaError('INPUT_INVALID', `Cannot read ${path}: ${problem}`, { cause: error, details: { file: path } })
}
