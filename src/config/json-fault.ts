/**
 * Finds the first place where a text is no JSON. YAML takes JSON and more, so that a `.json` file is read as YAML is, and
 * needs only this beside it. Node's own parser says where for some faults and not for others.
 */

/** The first fault of a text. */
export interface JsonFault {
  /** In UTF-16 units, from 0; the text's length where it ends too early. */
  readonly offset: number
  readonly expected: string
}

/** What may come next. */
type State = 'value' | 'first-item' | 'first-key' | 'key' | 'colon' | 'after-value' | 'end'

const EXPECTED = {
  value: 'a value',
  'first-item': 'a value or `]`',
  'first-key': 'a key in double quotes or `}`',
  key: 'a key in double quotes',
  colon: '`:`',
  'after-value': '`,` or the closing bracket',
  end: 'nothing more',
} as const satisfies Readonly<Record<State, string>>

const BLANK = /[ \t\n\r]*/y
const WORD = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y
const PLAIN = /[^"\\\x00-\x1f]+/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/** The first fault; undefined where the text is JSON (RFC 8259). */
export function jsonFault(text: string): JsonFault | undefined {
  const open: ('{' | '[')[] = []
  let state: State = 'value'
  let at = 0
  for (;;) {
    at = skip(BLANK, text, at)
    const character = text.charAt(at)
    if (character === '') return state === 'end' ? undefined : { offset: at, expected: EXPECTED[state] }
    const fault: JsonFault = { offset: at, expected: EXPECTED[state] }
    switch (state) {
      case 'end':
        return fault
      case 'colon':
        if (character !== ':') return fault
        at++
        state = 'value'
        break
      case 'after-value': {
        const inside = open.at(-1)
        if (character === ',') state = inside === '{' ? 'key' : 'value'
        else if (character === (inside === '{' ? '}' : ']')) state = closed(open)
        else return fault
        at++
        break
      }
      case 'first-key':
      case 'key': {
        if (character === '}' && state === 'first-key') {
          at++
          state = closed(open)
          break
        }
        if (character !== '"') return fault
        const end = endOfText(text, at)
        if (typeof end !== 'number') return end
        at = end
        state = 'colon'
        break
      }
      case 'first-item':
      case 'value': {
        if (character === ']' && state === 'first-item') {
          at++
          state = closed(open)
        } else if (character === '{' || character === '[') {
          at++
          open.push(character)
          state = character === '{' ? 'first-key' : 'first-item'
        } else {
          const end = character === '"' ? endOfText(text, at) : skip(WORD, text, at)
          if (typeof end !== 'number') return end
          if (end === at) return fault
          at = end
          state = open.length === 0 ? 'end' : 'after-value'
        }
      }
    }
  }
}

function closed(open: ('{' | '[')[]): State {
  open.pop()
  return open.length === 0 ? 'end' : 'after-value'
}

/** Where the text in quotes that begins at `at` has ended. */
function endOfText(text: string, at: number): number | JsonFault {
  let place = at + 1
  for (;;) {
    place = skip(PLAIN, text, place)
    const character = text.charAt(place)
    if (character === '"') return place + 1
    const after = character === '\\' ? skip(ESCAPE, text, place) : place
    if (after === place) {
      const expected =
        character === '\\' ? 'an escape that JSON has' : 'a closing `"`, control characters written as \\u'
      return { offset: place, expected }
    }
    place = after
  }
}

/** The end of what `pattern`, a sticky one, matches at `at`; `at` where it matches nothing. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}
