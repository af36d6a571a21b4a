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

/** A line that cannot be read. */
export interface UnreadableLine {
  /** From 1. */
  readonly number: number
  /** `too-long`: over {@link MAX_LINE_BYTES}. */
  readonly problem: 'too-long' | 'not-utf8'
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
  for await (const line of readEachLine(chunks)) {
    if ('problem' in line) throw unreadableLine(line, name)
    yield line
  }
}

/**
 * As {@link readLines}, but a line that cannot be read is told in its place, and the next ones are read. A line that is
 * too long is told as soon as that is known, and not held: it may never end.
 */
export async function* readEachLine(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line | UnreadableLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let parts: Uint8Array[] = []
  let pending = 0
  let number = 0
  let skipping = false
  const take = (last: Uint8Array, ending: number): Line | UnreadableLine => {
    number++
    const line = parts.length === 0 ? last : Buffer.concat([...parts, last])
    parts = []
    pending = 0
    if (line.length > MAX_LINE_BYTES) return { number, problem: 'too-long' }
    const text = decode(decoder, line, number)
    return text === undefined ? { number, problem: 'not-utf8' } : { number, text, bytes: line.length + ending }
  }
  for await (const chunk of chunks) {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start)
      if (end === -1) break
      if (!skipping) yield take(chunk.subarray(start, end), 1)
      skipping = false
      start = end + 1
    }
    if (start === chunk.length || skipping) continue
    const rest = chunk.subarray(start)
    pending += rest.length
    parts.push(rest)
    if (pending <= MAX_LINE_BYTES) continue
    skipping = true
    parts = []
    pending = 0
    yield { number: ++number, problem: 'too-long' }
  }
  if (pending > 0) yield take(new Uint8Array(), 0)
}

/** Undefined for what is not UTF-8. */
function decode(decoder: TextDecoder, bytes: Uint8Array, number: number): string | undefined {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    return undefined
  }
  if (number === 1 && text.startsWith('\uFEFF')) text = text.slice(1)
  return text.endsWith('\r') ? text.slice(0, -1) : text
}

/** The error of a line that cannot be read. */
export function unreadableLine({ number, problem }: UnreadableLine, name: string): StellaError {
  const details = { source: name, line: number }
  const at = `${name} line ${number}`
  if (problem === 'not-utf8') {
    return new StellaError('INPUT_INVALID', `${at} is not UTF-8. Save the file as UTF-8 and run again`, { details })
  }
  return new StellaError('INPUT_INVALID', `${at} is longer than ${MAX_LINE_BYTES} bytes. Is it one text per line?`, {
    details: { ...details, limit: MAX_LINE_BYTES },
  })
}
