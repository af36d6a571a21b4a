/** Reads a Markdown page: its anchors as GitHub makes them, its links, fenced blocks and code spans. Renders nothing. */

/** A fenced block. */
export interface Block {
  /** As written behind the fence; empty where it says none. */
  readonly language: string
  /** Of the first line of code, from 1. */
  readonly line: number
  /** Without the indentation of the fence; ends with a line break. */
  readonly code: string
}

/** Where a link goes. */
export interface Link {
  readonly line: number
  /** As written: a path, an `#anchor`, both, or a URL. */
  readonly target: string
}

/** Text between backticks. */
export interface Span {
  readonly line: number
  readonly text: string
}

/** A page that was read. */
export interface Page {
  /** Without their `#`, in the order of the page. */
  readonly anchors: readonly string[]
  readonly links: readonly Link[]
  readonly blocks: readonly Block[]
  readonly spans: readonly Span[]
}

const FENCE = /^([ \t]*)(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/

/** May go on in the next line, but not in the next paragraph. */
const SPAN = /(?<!`)(`+)(?!`)((?:[^`\n]|\n(?!\s*\n)|(?<!`)(?!\1(?!`))`+(?!`))+)(?<!`)\1(?!`)/g

/** `](target)`, `](<target>)`, with or without a title; and `[label]: target`. */
const LINK = /\]\(\s*(?:<([^>\n]*)>|([^)\s]*))(?:\s+"[^"]*")?\s*\)|^ {0,3}\[[^\]\n]+\]:[ \t]*(\S+)/gm

/** `<a id="x">` and `<a name="x">`. */
const NAMED = /<a\s+(?:id|name)="([^"]+)"/g

/**
 * Reads the text of a page.
 *
 * @throws {Error} naming the line of a fence that is never closed.
 */
export function parseMarkdown(text: string): Page {
  const { blocks, prose } = takeBlocks(text.replaceAll('\r\n', '\n'))
  const spans: Span[] = []
  // Blanks in their place keep the line numbers.
  const bare = prose.replace(SPAN, (whole, _ticks: string, code: string, at: number) => {
    spans.push({ line: lineAt(prose, at), text: code.replace(/\s+/g, ' ').trim() })
    return blank(whole)
  })
  const links = Array.from(bare.matchAll(LINK), (found) => ({
    line: lineAt(bare, found.index),
    target: found[1] ?? found[2] ?? found[3] ?? '',
  }))
  const named = Array.from(bare.matchAll(NAMED), ({ 1: name = '' }) => name)
  return { anchors: [...headingAnchors(prose), ...named], links, blocks, spans }
}

/** Takes fenced blocks and comments out of a text, and leaves as many empty lines. */
function takeBlocks(text: string): { readonly blocks: readonly Block[]; readonly prose: string } {
  const blocks: Block[] = []
  const prose: string[] = []
  let open: { fence: string; indent: number; language: string; line: number; code: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent = '', fence = '', language = ''] = FENCE.exec(line) ?? []
    if (open === undefined) {
      if (fence !== '') open = { fence, indent: indent.length, language, line: index + 2, code: [] }
      prose.push(fence === '' ? line : '')
      continue
    }
    prose.push('')
    if (fence.startsWith(open.fence) && language === '') {
      const code = open.code.map((text) => `${text}\n`).join('')
      blocks.push({ language: open.language, line: open.line, code })
      open = undefined
    } else {
      // No more than the fence's own: what is indented further is the code's.
      open.code.push(line.replace(new RegExp(`^[ \\t]{0,${open.indent}}`), ''))
    }
  }
  if (open !== undefined) throw new Error(`The fence before line ${open.line} is never closed`)
  return { blocks, prose: prose.join('\n').replace(/<!--.*?-->/gs, blank) }
}

function headingAnchors(prose: string): readonly string[] {
  const seen = new Map<string, number>()
  return Array.from(prose.matchAll(/^ {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/gm), ({ 1: heading = '' }) => {
    const anchor = anchorOf(heading)
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  })
}

/**
 * The anchor of a heading: what remains of its rendered text in lower case without `[^\p{Word}\- ]`, blanks as dashes.
 * The rule is that of GitHub's html-pipeline, `TableOfContentsFilter`; Ruby's `\p{Word}` is spelled out here.
 */
export function anchorOf(heading: string): string {
  const rendered = heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    // Code is kept as it is; elsewhere underscores around words are emphasis, and not shown.
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replace(/(?<!\w)_([^_]+)_(?!\w)/g, '$1')))
    .join('')
  return rendered
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{Nd}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}
