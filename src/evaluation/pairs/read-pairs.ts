/** Reads pairs of texts from a file or a stream, one after another. Compares nothing. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { types } from 'node:util'

import { StellaError } from '../../errors.js'
import { throwIfAborted } from '../../files/cancellation.js'
import { bytesOf } from '../../files/text-stream.js'
import { show } from '../../show.js'
import { readCsvPairs } from './csv-pairs.js'
import { readJsonlPairs } from './jsonl-pairs.js'
import type { PairRow } from './pair-row.js'
import type { ReadPairsOptions, ResolvedPairsOptions } from './pairs-options.js'
import { resolvePairsOptions } from './pairs-options.js'

/** Where pairs come from: the path of a file, or its bytes. */
export type PairsSource = string | AsyncIterable<Uint8Array>

/** What UTF-16 files begin with; tools of Windows write them. */
const UTF16_MARKS: readonly (readonly [number, number])[] = [
  [0xff, 0xfe],
  [0xfe, 0xff],
]

/** The byte order mark of UTF-8. */
const UTF8_MARK = [0xef, 0xbb, 0xbf] as const

/**
 * The pairs of a JSON Lines file (an object per line) or of a CSV file (with a header), in their order. Reads as far as
 * it is asked for, and holds one line or record at a time. A line that holds no pair is a row of its own, of the kind
 * `refused`, and the next ones are read.
 *
 * @throws {StellaError} OPTION_INVALID; INPUT_INVALID when the file cannot be read, is UTF-16, has a header without the
 * two texts, or holds no pair at all; ABORTED.
 */
export async function* readPairs(source: PairsSource, options: ReadPairsOptions = {}): AsyncGenerator<PairRow> {
  const path = typeof source === 'string' ? source : undefined
  const resolved = resolvePairsOptions(path, options)
  const { name } = resolved
  const bytes = plainBytes(openBytes(source, resolved), resolved)
  let rows = 0
  const reader = resolved.format === 'csv' ? readCsvPairs : readJsonlPairs
  for await (const row of reader(bytes, name, resolved)) {
    rows++
    yield row
  }
  if (rows > 0) return
  throw new StellaError('INPUT_INVALID', `${name} holds no pair`, { details: { source: name } })
}

function openBytes(source: unknown, { name, signal }: ResolvedPairsOptions): AsyncIterable<Uint8Array> {
  if (typeof source === 'string') return bytesOf(createReadStream(source), name, signal)
  if (source instanceof Readable) return bytesOf(source, name, signal)
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    return checkedBytes(source as AsyncIterable<unknown>, name, signal)
  }
  throw notBytes(name, source)
}

async function* checkedBytes(
  source: AsyncIterable<unknown>,
  name: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    throwIfAborted(signal, `reading ${name}`)
    if (!types.isUint8Array(chunk)) throw notBytes(name, chunk)
    yield chunk
  }
}

/** Without the byte order mark, and counted. */
async function* plainBytes(
  chunks: AsyncIterable<Uint8Array>,
  { name, onBytes }: ResolvedPairsOptions,
): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined = new Uint8Array()
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    onBytes?.(bytes)
    if (start === undefined) {
      yield chunk
      continue
    }
    start = Buffer.concat([start, chunk])
    if (start.length < UTF8_MARK.length) continue
    yield withoutMark(start, name)
    start = undefined
  }
  if (start !== undefined) yield withoutMark(start, name)
}

function withoutMark(start: Uint8Array, name: string): Uint8Array {
  if (UTF16_MARKS.some(([first, second]) => start[0] === first && start[1] === second)) {
    throw new StellaError('INPUT_INVALID', `${name} is UTF-16. Save it as UTF-8 and run again`, {
      details: { source: name },
    })
  }
  return UTF8_MARK.every((byte, index) => start[index] === byte) ? start.subarray(UTF8_MARK.length) : start
}

function notBytes(name: string, given: unknown): StellaError {
  return new StellaError(
    'INPUT_INVALID',
    `Expected ${name} to be a path, or a stream of bytes; got ${show(given)}. Encode text as UTF-8 first`,
    { details: { source: name } },
  )
}
