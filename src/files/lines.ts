/** Cuts a stream of bytes into lines of text, in bounded memory. Knows nothing of what the lines mean. */
import { TextDecoder } from 'node:util'

import { StellaError } from '../errors.js'

/** Longest line in bytes. A text of a million characters, each escaped as `\uXXXX` in JSON, takes 6 MB. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024

/** One line, without its ending. */
export interface Line {
  /** From 1. */
  readonly number: number
  readonly text: string
  /** Bytes it takes in the stream, its ending included. */
  readonly bytes: number
}

const NEWLINE = 0x0a

/**
 * The lines of a UTF-8 stream. `\n` and `\r\n` end a line, the last line may do without, and a byte order mark before
 * the first is dropped.
 *
 * @param name - What the stream is called, for messages.
 * @throws {StellaError} INPUT_INVALID naming the line that is too long or not UTF-8.
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let parts: Uint8Array[] = []
  let pending = 0
  let number = 0
  const take = (last: Uint8Array, ending: number): Line => {
    number++
    const line = parts.length === 0 ? last : Buffer.concat([...parts, last])
    if (line.length > MAX_LINE_BYTES) throw tooLong(name, number)
    parts = []
    pending = 0
    return { number, text: decode(decoder, line, name, number), bytes: line.length + ending }
  }
  for await (const chunk of chunks) {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start)
      if (end === -1) break
      yield take(chunk.subarray(start, end), 1)
      start = end + 1
    }
    if (start === chunk.length) continue
    const rest = chunk.subarray(start)
    pending += rest.length
    // Refused before the line ends: it may never end.
    if (pending > MAX_LINE_BYTES) throw tooLong(name, number + 1)
    parts.push(rest)
  }
  if (pending > 0) yield take(new Uint8Array(), 0)
}

function decode(decoder: TextDecoder, bytes: Uint8Array, name: string, number: number): string {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch (cause) {
    throw new StellaError(
      'INPUT_INVALID',
      `${name} line ${number} is not UTF-8. Save the file as UTF-8 and run again`,
      {
        cause,
        details: { source: name, line: number },
      },
    )
  }
  if (number === 1 && text.startsWith('\uFEFF')) text = text.slice(1)
  return text.endsWith('\r') ? text.slice(0, -1) : text
}

function tooLong(name: string, line: number): StellaError {
  return new StellaError(
    'INPUT_INVALID',
    `${name} line ${line} is longer than ${MAX_LINE_BYTES} bytes. Is it one text per line?`,
    { details: { source: name, line, limit: MAX_LINE_BYTES } },
  )
}
