import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { clipped, html, visible } from '../../../../src/evaluation/report/html.js'

/** Back to text, for what these functions write. */
function textOf(markup: string): string {
  const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }
  return markup.replaceAll(/&[a-z0-9#]+;/g, (entity) => entities[entity] ?? entity)
}

describe('html', () => {
  it('escapes every value, and takes HTML as it is', () => {
    const inner = html`<b>${'</b><script>'}</b>`
    expect(html`<p title="${`"'<&>`}">${inner}${[1, 'a<', inner]}</p>`.toString()).toBe(
      '<p title="&quot;&#39;&lt;&amp;&gt;"><b>&lt;/b&gt;&lt;script&gt;</b>1a&lt;<b>&lt;/b&gt;&lt;script&gt;</b></p>',
    )
  })

  it('lets no text out of its place, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const markup of [
          html`${text}`.toString(),
          visible(text)
            .toString()
            .replaceAll(/<span class="sign">(U\+[0-9A-F]{4})<\/span>/g, '$1'),
        ]) {
          expect(markup).not.toMatch(/[<>"']/)
          expect(markup).not.toMatch(/\p{Surrogate}/u)
          expect(markup).not.toMatch(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('shows a text word for word, but for what is not seen', () => {
    const words = fc.string({ unit: fc.constantFrom('a', '<', '&', '"', "'", '\n', '\t', 'é', '👩‍🚀', 'क्ष', '日', ' ') })
    fc.assert(
      fc.property(words, (text) => {
        expect(textOf(visible(text).toString())).toBe(text)
      }),
    )
  })

  it.each([
    ['\u202E', 'U+202E'],
    ['\u2066', 'U+2066'],
    ['\u200F', 'U+200F'],
    ['\u0000', 'U+0000'],
    ['\u001B', 'U+001B'],
    ['\u0085', 'U+0085'],
    ['\u200B', 'U+200B'],
    ['\u2028', 'U+2028'],
    ['\uFEFF', 'U+FEFF'],
    ['\uFFFE', 'U+FFFE'],
  ])('shows %j by its name', (character, name) => {
    expect(visible(`a${character}b`).toString()).toBe(`a<span class="sign">${name}</span>b`)
    expect(html`<i title="${character}"></i>`.toString()).toBe(`<i title="${name}"></i>`)
  })

  it('shows line ends of Windows as line ends, and half a character as what it is', () => {
    expect(visible('a\r\nb\rc').toString()).toBe('a\nb<span class="sign">U+000D</span>c')
    expect(visible('a\uD83Cb').toString()).toBe('a\uFFFDb')
  })
})

describe('clipped', () => {
  it('cuts at a limit, and never within a character', () => {
    expect(clipped('abc', 3)).toEqual({ text: 'abc', left: 0 })
    expect(clipped('abcd', 3)).toEqual({ text: 'abc', left: 1 })
    expect(clipped('ab🌊d', 3)).toEqual({ text: 'ab', left: 3 })
    expect(clipped('a🌊d', 3)).toEqual({ text: 'a🌊', left: 1 })
  })
})
