/** Where the links of a page go, and what is wrong with one that goes nowhere. */
import { posix } from 'node:path'

import { isMade, isThere, readPage, textOf } from './doc-pages.js'
import type { Link } from './markdown.js'

/** What links are held against: the project, or a test's own. */
export interface Tree {
  readonly has: (path: string) => boolean
  /** Anchors of a page. */
  readonly anchors: (page: string) => readonly string[]
  /** How many lines a file has. */
  readonly lines: (file: string) => number
}

/** The project as a fresh clone has it. */
export const PROJECT: Tree = {
  has: (path) => !isMade(path) && isThere(path),
  anchors: (page) => readPage(page).anchors,
  lines: (file) => textOf(file).split('\n').length,
}

/** The file of the project that a link of `page` goes to, from the root; undefined for a URL. */
export function fileOf(page: string, { target }: Link): string | undefined {
  if (isUrl(target)) return undefined
  const [path = ''] = target.split('#')
  return path === '' ? page : posix.normalize(posix.join(posix.dirname(page), decodeURI(path)))
}

/** What is wrong with a link of `page`; undefined where nothing is. URLs are not asked for: tests make no request. */
export function linkProblem(page: string, link: Link, tree: Tree = PROJECT): string | undefined {
  const { target, line } = link
  const tell = (what: string): string => `${page}:${line} links to \`${target}\`: ${what}`
  if (isUrl(target)) return isGoodUrl(target) ? undefined : tell('not a URL that begins with https:// or mailto:')
  if (target === '') return tell('no target')
  if (target.startsWith('/')) return tell('a path from the root holds on GitHub only; write a relative one')
  const file = fileOf(page, link) ?? page
  if (file.startsWith('../')) return tell('outside the project')
  if (!tree.has(file)) return tell(`no \`${file}\` in a fresh clone`)
  const { 1: anchor } = target.split('#')
  if (anchor === undefined) return undefined
  if (!file.endsWith('.md')) return lineProblem(anchor, file, tree, tell)
  if (tree.anchors(file).includes(decodeURI(anchor))) return undefined
  return tell(`no heading of \`${file}\` has this anchor; there are ${tree.anchors(file).join(', ')}`)
}

/** Anchors of files that are no pages name lines: `#L10`, `#L10-L20`. */
function lineProblem(anchor: string, file: string, tree: Tree, tell: (what: string) => string): string | undefined {
  const [, first, last = first] = /^L(\d+)(?:-L(\d+))?$/.exec(anchor) ?? []
  if (first === undefined) return tell('an anchor of a file that is no page is #L1 or #L1-L2')
  return Number(last) <= tree.lines(file) ? undefined : tell(`\`${file}\` is shorter`)
}

function isUrl(target: string): boolean {
  return /^[a-z][a-z\d+.-]*:/i.test(target)
}

function isGoodUrl(target: string): boolean {
  return URL.canParse(target) && (/^https:\/\/[^/]+\.[^/]+/.test(target) || /^mailto:[^@]+@[^@]+$/.test(target))
}
