/**
 * The records of a CSV file, in bounded memory, also behind a broken one. The grammar is that of the parser: RFC 4180 with
 * `\n` as well as `\r\n`. Knows no file and no pair.
 */
import type { CsvRecord } from './csv-run.js'
import { CsvRun } from './csv-run.js'

/** A record that cannot be read. The next one is looked for in the line after its first. */
export interface BrokenCsvRecord {
  /** Where it begins, from 1. */
  readonly line: number
  /** What comes after `pairs.csv line 3 `. */
  readonly problem: string
}

/**
 * Longest record in bytes, its line ends and quotation marks included: two texts of a million characters each, of four
 * bytes at most, and as much again.
 */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024

/** Bytes parsed at once: what lies behind a broken record in the same piece is parsed again. */
const PIECE_BYTES = 64 * 1024

const NEWLINE = 0x0a

/** What to say of the parser's errors. */
const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'opens a quotation mark that is never closed',
  CSV_INVALID_CLOSING_QUOTE:
    'has a quoted field in which a quotation mark stands alone, or that is never closed. Write "" for a mark inside quotes',
  INVALID_OPENING_QUOTE:
    'has a quotation mark inside a field that does not begin with one. Quote the whole field, right after the ' +
    'delimiter, and write "" for a mark inside',
}

const TOO_LONG = `is longer than ${MAX_RECORD_BYTES} bytes. Is a quotation mark not closed?`

/** @param delimiter - One character. */
export async function* readCsvRecords(
  chunks: AsyncIterable<Uint8Array>,
  delimiter: string,
): AsyncGenerator<CsvRecord | BrokenCsvRecord> {
  const pieces = piecesOf(chunks)
  let line = 1
  let rest: Uint8Array | undefined = new Uint8Array()
  try {
    while (rest !== undefined) {
      const run = new CsvRun(delimiter, line)
      try {
        const problem: string | undefined = yield* runOf(run, rest, pieces)
        if (problem === undefined) return
        rest = run.rest()
        yield { line: run.line, problem }
        line = run.line + 1
      } finally {
        run.close()
      }
      rest = await behindLine(rest, pieces)
    }
  } finally {
    await pieces.return(undefined)
  }
}

/** Runs to the end, or to a broken record: says what is wrong with that. */
async function* runOf(
  run: CsvRun,
  start: Uint8Array,
  pieces: AsyncGenerator<Uint8Array>,
): AsyncGenerator<CsvRecord, string | undefined> {
  let code = start.length === 0 ? undefined : await run.write(start)
  yield* run.take()
  while (code === undefined) {
    if (run.heldBytes > MAX_RECORD_BYTES) return TOO_LONG
    const next = await pieces.next()
    code = next.done === true ? await run.end() : await run.write(next.value)
    yield* run.take()
    if (next.done === true && code === undefined) return undefined
  }
  const problem = PROBLEMS[code]
  if (problem !== undefined) return problem
  throw new Error(`the CSV parser failed with ${code}`)
}

/** What comes after the first line of `rest`; undefined where nothing comes any more. */
async function behindLine(rest: Uint8Array, pieces: AsyncGenerator<Uint8Array>): Promise<Uint8Array | undefined> {
  for (let bytes = rest; ;) {
    const end = bytes.indexOf(NEWLINE)
    if (end !== -1) return bytes.subarray(end + 1)
    const next = await pieces.next()
    if (next.done === true) return undefined
    bytes = next.value
  }
}

async function* piecesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) yield chunk.subarray(start, start + PIECE_BYTES)
  }
  return undefined
}
