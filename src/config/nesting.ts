/**
 * Finds where a YAML text nests too deep, before it is parsed. The parser recurses, and a recursion without a bound does
 * not always end in an error that can be caught: V8 ends the process where a regular expression is compiled on the last
 * of the stack. Knows tokens only; what it takes for nesting is never less than what the parser does.
 */
import { yaml } from './yaml.js'

/** Levels of maps and lists in brackets; the configuration itself has two. */
export const MAX_DEPTH = 20

/** Columns before a key or a dash: a level takes one at least. */
const MAX_INDENT = 40

/** Levels that begin in one line, such as the three of `- - a: b`. */
const MAX_LINE_LEVELS = 20

/** Dashes and question marks inside of brackets, where they stand for nothing; the parser makes levels of them. */
const MAX_STRAYS = 20

/** Offset of the first token beyond a limit; undefined where there is none. */
export function tooDeepAt(text: string): number | undefined {
  const { CST, Lexer } = yaml()
  // What the lexer adds: a document, the end of brackets that were not closed, a plain scalar.
  const marks: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR])
  let [offset, flow, strays, indent, levels] = [0, 0, 0, 0, 0]
  let startsLine = true
  let isContent = false
  for (const token of new Lexer().lex(text)) {
    // After its mark comes the content of a plain scalar, whatever it looks like.
    const type: string = isContent ? 'content' : (CST.tokenType(token) ?? 'content')
    isContent = type === 'scalar'
    if (startsLine) [indent, levels] = [type === 'space' ? token.length : 0, 0]
    switch (type) {
      case 'flow-map-start':
      case 'flow-seq-start':
        if (++flow > MAX_DEPTH) return offset
        break
      case 'flow-map-end':
      case 'flow-seq-end':
        flow = Math.max(0, flow - 1)
        break
      case 'flow-error-end':
        flow = 0
        break
      case 'seq-item-ind':
      case 'explicit-key-ind':
        if (flow === 0) levels++
        else if (++strays > MAX_STRAYS) return offset
        break
      case 'map-value-ind':
        if (flow === 0) levels++
        break
      default:
        break
    }
    if (levels > 0 && (levels > MAX_LINE_LEVELS || indent > MAX_INDENT)) return offset
    // Marks of the lexer are no part of the text.
    if (!marks.has(token)) {
      offset += token.length
      startsLine = token.endsWith('\n')
    }
  }
  return undefined
}
