/** Finds the pairs of a command line: a file or standard input. Reads no more than is asked for. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'

import { StellaError } from '../../errors.js'
import type { DelimiterName, PairsFormat } from '../../evaluation/pairs/formats.js'
import type { PairRow } from '../../evaluation/pairs/pair-row.js'
import { formatOfPairs } from '../../evaluation/pairs/pairs-options.js'
import { readPairs } from '../../evaluation/pairs/read-pairs.js'
import { unreadable } from '../../files/text-stream.js'
import type { CommandContext } from '../command.js'
import { inFlags } from '../failure.js'
import { isFolder } from '../model.js'
import { UsageError } from '../usage-error.js'

/** The argument for standard input. */
const STDIN = '-'

/** Where pairs come from. */
export interface PairsInput {
  /** Such as `pairs.jsonl` or `standard input`; without folders. */
  readonly title: string
  /** As it was given; undefined for standard input. */
  readonly path: string | undefined
  /** Rows there will be: exact once all are read, before that judged by the bytes read; undefined where unknown. */
  readonly expected: () => number | undefined
  /** Can be read once. */
  readonly rows: AsyncIterable<PairRow>
}

/**
 * The pairs that the command's argument names.
 *
 * @throws {StellaError} OPTION_INVALID when nothing tells how they are written; INPUT_INVALID when there is no such file.
 */
export async function openPairs(context: CommandContext): Promise<PairsInput> {
  const { positionals, values, io } = context
  const [path = STDIN] = positionals
  if (path === STDIN) {
    const format = values['pairs-format'] ?? 'jsonl'
    return inputOf(context, {
      title: 'standard input',
      path: undefined,
      size: undefined,
      format,
      open: () => io.stdin(),
    })
  }
  const format = values['pairs-format'] ?? formatOfPairs(path)?.format
  if (format === undefined) {
    if (await isFolder(path)) throw aFolder(path)
    throw new UsageError(
      `Cannot tell how ${path} is written: its name ends in ${extname(path) === '' ? 'nothing that says so' : extname(path)}`,
      'Say `--input-format jsonl` for an object per line, or `--input-format csv` for a table with a header',
    )
  }
  const size = await sizeOf(path)
  return inputOf(context, { title: basename(path), path, size, format, open: () => createReadStream(path) })
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  if (found.isDirectory()) throw aFolder(path)
  // A pipe or a device has no size to measure against.
  return found.size > 0 ? found.size : undefined
}

function aFolder(path: string): StellaError {
  return new StellaError('INPUT_INVALID', `${path} is a folder; expected a file of pairs`, { details: { file: path } })
}

interface InputFacts {
  readonly title: string
  readonly path: string | undefined
  readonly size: number | undefined
  readonly format: PairsFormat
  readonly open: () => AsyncIterable<Uint8Array>
}

function inputOf(context: CommandContext, { title, path, size, format, open }: InputFacts): PairsInput {
  const { values, signal } = context
  const read = { rows: 0, bytes: 0, ended: false }
  const options = {
    format,
    delimiter: delimiterOf(context, path ?? title, format),
    groundTruthField: values['ground-truth-field'],
    predictionField: values['prediction-field'],
    idField: values['id-field'],
    name: path ?? title,
    signal,
    onBytes: (bytes: number): void => {
      read.bytes = bytes
    },
  }
  async function* rows(): AsyncGenerator<PairRow> {
    for await (const row of readPairs(open(), options)) {
      read.rows++
      yield inWordsOfCommand(row)
    }
    read.ended = true
  }
  const expected = (): number | undefined => {
    if (read.ended) return read.rows
    return size === undefined || read.bytes === 0 ? undefined : Math.round((read.rows * size) / read.bytes)
  }
  return { title, path, expected, rows: rows() }
}

/** Undefined for what has none. */
function delimiterOf({ values, typed }: CommandContext, name: string, format: PairsFormat): DelimiterName | undefined {
  const { delimiter } = values
  if (format === 'csv') return delimiter ?? formatOfPairs(name)?.delimiter
  // Variables and a file of settings are for tables and for others.
  if (!typed.has('delimiter')) return undefined
  throw new UsageError(`\`--delimiter\` is for csv files; ${name} is read as ${format}`)
}

/** Errors name options as functions know them. */
function inWordsOfCommand(row: PairRow): PairRow {
  if (row.kind === 'pair' || row.result.error === undefined) return row
  const { error } = row.result
  return { ...row, result: { ...row.result, error: { ...error, detail: inFlags(error.detail) } } }
}
