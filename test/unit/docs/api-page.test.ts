/** docs/api.md leaves nothing out that can be imported, and names nothing that cannot. */
import { describe, expect, it, vi } from 'vitest'

import * as testing from '../../../src/fake/index.js'
import * as api from '../../../src/index.js'
import { readExamples, runExample } from '../../support/doc-examples.js'
import { readPage } from '../../support/doc-pages.js'
import { exportedNames } from '../../support/exported-names.js'

/** Of the language. */
const FOREIGN = ['Uint8Array', 'Int8Array', 'Float32Array']

const PAGE = 'docs/api.md'
const spans = readPage(PAGE).spans.map(({ text }) => text)
const values = [...Object.keys(api), ...Object.keys(testing)]

describe(PAGE, () => {
  it.each(values)('names %s', (name) => {
    expect(spans.some((text) => new RegExp(`\\b${name}\\b`).test(text))).toBe(true)
  })

  it('names nothing that cannot be imported', () => {
    const exported = new Set([...exportedNames('src/index.ts'), ...exportedNames('src/fake/index.ts')])
    expect(exported.size).toBeGreaterThan(values.length)
    // Names of types, classes and constants; words of languages and of other packages are not all of them in code spans.
    const named = spans.filter((text) => /^[A-Z]\w*[a-z]\w*$|^[A-Z][A-Z\d]*_[A-Z\d_]+$/.test(text))
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((name) => !exported.has(name) && !FOREIGN.includes(name))).toEqual([])
  })
})

describe('its example', () => {
  const run = async (part: string): Promise<ReturnType<typeof vi.fn>> => {
    const example = readExamples(PAGE).find(({ code }) => code.includes(part))
    if (example === undefined) throw new Error(`${PAGE} has no example with ${part} any more`)
    await using pool = await testing.createFakePool({ memory: '8GB', fake: { latencyMs: 300 } })
    const told = vi.fn()
    const documents = Array.from({ length: 20 }, (_, index) => `text ${index}`)
    await runExample(example, {
      modules: { 'stella-pool': api },
      globals: { pool, documents, console: { log: told, error: told } },
    })
    return told
  }

  it('of a search tells the ten best', async () => {
    const told = await run('topK(')
    const scores = told.mock.calls.map(([score]) => score as number)
    expect(scores).toHaveLength(10)
    expect(scores).toEqual([...scores].sort((a, b) => b - a))
    for (const [, text] of told.mock.calls) expect(text).toMatch(/^text \d+$/)
  })

  it('of a failure tells a deadline from other failures', async () => {
    const told = await run('deadlineMs')
    expect(told.mock.calls).toEqual([['too slow']])
  })
})
