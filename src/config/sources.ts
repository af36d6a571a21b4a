/** Reads what a file's text, the environment and a caller say, each as a layer. Reads no file and no variable itself. */
import { dirname, resolve } from 'node:path'

import type { Variables } from '../files/environment.js'
import { FALSE_WORDS, TRUE_WORDS, expandTilde, readFolder } from '../files/environment.js'
import { describe } from '../show.js'
import type { KeyRow } from './key-row.js'
import { EVALUATION, keyEntries } from './keys.js'
import type { CheckedLayer, FindOrigin, Layer, Setting } from './layer.js'
import { checkLayer } from './layer.js'
import { placeIn, plainOf } from './located.js'
import type { ConfigFormat } from './read-document.js'
import { readDocument } from './read-document.js'
import { rowAt } from './schema.js'

/** Keys whose value may be left empty: they only hold others. */
const HOLDERS = [EVALUATION, 'prompts']

/** How a file of this name is written: `.json` is JSON, everything else YAML, which JSON is too. */
export function formatOf(name: string): ConfigFormat {
  return name.toLowerCase().endsWith('.json') ? 'json' : 'yaml'
}

/** What a file's text says. Its folders are relative to where the file is. */
export function fileLayer(text: string, name: string): CheckedLayer {
  const { root, problems } = readDocument(text, formatOf(name))
  if (problems.length > 0) {
    const told = problems.map((problem) => ({ source: 'file' as const, file: name, ...problem }))
    return { layer: new Map(), problems: told }
  }
  // `---` alone is a document with nothing in it, and that is null.
  const isNothing = root?.kind === 'value' && root.value === null && formatOf(name) === 'yaml'
  if (root === undefined || isNothing) return { layer: new Map(), problems: [] }
  const originAt: FindOrigin = (path, what) => ({ source: 'file', file: name, ...placeIn(root, path, what) })
  const content = plainOf(root)
  if (root.kind !== 'map') {
    // Said here and not by the schema, which knows no example.
    const message = `expected keys and values, such as \`model: stella-nano\`; got ${describe(content)}`
    return { layer: new Map(), problems: [{ ...originAt([], 'value'), message }] }
  }
  const checked = checkLayer(withoutEmptyHolders(content as Record<string, unknown>), originAt)
  const folder = dirname(name)
  return { ...checked, layer: withFolders(checked.layer, (path) => resolve(folder, expandTilde(path))) }
}

function withoutEmptyHolders(content: Record<string, unknown>): Record<string, unknown> {
  for (const holder of HOLDERS) if (content[holder] === null) content[holder] = Object.create(null)
  return content
}

/**
 * What the environment says. An empty variable is none.
 *
 * @param overruled - Keys that a caller has said, whose variables are not even looked at.
 * @throws {StellaError} OPTION_INVALID where a folder is in the home folder of a user who has none.
 */
export function environmentLayer(env: Variables, overruled: ReadonlySet<string>): CheckedLayer {
  const content: Record<string, unknown> = {}
  const section: Record<string, unknown> = {}
  for (const { key, name, section: isIn, row } of keyEntries()) {
    const { variable } = row
    const text = variable === undefined ? undefined : env[variable]
    if (variable === undefined || text === undefined || text === '' || overruled.has(key)) continue
    const holder = isIn === undefined ? content : section
    holder[name] = fromVariable(row, key, text, env)
  }
  if (Object.keys(section).length > 0) content[EVALUATION] = section
  return checkLayer(content, (path) => ({ source: 'environment', variable: rowAt(path)?.variable }))
}

/** The value that `text` means; the text itself where it means none, for the schema to refuse. */
function fromVariable(row: KeyRow, key: string, text: string, env: Variables): unknown {
  switch (row.kind) {
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text
    case 'switch': {
      const word = text.toLowerCase()
      const isTrue = TRUE_WORDS.includes(word)
      return isTrue || FALSE_WORDS.includes(word) ? isTrue !== (row.contrary === true) : text
    }
    case 'folder':
      if (text.includes('\0')) return text
      // The same variable means the same folder without a file; see `readEnvironment` and `--checkpoint`.
      return key === 'home' && row.variable !== undefined ? readFolder(env, row.variable) : resolve(text)
    case 'text':
    case 'choice':
    case 'memory':
    case 'prompts':
      return text
  }
}

/**
 * What a caller says.
 *
 * @param nameOf - What to call a key in messages.
 * @param resolved - Whether folders become absolute, from the current one; else they stay as they are.
 */
export function argumentLayer(values: object, nameOf: (key: string) => string, resolved = true): CheckedLayer {
  const checked = checkLayer(withoutUndefined(values), () => ({ source: 'argument' }))
  const problems = checked.problems.map(({ key, ...problem }) => ({
    ...problem,
    ...(key === undefined ? {} : { key: nameOf(key) }),
  }))
  return { layer: resolved ? withFolders(checked.layer, (path) => resolve(path)) : checked.layer, problems }
}

/** What is undefined is not said. */
function withoutUndefined(values: unknown): unknown {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return values
  const said = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(said.map(([key, value]) => [key, key === EVALUATION ? withoutUndefined(value) : value]))
}

function withFolders(layer: Layer, absolute: (path: string) => string): Layer {
  const entries = [...layer].map(([key, setting]): [string, Setting] => {
    const { value, origin } = setting
    const isFolder = rowAt(key.split('.'))?.kind === 'folder' && typeof value === 'string'
    return [key, isFolder ? { value: absolute(value), origin } : setting]
  })
  return new Map(entries)
}
