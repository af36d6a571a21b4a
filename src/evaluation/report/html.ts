/**
 * Text as HTML that shows it and does nothing else, whoever wrote it. Knows no page.
 */

/** HTML that is safe to put between tags. Made by this file's functions alone. */
export class Html {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
  }

  /** @param text - What the author of this code wrote: never a value. */
  static trusted(text: string): Html {
    return new Html(text)
  }

  toString(): string {
    return this.#text
  }
}

/** What a template takes: HTML as it is, anything else as text. */
export type HtmlValue = Html | string | number | readonly HtmlValue[]

/**
 * A template whose literal parts are HTML. Values are escaped, for text between tags and for attributes in double quotes
 * alike.
 */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return Html.trusted(parts.reduce((text, part, index) => text + asHtml(values[index - 1] ?? '') + part))
}

/** `text` with signs for what would not be seen, such as marks that turn the reading direction. For text, not attributes. */
export function visible(text: string): Html {
  const parts = wellFormed(text).replaceAll('\r\n', '\n').split(UNSEEN)
  // Every other part is what the pattern caught.
  return Html.trusted(parts.map((part, index) => (index % 2 === 0 ? escaped(part) : sign(part))).join(''))
}

/** `text` up to `limit` UTF-16 units, never half a character. */
export function clipped(text: string, limit: number): { readonly text: string; readonly left: number } {
  if (text.length <= limit) return { text, left: 0 }
  const cutsPair = /[\uD800-\uDBFF]/.test(text.charAt(limit - 1)) && /[\uDC00-\uDFFF]/.test(text.charAt(limit))
  const end = cutsPair ? limit - 1 : limit
  return { text: text.slice(0, end), left: text.length - end }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Control characters but tab and line feed; marks of reading direction (UAX #9); spaces without width but the joiners,
 * which scripts and emoji need; line separators; noncharacters.
 */
const UNSEEN =
  /([\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u2064\u2066-\u2069\uFEFF\uFFF9-\uFFFB\uFFFE\uFFFF])/u

function asHtml(value: HtmlValue): string {
  if (value instanceof Html) return value.toString()
  if (typeof value === 'object') return value.map(asHtml).join('')
  // In attributes there is no place for a sign of its own.
  if (typeof value === 'number') return String(value)
  return escaped(wellFormed(value).replaceAll(new RegExp(UNSEEN, 'gu'), codeOf))
}

/** Half a character becomes the sign for what cannot be shown. */
function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\uFFFD')
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

function sign(character: string): string {
  return `<span class="sign">${codeOf(character)}</span>`
}

function codeOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
