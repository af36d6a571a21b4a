/** What a line of input means: a text, and in JSON Lines whatever goes with it. Knows no file. */
import type { Line } from '../../files/lines.js'
import type { InputFormat } from '../../files/text-line.js'
import { invalidLine, parseJsonLine } from '../../files/text-line.js'

/** Keys of an input object that go into the output as they came, in their order. */
export type Extra = Readonly<Record<string, unknown>>

/** One text to embed. */
export interface TextRow {
  readonly text: string
  /** Line of the file, or number of the argument; from 1. */
  readonly number: number
  readonly extra: Extra | undefined
}

/** Where rows come from, and what to call that in messages. */
export interface RowSource {
  /** Such as `texts.txt line`. */
  readonly label: string
  readonly rows: AsyncIterable<TextRow>
  /** Rows there will be: exact once all are read, before that judged by the bytes read; undefined where unknown. */
  readonly expected: () => number | undefined
}

/** How deep a carried value may be nested. JSON in files of texts is flat; this bounds what writing it again costs. */
const MAX_EXTRA_DEPTH = 64

/** Keys of an output line. */
const OUTPUT_KEYS: readonly string[] = ['index', 'embedding', 'tokens', 'truncated']

/**
 * The row of a line; undefined for a line without text that `skipEmpty` allows.
 *
 * @param label - Such as `texts.txt line`; the number is put after it.
 * @throws {StellaError} INPUT_INVALID naming the line.
 */
export function rowOfLine(
  { number, text: line }: Pick<Line, 'number' | 'text'>,
  { format, label, skipEmpty }: { readonly format: InputFormat; readonly label: string; readonly skipEmpty: boolean },
): TextRow | undefined {
  const at = `${label} ${number}`
  const isBlank = line.trim() === ''
  const { text, rest: extra } = format === 'txt' || isBlank ? { text: line, rest: {} } : parseJsonLine(line, at)
  checkExtra(extra, at)
  if (text.trim() !== '') return { text, number, extra: Object.keys(extra).length === 0 ? undefined : extra }
  if (skipEmpty) return undefined
  throw invalidLine(at, 'holds no text. Remove it, or leave such lines out with `--skip-empty`')
}

/** What is carried must come out as it went in. */
function checkExtra(extra: Extra, at: string): void {
  const taken = Object.keys(extra).find((key) => OUTPUT_KEYS.includes(key))
  if (taken !== undefined) throw invalidLine(at, `has a key \`${taken}\`, which the output uses itself. Rename it`)
  for (const [key, value] of Object.entries(extra)) checkExact(value, key, at, 1)
}

function checkExact(value: unknown, key: string, at: string, depth: number): void {
  if (depth > MAX_EXTRA_DEPTH) throw invalidLine(at, `nests \`${key}\` more than ${MAX_EXTRA_DEPTH} deep`)
  if (
    typeof value === 'number' &&
    (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
  ) {
    // Node reads 12345678901234567890 as 12345678901234567000: an id that would silently name something else.
    throw invalidLine(at, `holds a number in \`${key}\` that is too large to carry exactly. Write it as a string`)
  }
  if (typeof value !== 'object' || value === null) return
  for (const child of Object.values(value)) checkExact(child, key, at, depth + 1)
}
