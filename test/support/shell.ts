/** Splits shell scripts of the documentation into commands and words. Runs and expands nothing. */

/** Words of one command, without redirections and leading assignments. */
export type Command = readonly string[]

/** Ends a command: operators and line breaks. */
const OPERATOR = /^(?:&&|\|\||[;&|\n])/

/** With the file descriptor that may stand before it. */
const REDIRECTION = /^\d?(?:>>|>&|>|<)/

/**
 * The commands of a script.
 *
 * @throws {Error} for a quote that is never closed, and for what this cannot read: `<<` and `$(…)`.
 */
export function commandsOf(script: string): readonly Command[] {
  const commands: string[][] = [[]]
  let rest = script.replace(/\\\n/g, ' ')
  let redirected = false
  while (rest !== '') {
    const blank = /^[ \t]+|^#[^\n]*/.exec(rest)?.[0]
    const operator = OPERATOR.exec(rest)?.[0]
    const redirection = REDIRECTION.exec(rest)?.[0]
    if (blank !== undefined) rest = rest.slice(blank.length)
    else if (redirection !== undefined) {
      if (rest.startsWith('<<')) throw new Error(`Cannot read \`${rest}\``)
      redirected = true
      rest = rest.slice(redirection.length)
    } else if (operator !== undefined) {
      commands.push([])
      rest = rest.slice(operator.length)
    } else {
      const { word, length } = readWord(rest)
      if (!redirected) commands.at(-1)?.push(word)
      redirected = false
      rest = rest.slice(length)
    }
  }
  return commands.map(withoutAssignments).filter((command) => command.length > 0)
}

/** A word up to a blank or an operator, its quotes taken off. */
function readWord(text: string): { readonly word: string; readonly length: number } {
  let word = ''
  let length = 0
  while (length < text.length && !/[ \t\n;&|<>]/.test(text.charAt(length))) {
    const rest = text.slice(length)
    if (rest.startsWith('$(')) throw new Error(`Cannot read \`${rest}\``)
    const quoted = /^'([^']*)'|^"((?:[^"\\]|\\.)*)"/s.exec(rest)
    const escaped = /^\\(.)/s.exec(rest)
    if (quoted !== null) word += quoted[1] ?? (quoted[2] ?? '').replace(/\\(["\\$`])/g, '$1')
    else if (escaped !== null) word += escaped[1] ?? ''
    else if (/^['"\\]/.test(rest)) throw new Error(`A quote is never closed: ${rest}`)
    else word += rest.charAt(0)
    length += (quoted ?? escaped)?.[0].length ?? 1
  }
  return { word, length }
}

function withoutAssignments(command: readonly string[]): Command {
  const first = command.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word))
  return first === -1 ? [] : command.slice(first)
}
