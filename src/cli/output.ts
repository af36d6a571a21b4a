/** Writes results to standard output at the speed of whoever reads it, and notices when nobody does. */
import type { Writable } from 'node:stream'

import { StellaError, messageOf } from '../errors.js'

/** Somewhere to write a result, piece by piece. */
export interface ByteSink {
  /** Resolves when the piece is taken, so that a slow reader slows the writer down. */
  write(data: string | Uint8Array): Promise<void>
}

/** Nobody reads standard output any more: `head` has seen enough. No failure. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'

  constructor() {
    super('standard output was closed by its reader')
  }
}

/** Errors of a stream whose reader has gone. */
const CLOSED_CODES = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'ECONNRESET'])

/** Standard output. */
export class Output implements ByteSink {
  readonly isTerminal: boolean
  readonly #stream: Writable
  readonly #closed = new AbortController()

  constructor(stream: Writable & { readonly isTTY?: boolean | undefined }) {
    this.isTerminal = stream.isTTY === true
    this.#stream = stream
    // Stays on: a late EPIPE without a listener would end the process with a stack trace.
    stream.on('error', (error: unknown) => {
      if (isClosed(error)) this.#closed.abort(new OutputClosed())
    })
  }

  /** Aborted when the reader goes away. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /**
   * @throws {OutputClosed} when nobody reads.
   * @throws {StellaError} INTERNAL when it cannot be written, such as on a full disk.
   */
  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed.signal.aborted) {
        reject(new OutputClosed())
        return
      }
      this.#stream.write(data, (error) => {
        if (error == null) resolve()
        else if (isClosed(error)) {
          const closed = new OutputClosed()
          this.#closed.abort(closed)
          reject(closed)
        } else reject(writeFailure('standard output', error))
      })
    })
  }
}

/** The error of a result that could not be written. */
export function writeFailure(where: string, error: unknown): StellaError {
  return new StellaError('STORAGE_FAILED', `Cannot write to ${where}: ${messageOf(error)}`, { cause: error })
}

/** A value as indented JSON with a newline. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Rows of cells in aligned columns, under their titles. */
export function tableText(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, column) => {
    return rows.reduce((width, row) => Math.max(width, (row[column] ?? '').length), title.length)
  })
  const text = (row: readonly string[]): string => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
  return [titles, ...rows].map((row) => `${text(row).trimEnd()}\n`).join('')
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CLOSED_CODES.has(String(error.code))
}
