/** Writes a configuration: as YAML with every key explained, or as JSON, which has no comments. Reads and writes no file. */
import { invalid } from '../inference/options.js'
import type { KeyEntry } from './key-row.js'
import { defaultOf, rangeOf } from './key-row.js'
import { EVALUATION, keyEntries } from './keys.js'
import { configError } from './problem.js'
import type { ConfigFormat } from './read-document.js'
import { CONFIG_FORMATS } from './read-document.js'
import { argumentLayer } from './sources.js'
import type { ConfigValues } from './stella-config.js'

/** Widest comment, in columns. */
const WIDTH = 100

const HEAD = [
  'Settings of stella-pool: `stella embed --config <this file>`, or `loadConfig` in a program.',
  '',
  'Each key that is commented out shows its default, or an example where the default depends on the machine or the ' +
    'model. Remove the `# ` before a key to set it. Arguments go before environment variables, and those before this file.',
]

/**
 * A file that says `values` and nothing else. YAML explains every key, and shows those that are not said commented out.
 *
 * @throws {StellaError} OPTION_INVALID where `values` hold what no file may hold, or there is no such format.
 */
export function renderConfig(values: ConfigValues, format: ConfigFormat): string {
  if (!CONFIG_FORMATS.includes(format)) throw invalid('format', CONFIG_FORMATS.join(' or '), format)
  const { layer, problems } = argumentLayer(values, (key) => key, false)
  if (problems.length > 0) throw configError(problems)
  const said = new Map([...layer].map(([key, { value }]) => [key, value]))
  return format === 'json' ? renderJson(said) : renderYaml(said)
}

function renderJson(said: ReadonlyMap<string, unknown>): string {
  const content: Record<string, unknown> = {}
  const section: Record<string, unknown> = {}
  for (const { key, name, section: isIn } of keyEntries()) {
    if (said.has(key)) (isIn === undefined ? content : section)[name] = said.get(key)
  }
  if (Object.keys(section).length > 0) content[EVALUATION] = section
  return `${escapeUnprintable(JSON.stringify(content, null, 2))}\n`
}

function renderYaml(said: ReadonlyMap<string, unknown>): string {
  const lines = HEAD.flatMap((line) => comment(line, ''))
  let open: string | undefined
  for (const entry of keyEntries()) {
    const { key, name, section } = entry
    const indent = section === undefined ? '' : '  '
    lines.push('')
    if (section !== open && section !== undefined) lines.push(`${section}:`)
    open = section
    for (const text of explained(entry)) lines.push(...comment(text, indent))
    const isSaid = said.has(key)
    const shown = isSaid ? said.get(key) : (entry.row.default ?? entry.row.example ?? null)
    lines.push(...yamlOf(name, shown).map((line) => `${indent}${isSaid ? '' : '# '}${line}`))
  }
  return `${lines.join('\n')}\n`
}

/** Meaning of a key; what is accepted; default and variable. */
function explained({ row }: KeyEntry): readonly string[] {
  const { variable } = row
  const contrary = row.contrary === true ? ', which says the contrary' : ''
  const twin = variable === undefined ? '' : ` Variable: ${variable}${contrary}.`
  return [row.meaning, `Accepted: ${rangeOf(row)}.`, `Default: ${defaultOf(row)}.${twin}`]
}

/** Lines of a key; more than one where the value is a map. */
function yamlOf(name: string, value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [`${name}: ${scalarText(value)}`]
  const entries = Object.entries(value)
  if (entries.length === 0) return [`${name}: {}`]
  return [`${name}:`, ...entries.map(([key, text]) => `  ${scalarText(key)}: ${scalarText(text)}`)]
}

/** Words that are no text without quotes, to YAML 1.2 or to somebody who knows YAML 1.1. */
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i

function scalarText(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  const isPlain = /^[A-Za-z][\w./-]*$/.test(value) && !RESERVED.test(value)
  return isPlain ? value : escapeUnprintable(JSON.stringify(value))
}

/** What JSON takes as it is, and YAML does not. */
function escapeUnprintable(json: string): string {
  return json.replaceAll(/[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** A text as comment lines of at most {@link WIDTH} columns. */
function comment(text: string, indent: string): readonly string[] {
  const lines: string[] = []
  let line = `${indent}#`
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > WIDTH && line !== `${indent}#`) {
      lines.push(line)
      line = `${indent}#`
    }
    if (word !== '') line += ` ${word}`
  }
  return [...lines, line]
}
