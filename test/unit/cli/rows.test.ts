import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { rowOfLine } from '../../../src/cli/input/rows.js'
import { StellaError } from '../../../src/errors.js'

const JSONL = { format: 'jsonl', label: 'x.jsonl line', skipEmpty: false } as const
const TXT = { format: 'txt', label: 'x.txt line', skipEmpty: false } as const

function refusal(text: string): string {
  try {
    rowOfLine({ number: 3, text }, JSONL)
  } catch (error) {
    if (error instanceof StellaError && error.code === 'INPUT_INVALID') return error.message
    throw error
  }
  throw new Error(`accepted ${text}`)
}

describe('rowOfLine', () => {
  it('takes a line of a .txt file as it is', () => {
    expect(rowOfLine({ number: 1, text: ' {"text":"a"} ' }, TXT)).toEqual({
      text: ' {"text":"a"} ',
      number: 1,
      extra: undefined,
    })
  })

  it('takes a JSON string, or the text of an object with the rest carried along', () => {
    expect(rowOfLine({ number: 1, text: '"a\\nb"' }, JSONL)).toEqual({ text: 'a\nb', number: 1, extra: undefined })
    expect(rowOfLine({ number: 2, text: '{"id":7,"text":"a","tags":["x",null]}' }, JSONL)).toEqual({
      text: 'a',
      number: 2,
      extra: { id: 7, tags: ['x', null] },
    })
  })

  it.each(['', '   ', '\t'])('stops at the empty line %j, or leaves it out where that is asked for', (text) => {
    expect(() => rowOfLine({ number: 4, text }, TXT)).toThrow(/^x\.txt line 4 holds no text.*--skip-empty/)
    expect(() => rowOfLine({ number: 4, text }, JSONL)).toThrow(/^x\.jsonl line 4 holds no text/)
    expect(rowOfLine({ number: 4, text }, { ...TXT, skipEmpty: true })).toBeUndefined()
    expect(rowOfLine({ number: 4, text }, { ...JSONL, skipEmpty: true })).toBeUndefined()
  })

  it('treats a JSON text without content as an empty line', () => {
    expect(refusal('{"text":" "}')).toContain('holds no text')
    expect(rowOfLine({ number: 1, text: '""' }, { ...JSONL, skipEmpty: true })).toBeUndefined()
  })

  it.each([
    ['{"text":"a"', /^x\.jsonl line 3 is not JSON/],
    ['[1]', /neither a JSON string nor an object/],
    ['null', /neither a JSON string nor an object/],
    ['7', /neither a JSON string nor an object/],
    ['{"id":1}', /has no `text`/],
    ['{"text":1}', /`text` that is no string: number/],
    ['{"text":"a","embedding":[]}', /key `embedding`, which the output uses/],
    ['{"text":"a","index":1}', /key `index`/],
    ['{"text":"a","id":12345678901234567890}', /`id` that is too large to carry exactly/],
    ['{"text":"a","deep":{"id":[1e400]}}', /`deep` that is too large/],
    [`{"text":"a","x":${'['.repeat(70)}${']'.repeat(70)}}`, /more than 64 deep/],
  ])('refuses %s', (text, message) => {
    expect(refusal(text)).toMatch(message)
  })

  it('carries a key called __proto__ as data', () => {
    const row = rowOfLine({ number: 1, text: '{"text":"a","__proto__":{"x":1}}' }, JSONL)
    expect(JSON.stringify({ index: 0, ...row?.extra })).toBe('{"index":0,"__proto__":{"x":1}}')
    expect(Object.getPrototypeOf(row?.extra ?? {})).toBe(Object.prototype)
  })

  it('returns or refuses with INPUT_INVALID, whatever the line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), fc.boolean(), (text, skipEmpty) => {
        try {
          rowOfLine({ number: 1, text }, { ...JSONL, skipEmpty })
        } catch (error) {
          expect(error).toMatchObject({ name: 'StellaError', code: 'INPUT_INVALID' })
        }
      }),
      { numRuns: 500 },
    )
  })
})
