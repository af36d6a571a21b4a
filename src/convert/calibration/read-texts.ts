/** Reads a user's own calibration texts from a file, within limits. Knows no model. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'

import { StellaError } from '../../errors.js'
import { readLines } from '../../files/lines.js'
import type { InputFormat } from '../../files/text-line.js'
import { formatOfName, invalidLine, parseJsonLine } from '../../files/text-line.js'
import { bytesOf, unreadable } from '../../files/text-stream.js'
import { clip, describe } from '../../show.js'
import type { TaskText } from './task-text.js'

/** Largest file in bytes: {@link MAX_CALIBRATION_TEXTS} pages of text in any script, several times over. */
export const MAX_CALIBRATION_BYTES = 64 * 1024 * 1024

/** Most texts; a conversion runs about 8,192 tokens of them. What a thousand do not show, ten thousand rarely do. */
export const MAX_CALIBRATION_TEXTS = 2_000

/** Longest text in UTF-16 units. Models read some thousand tokens and would never see the rest. */
export const MAX_CALIBRATION_CHARACTERS = 100_000

/** Fewest different texts: from fewer, a channel that is loud on other texts would not be known. */
export const MIN_CALIBRATION_TEXTS = 8

/** What a text can be embedded for. */
export const TASKS = ['document', 's2p_query', 's2s_query'] as const satisfies readonly TaskText['task'][]

/**
 * The texts of a `.txt` file, one per line, or of a `.jsonl` (`.ndjson`) file: a line is a JSON string, or an object with
 * a `text` and, for what is embedded as a query, a `task`; other keys are ignored. Empty lines are left out: order and
 * place mean nothing here.
 *
 * @throws {StellaError} OPTION_INVALID when the name does not tell the format; INPUT_INVALID, naming the line where it
 * is one, when the file cannot be read, is over a limit, or holds too few texts; ABORTED.
 */
export async function readCalibrationTexts(path: string, signal?: AbortSignal): Promise<readonly TaskText[]> {
  const format = formatOfName(path)
  if (format === undefined) {
    throw new StellaError(
      'OPTION_INVALID',
      `Cannot tell how ${path} is written. Expected \`calibration\` to be a .txt file with one text per line, or a .jsonl file`,
      { details: { option: 'calibration', file: path, accepted: ['.txt', '.jsonl', '.ndjson'] } },
    )
  }
  await checkFile(path)
  const texts: TaskText[] = []
  const different = new Set<string>()
  let bytes = 0
  for await (const line of readLines(bytesOf(createReadStream(path), path, signal), path)) {
    // The file may have grown since it was looked at.
    bytes += line.bytes
    if (bytes > MAX_CALIBRATION_BYTES) throw tooLarge(path, bytes)
    if (line.text.trim() === '') continue
    const text = textOfLine(line.text, format, `${path} line ${line.number}`)
    if (texts.length === MAX_CALIBRATION_TEXTS) throw tooMany(path, line.number)
    texts.push(text)
    different.add(text.text)
  }
  if (different.size >= MIN_CALIBRATION_TEXTS) return texts
  throw new StellaError(
    'INPUT_INVALID',
    `${path} holds ${different.size} different ${different.size === 1 ? 'text' : 'texts'}; calibration needs at least ` +
      `${MIN_CALIBRATION_TEXTS}. Add texts like those you will embed, or leave \`calibration\` out`,
    { details: { file: path, texts: different.size, least: MIN_CALIBRATION_TEXTS } },
  )
}

/** A pipe or a device has no end that could be known beforehand, and could not be read again. */
async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  if (!found.isFile()) {
    throw new StellaError('INPUT_INVALID', `${path} is no regular file; expected a file of texts`, {
      details: { file: path },
    })
  }
  if (found.size > MAX_CALIBRATION_BYTES) throw tooLarge(path, found.size)
}

function textOfLine(line: string, format: InputFormat, at: string): TaskText {
  const { text, rest } = format === 'txt' ? { text: line, rest: {} } : parseJsonLine(line, at)
  if (text.trim() === '') throw invalidLine(at, 'holds no text. Remove it')
  if (text.length > MAX_CALIBRATION_CHARACTERS) {
    throw invalidLine(at, `has ${text.length} characters; at most ${MAX_CALIBRATION_CHARACTERS} are read. Cut it`)
  }
  const { task = 'document' } = rest
  const known = TASKS.find((name) => name === task)
  if (known !== undefined) return { task: known, text }
  throw invalidLine(at, `has an unknown \`task\`: ${clip(describe(task))}. Accepted: ${TASKS.join(', ')}`)
}

function tooLarge(path: string, bytes: number): StellaError {
  return new StellaError(
    'INPUT_INVALID',
    `${path} has ${bytes} bytes; at most ${MAX_CALIBRATION_BYTES} are read. Take a sample of it`,
    { details: { file: path, bytes, limit: MAX_CALIBRATION_BYTES } },
  )
}

function tooMany(path: string, line: number): StellaError {
  return new StellaError(
    'INPUT_INVALID',
    `${path} line ${line} is text ${MAX_CALIBRATION_TEXTS + 1}; calibration takes at most ${MAX_CALIBRATION_TEXTS}. Take a sample of it`,
    { details: { file: path, line, limit: MAX_CALIBRATION_TEXTS } },
  )
}
