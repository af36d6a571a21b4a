/** Every link of the documentation goes somewhere, in a fresh clone, and every page is reached from the README. */
import { describe, expect, it } from 'vitest'

import type { Tree } from '../../support/doc-links.js'
import { fileOf, linkProblem } from '../../support/doc-links.js'
import { PAGES, isThere, readPage } from '../../support/doc-pages.js'
import { anchorOf, parseMarkdown } from '../../support/markdown.js'

describe('the links', () => {
  it.each(PAGES)('of %s go somewhere', (page) => {
    expect(readPage(page).links.flatMap((link) => linkProblem(page, link) ?? [])).toEqual([])
  })

  it('are found: there are dozens, to pages, headings and the web', () => {
    const targets = PAGES.flatMap((page) => readPage(page).links.map(({ target }) => target))
    expect(targets.length).toBeGreaterThan(40)
    for (const kind of [/\.md$/, /^#/, /\.md#/, /^https:/]) expect(targets.some((one) => kind.test(one))).toBe(true)
  })
})

describe('the pages', () => {
  it('are all there', () => {
    expect(PAGES).toEqual(
      expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'models/README.md', 'docs/pool.md']),
    )
  })

  it('of docs/ are all reached from the README', () => {
    const reached = new Set(['README.md'])
    for (const page of reached) {
      if (!page.endsWith('.md')) continue
      for (const link of readPage(page).links) {
        const file = fileOf(page, link)
        if (file?.endsWith('.md') === true && isThere(file)) reached.add(file)
      }
    }
    expect(PAGES.filter((page) => page.startsWith('docs/') && !reached.has(page))).toEqual([])
  })

  it.each(PAGES)('%s has a title, and no link goes to the second of two headings with one name', (page) => {
    const { anchors } = readPage(page)
    expect(anchors.length).toBeGreaterThan(0)
    // Such a link goes astray as soon as somebody moves a section.
    const numbered = anchors.filter((anchor) => /-\d+$/.test(anchor) && anchors.includes(anchor.replace(/-\d+$/, '')))
    const wanted = PAGES.flatMap((from) =>
      readPage(from).links.flatMap((link) => (fileOf(from, link) === page ? link.target.split('#').slice(1) : [])),
    )
    expect(numbered.filter((anchor) => wanted.includes(anchor))).toEqual([])
  })
})

describe('these tests notice', () => {
  const tree: Tree = {
    has: (path) => ['docs/a.md', 'README.md', 'src/x.ts', 'docs'].includes(path),
    anchors: (page) => (page === 'docs/a.md' ? ['one-thing', 'größe'] : []),
    lines: () => 20,
  }
  const check = (target: string): string | undefined => linkProblem('docs/a.md', { target, line: 3 }, tree)

  it.each([
    'b.md',
    'A.md',
    'docs/a.md',
    '../docs/b.md',
    '/README.md',
    '../../elsewhere.md',
    '#another-thing',
    '#One-Thing',
    'a.md#',
    '../README.md#one-thing',
    '../src/x.ts#one',
    '../src/x.ts#L21',
    '../src/x.ts#L2-L21',
    'http://example.org/plain',
    'https://',
    'https://nowhere',
    'mailto:nobody',
    'javascript:void',
    '',
  ])('a link to %j', (target) => {
    expect(check(target)).toMatch(/^docs\/a\.md:3 links to/)
  })

  it.each([
    'a.md',
    '#one-thing',
    '#gr%C3%B6%C3%9Fe',
    'a.md#one-thing',
    '../README.md',
    './../docs/a.md#one-thing',
    '../src/x.ts',
    '../src/x.ts#L20',
    '../src/x.ts#L3-L20',
    '.',
    'https://example.org/x#y',
    'mailto:somebody@example.org',
  ])('nothing in a link to %j', (target) => {
    expect(check(target)).toBeUndefined()
  })
})

describe('anchorOf', () => {
  // As github.com shows them.
  it.each([
    ['One thing', 'one-thing'],
    ['What it costs, and why?', 'what-it-costs-and-why'],
    ['`pool.embed()`: one text', 'poolembed-one-text'],
    ['int8 & int4', 'int8--int4'],
    ['Größe – außen', 'größe--außen'],
    ['snake_case and `snake_case`', 'snake_case-and-snake_case'],
    ['_really_ so', 'really-so'],
    ['**bold** [link](a.md#b)', 'bold-link'],
    ['C++ / C#', 'c--c'],
    ['1. First', '1-first'],
  ])('of %j is %j', (heading, anchor) => {
    expect(anchorOf(heading)).toBe(anchor)
  })
})

describe('parseMarkdown', () => {
  const page = parseMarkdown(
    [
      '# Title',
      '',
      'A [link](a.md "title"), a [broken',
      'one](<b c.md>) and `[code](no.md)`, ``a ` b``.',
      '',
      '- an item',
      '',
      '  ```ts',
      '  const x = `a` // [no](no.md)',
      '    indented',
      '  ```',
      '',
      '## Same',
      '<!-- [hidden](no.md) -->',
      '## Same ##',
      '#no heading',
      '~~~~text',
      '# no heading',
      '~~~',
      '~~~~',
      '[label]: c.md',
      '<a id="named"></a>',
      '',
    ].join('\n'),
  )

  it('finds links with their lines, outside code and comments', () => {
    expect(page.links).toEqual([
      { line: 3, target: 'a.md' },
      { line: 4, target: 'b c.md' },
      { line: 21, target: 'c.md' },
    ])
  })

  it('finds headings, numbered where they come again', () => {
    expect(page.anchors).toEqual(['title', 'same', 'same-1', 'named'])
  })

  it('finds blocks without their indentation, and spans', () => {
    expect(page.blocks).toEqual([
      { language: 'ts', line: 9, code: 'const x = `a` // [no](no.md)\n  indented\n' },
      { language: 'text', line: 18, code: '# no heading\n~~~\n' },
    ])
    expect(page.spans).toEqual([
      { line: 4, text: '[code](no.md)' },
      { line: 4, text: 'a ` b' },
    ])
  })

  it('refuses a fence that is never closed', () => {
    expect(() => parseMarkdown('text\n```ts\nconst x = 1\n')).toThrow('line 3')
  })
})
