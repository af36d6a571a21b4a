/**
 * One pass of the CSV parser, fed piece by piece. Keeps the bytes of the record that is not complete, so that whoever
 * reads can go on behind a broken one. Knows no file and no pair.
 */
import { Buffer, isUtf8 } from 'node:buffer'

import { parse } from 'csv-parse'
import type { Parser } from 'csv-parse'

/** A record of a table. */
export interface CsvRecord {
  /** Where it begins, from 1. */
  readonly line: number
  readonly fields: readonly string[]
  /** False where bytes that are no UTF-8 were replaced. */
  readonly isUtf8: boolean
}

interface ParsedRecord {
  readonly fields: readonly string[]
  /** Bytes from the run's start to the record's end. */
  readonly end: number
  /** Empty lines from the run's start to the record's end. */
  readonly emptyLines: number
}

/** Stands where bytes could not be decoded, or where the file says so itself. */
const REPLACEMENT = '\uFFFD'

/** See the head of this file. */
export class CsvRun {
  readonly #parser: Parser
  #parsed: ParsedRecord[] = []
  #held: Uint8Array[] = []
  #heldFrom = 0
  #consumed = 0
  #line: number
  #emptyLines = 0

  /**
   * @param delimiter - One character.
   * @param line - Number of the line that the first byte belongs to.
   */
  constructor(delimiter: string, line: number) {
    this.#line = line
    this.#parser = parse({
      delimiter,
      // Both are looked for in every record: files are put together from parts with other line ends.
      record_delimiter: ['\r\n', '\n'],
      skip_empty_lines: true,
      // Whoever knows the header counts the fields.
      relax_column_count: true,
      // Bounded by whoever feeds this: the parser's own limit counts the characters of fields and not their number.
      max_record_size: 0,
      on_record: (fields: string[]) => {
        const { bytes, empty_lines: emptyLines } = this.#parser.info
        this.#parsed.push({ fields, end: bytes, emptyLines })
        // Not into the stream: an error would take along the records before it that nobody has read yet.
        return null
      },
    })
    // Told through the callbacks of `write` and `end`; without a listener it would end the process.
    this.#parser.on('error', () => undefined)
    this.#parser.resume()
  }

  /** Line in which the record begins that is not complete, or the next one. */
  get line(): number {
    return this.#line
  }

  /** Bytes since the last complete record. */
  get heldBytes(): number {
    return this.#heldFrom + this.#held.reduce((sum, piece) => sum + piece.length, 0) - this.#consumed
  }

  /** @returns The code of the parser's error, where there is one; the run is over then. */
  async write(piece: Uint8Array): Promise<string | undefined> {
    this.#held.push(piece)
    return new Promise((resolve, reject) => {
      this.#parser.write(piece, (error) => {
        settle(error, resolve, reject)
      })
    })
  }

  /** Ends the input; as {@link CsvRun.write}. */
  async end(): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.#parser.end((error?: Error | null) => {
        settle(error, resolve, reject)
      })
    })
  }

  /** The records that are complete since the last call. */
  *take(): Generator<CsvRecord> {
    const parsed = this.#parsed
    this.#parsed = []
    for (const { fields, end, emptyLines } of parsed) {
      const line = this.#line + emptyLines - this.#emptyLines
      const replaced = fields.some((field) => field.includes(REPLACEMENT))
      const record = { line, fields, isUtf8: !replaced || isUtf8(this.#bytes(this.#consumed, end)) }
      // A record ends its line; each line end in a field is one more.
      this.#line = line + 1 + fields.reduce((sum, field) => sum + lineEndsIn(field), 0)
      this.#emptyLines = emptyLines
      this.#consumed = end
      yield record
    }
    this.#release()
  }

  /** The bytes since the last complete record, from the first that is no empty line on. Sets {@link CsvRun.line} to it. */
  rest(): Uint8Array {
    const bytes = this.#bytes(this.#consumed, Number.POSITIVE_INFINITY)
    let start = 0
    for (; bytes[start] === LF || (bytes[start] === CR && bytes[start + 1] === LF); start++) {
      if (bytes[start] === LF) this.#line++
    }
    return bytes.subarray(start)
  }

  /** Frees the parser. */
  close(): void {
    this.#parser.destroy()
  }

  #bytes(from: number, to: number): Uint8Array {
    // One piece is not copied: the rest of a file with many broken records is looked at once for each of them.
    const bytes = this.#held.length === 1 && this.#held[0] !== undefined ? this.#held[0] : Buffer.concat(this.#held)
    return bytes.subarray(from - this.#heldFrom, to - this.#heldFrom)
  }

  /** Lets go of pieces that belong to complete records. */
  #release(): void {
    let first = this.#held[0]
    while (first !== undefined && this.#heldFrom + first.length <= this.#consumed) {
      this.#heldFrom += first.length
      this.#held.shift()
      first = this.#held[0]
    }
  }
}

const LF = 0x0a
const CR = 0x0d

function lineEndsIn(field: string): number {
  let count = 0
  for (let at = field.indexOf('\n'); at !== -1; at = field.indexOf('\n', at + 1)) count++
  return count
}

function settle(
  error: Error | null | undefined,
  resolve: (code: string | undefined) => void,
  reject: (error: Error) => void,
): void {
  if (error == null) resolve(undefined)
  else if ('code' in error && typeof error.code === 'string') resolve(error.code)
  else reject(error)
}
