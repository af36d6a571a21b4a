/**
 * Turns the text of a YAML or JSON file into values that know their places, and refuses what a configuration has no use
 * for and an attacker has: tags, copies of copies, endless nesting. Knows no key.
 */
import type { Alias, Document, Node, YAMLMap } from 'yaml'

import { clip } from '../show.js'
import { jsonFault } from './json-fault.js'
import type { Located, LocatedEntry, Place, Scalar } from './located.js'
import { MAX_DEPTH, tooDeepAt } from './nesting.js'
import { shownKey } from './problem.js'
import { yaml } from './yaml.js'

/** Longest text, in UTF-16 units; parsing the worst of that length takes a second or two. */
export const MAX_CONFIG_CHARACTERS = 64 * 1024

/** Values that a file may come to once its aliases are written out. */
const MAX_VALUES = 10_000

/** Syntax errors that are told, one a line: one mistake makes many, and the first says most. */
const MAX_SYNTAX_ERRORS = 5

/** What is wrong at a place. */
export interface DocumentProblem extends Place {
  readonly message: string
}

/** What a text holds. */
export interface ParsedDocument {
  /** Undefined where there is nothing but blanks and comments, and where there are problems. */
  readonly root: Located | undefined
  /** None: the text is fine. */
  readonly problems: readonly DocumentProblem[]
}

/** How a file is written. */
export type ConfigFormat = 'yaml' | 'json'

/** The formats there are. */
export const CONFIG_FORMATS = ['yaml', 'json'] as const satisfies readonly ConfigFormat[]

/** Parses `text`. Throws nothing, whatever it holds. */
export function readDocument(text: string, format: ConfigFormat): ParsedDocument {
  if (text.length > MAX_CONFIG_CHARACTERS) {
    return refused({ line: 1, column: 1 }, `expected at most ${MAX_CONFIG_CHARACTERS} characters; got ${text.length}`)
  }
  // A byte order mark is no part of the text.
  const content = text.replace(/^\ufeff/, '')
  const unreadable = UNREADABLE.exec(content)
  if (unreadable !== null) {
    const code = content.charCodeAt(unreadable.index).toString(16).toUpperCase().padStart(4, '0')
    const message = `expected a text file in UTF-8 with line feeds; got the character U+${code}`
    return refused(placeOf(content, unreadable.index), message)
  }
  const fault = format === 'json' ? jsonFault(content) : undefined
  if (fault !== undefined) return refused(placeOf(content, fault.offset), `not valid JSON: expected ${fault.expected}`)
  const deep = tooDeepAt(content)
  return deep === undefined ? new Reader(content).read() : refused(placeOf(content, deep), TOO_DEEP)
}

/** What YAML calls not printable, and a carriage return that ends no line. */
const UNREADABLE = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]|\r(?!\n)/u

function refused(at: Place, message: string): ParsedDocument {
  return { root: undefined, problems: [{ ...at, message }] }
}

/** For what is found without the parser. */
function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

/** A value, how many it comes to with all in it, and how deep it goes. */
interface Measured {
  readonly node: Located
  readonly values: number
  readonly depth: number
}

class Reader {
  readonly #yaml = yaml()
  readonly #lines = new this.#yaml.LineCounter()
  readonly #document: Document.Parsed
  readonly #problems: DocumentProblem[] = []
  /** Values that have an anchor, in the order of the text; undefined while they are being read. */
  readonly #anchors = new Map<string, Measured | undefined>()

  constructor(text: string) {
    // Of YAML 1.1 and its extensions nothing: no merge keys, no `yes` for true, no tags beyond the core schema's. Keys
    // are compared below, where it takes a lookup: the parser compares each with each.
    this.#document = this.#yaml.parseDocument(text, {
      ...{ version: '1.2', schema: 'core', merge: false, resolveKnownTags: false, strict: true },
      ...{ stringKeys: true, uniqueKeys: false, prettyErrors: false, logLevel: 'error' },
      lineCounter: this.#lines,
    })
  }

  read(): ParsedDocument {
    this.#syntax()
    const { contents } = this.#document
    const root = this.#problems.length === 0 && contents !== null ? this.#node(contents, 1).node : undefined
    return this.#problems.length === 0 ? { root, problems: [] } : { root: undefined, problems: this.#problems }
  }

  #syntax(): void {
    const { errors, warnings, directives } = this.#document
    if (directives.yaml.explicit === true && directives.yaml.version !== '1.2') {
      this.#refuse({ line: 1, column: 1 }, `expected YAML 1.2; the file says ${directives.yaml.version}`)
    }
    const lines = new Set<number>()
    for (const { code, message, pos } of [...errors, ...warnings].sort((a, b) => a.pos[0] - b.pos[0])) {
      const at = this.#place(pos[0])
      if (lines.has(at.line) || lines.size === MAX_SYNTAX_ERRORS) continue
      lines.add(at.line)
      this.#refuse(at, MESSAGES[code] ?? `not valid YAML: ${clip(message.replaceAll(/\s+/g, ' '))}`)
    }
  }

  #node(node: Node, depth: number): Measured {
    const at = this.#place(node.range?.[0] ?? 0)
    if (this.#yaml.isAlias(node)) return this.#alias(node, at)
    if (node.tag !== undefined) this.#refuse(at, TAGS)
    const { anchor } = node
    if (anchor !== undefined) this.#anchors.set(anchor, undefined)
    const measured = this.#content(node, at, depth)
    if (anchor !== undefined) this.#anchors.set(anchor, measured)
    return measured
  }

  #content(node: Exclude<Node, Alias>, at: Place, depth: number): Measured {
    if (this.#yaml.isScalar(node))
      return { node: { kind: 'value', at, value: scalarOf(node.value) }, values: 1, depth: 0 }
    if (depth > MAX_DEPTH) return this.#tooDeep(at)
    if (this.#yaml.isMap(node)) return this.#map(node, at, depth)
    const items = this.#yaml.isSeq(node) ? node.items.map((item) => this.#node(item as Node, depth + 1)) : []
    return this.#sum({ kind: 'list', at, items: items.map((item) => item.node) }, items)
  }

  #map(map: YAMLMap, at: Place, depth: number): Measured {
    const entries = new Map<string, LocatedEntry>()
    const children: Measured[] = []
    for (const { key, value } of map.items) {
      // The parser has refused every key that is no text.
      if (!this.#yaml.isScalar(key) || typeof key.value !== 'string') continue
      const keyAt = this.#place(key.range?.[0] ?? 0)
      if (key.tag !== undefined) this.#refuse(keyAt, TAGS)
      // The schema passes it over wherever any name is a key.
      if (key.value === '__proto__') this.#refuse(keyAt, 'expected another key than __proto__')
      const child = value === null ? nothingAt(keyAt) : this.#node(value as Node, depth + 1)
      const first = entries.get(key.value)
      if (first !== undefined) {
        this.#refuse(keyAt, `${shownKey(key.value)} is given twice; first in line ${first.keyAt.line}`)
      }
      entries.set(key.value, { keyAt, node: child.node })
      children.push(child)
    }
    return this.#sum({ kind: 'map', at, entries }, children)
  }

  #alias({ source }: Alias, at: Place): Measured {
    const found = this.#anchors.get(source)
    if (found === undefined) {
      const why = this.#anchors.has(source) ? 'stands for what it is part of' : 'stands for nothing above it'
      this.#refuse(at, `the alias *${clip(source)} ${why}`)
      return nothingAt(at)
    }
    return { ...found, node: { ...found.node, at } }
  }

  #sum(node: Located, children: readonly Measured[]): Measured {
    const values = children.reduce((sum, child) => sum + child.values, 1)
    const depth = children.reduce((most, child) => Math.max(most, child.depth), 0) + 1
    if (depth > MAX_DEPTH) return this.#tooDeep(node.at)
    if (values <= MAX_VALUES) return { node, values, depth }
    this.#refuse(node.at, `expected at most ${MAX_VALUES} values, copies by aliases included`)
    return nothingAt(node.at)
  }

  #tooDeep(at: Place): Measured {
    this.#refuse(at, TOO_DEEP)
    return nothingAt(at)
  }

  #refuse(at: Place, message: string): void {
    this.#problems.push({ ...at, message })
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset)
    return { line, column: col }
  }
}

const TOO_DEEP = `expected at most ${MAX_DEPTH} levels of maps and lists`

const TAGS = 'tags such as !!str are not read; a text is put in quotes'

/** Errors of the parser that are better said otherwise. */
const MESSAGES: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'expected one document; a second begins here',
  NON_STRING_KEY: 'expected a text as key',
  RESOURCE_EXHAUSTION: TOO_DEEP,
  TAG_RESOLVE_FAILED: TAGS,
}

function nothingAt(at: Place): Measured {
  return { node: { kind: 'value', at, value: null }, values: 1, depth: 0 }
}

/** The core schema knows these kinds only. */
function scalarOf(value: unknown): Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
}
