/** Finds the texts of a command line: its arguments, a file, or standard input. Reads no more than is asked for. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Readable } from 'node:stream'

import { StellaError } from '../../errors.js'
import { readLines } from '../../files/lines.js'
import type { InputFormat } from '../../files/text-line.js'
import { formatOfName } from '../../files/text-line.js'
import { bytesOf, unreadable } from '../../files/text-stream.js'
import type { CommandContext } from '../command.js'
import { UsageError } from '../usage-error.js'
import type { RowSource, TextRow } from './rows.js'
import { rowOfLine } from './rows.js'

/** `--file` for standard input. */
const STDIN = '-'

/**
 * Where the texts come from. Arguments or `--file`, and without either what is piped in.
 *
 * @throws {StellaError} OPTION_INVALID when there is no text, or two places for it; INPUT_INVALID when a file cannot be
 * read.
 */
export async function openSource(context: CommandContext): Promise<RowSource> {
  const { positionals, values, io } = context
  const { file } = values
  if (positionals.length > 0) {
    if (file !== undefined) {
      throw new UsageError('Texts were given both as arguments and with `--file`; choose one')
    }
    if (values['input-format'] !== undefined) {
      throw new UsageError(
        '`--input-format` is for files and standard input; texts that are arguments are taken as they are',
      )
    }
    return fromArguments(positionals)
  }
  if (file !== undefined && file !== STDIN) return fromFile(context, file)
  const stdin = io.stdin()
  if (file === undefined && stdin.isTTY === true) {
    throw new UsageError(
      'No text was given',
      'usage: stella embed [text…] [--file texts.txt|x.jsonl|-], or pipe texts in',
    )
  }
  const label = 'standard input'
  return fromStream(context, () => stdin, { label, format: values['input-format'] ?? 'txt', size: undefined })
}

function fromArguments(texts: readonly string[]): RowSource {
  const blank = texts.findIndex((text) => text.trim() === '')
  if (blank !== -1) throw new UsageError(`Text ${blank + 1} is empty; leave it out`)
  return { label: 'text', rows: rowsOf(texts), expected: () => texts.length }
}

// eslint-disable-next-line @typescript-eslint/require-await -- an async source, as the others are
async function* rowsOf(texts: readonly string[]): AsyncGenerator<TextRow> {
  for (const [index, text] of texts.entries()) yield { text, number: index + 1, extra: undefined }
}

async function fromFile(context: CommandContext, path: string): Promise<RowSource> {
  const format = context.values['input-format'] ?? formatOf(path)
  const size = await stat(path).then(
    (found) => {
      if (!found.isDirectory()) return found.size
      throw new StellaError('INPUT_INVALID', `${path} is a folder; expected a file of texts`, {
        details: { file: path },
      })
    },
    (error: unknown) => {
      throw unreadable(path, error)
    },
  )
  // A pipe or a device has no size to measure against.
  return fromStream(context, () => createReadStream(path), { label: path, format, size: size > 0 ? size : undefined })
}

function formatOf(path: string): InputFormat {
  const format = formatOfName(path)
  if (format !== undefined) return format
  throw new UsageError(
    `Cannot tell how ${path} is written: its name ends in ${extname(path).toLowerCase()}`,
    'Say `--input-format txt` for one text per line, or `--input-format jsonl`',
  )
}

/** How to read a stream. */
interface StreamFacts {
  readonly label: string
  readonly format: InputFormat
  /** Bytes, where they are known beforehand. */
  readonly size: number | undefined
}

function fromStream(
  { values, signal, report }: CommandContext,
  open: () => Readable,
  { label, format, size }: StreamFacts,
): RowSource {
  const skipEmpty = values['skip-empty']
  const lineLabel = `${label} line`
  const read = { texts: 0, skipped: 0, bytes: 0, ended: false }
  async function* rows(): AsyncGenerator<TextRow> {
    for await (const line of readLines(bytesOf(open(), label, signal), label)) {
      const row = rowOfLine(line, { format, label: lineLabel, skipEmpty })
      read.bytes += line.bytes
      if (row === undefined) read.skipped++
      else read.texts++
      if (row !== undefined) yield row
    }
    read.ended = true
    const { texts, skipped } = read
    if (skipped > 0) report.note(`left out ${skipped} empty ${skipped === 1 ? 'line' : 'lines'} of ${label}`)
    if (texts > 0) return
    throw new StellaError('INPUT_INVALID', `${label} holds no text`, { details: { source: label } })
  }
  const expected = (): number | undefined => {
    if (read.ended) return read.texts
    return size === undefined || read.bytes === 0 ? undefined : Math.round((read.texts * size) / read.bytes)
  }
  return { label: lineLabel, rows: rows(), expected }
}
