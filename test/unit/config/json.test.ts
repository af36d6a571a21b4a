import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { jsonFault } from '../../../src/config/json-fault.js'
import { parseConfig } from '../../../src/config/parse-config.js'
import { linesOf } from './problems.js'

describe('JSON', () => {
  it.each([
    ['', '1:1', 'a value'],
    ['{"workers": 1,}', '1:15', 'a key in double quotes'],
    ['{workers: 1}', '1:2', 'a key in double quotes or `}`'],
    ['{"workers" 1}', '1:12', '`:`'],
    ['{"workers": 1 "threads": 2}', '1:15', '`,` or the closing bracket'],
    ['{\n  "workers": 1, // comment\n}', '2:17', 'a key in double quotes'],
    ['# comment\n{}', '1:1', 'a value'],
    ["{'workers': 1}", '1:2', 'a key in double quotes or `}`'],
    ['{"workers": 01}', '1:13', 'a value'],
    ['{"workers": .5}', '1:13', 'a value'],
    ['{"workers": NaN}', '1:13', 'a value'],
    ['{"workers": truee}', '1:13', 'a value'],
    ['{"model": "a\\x"}', '1:13', 'an escape that JSON has'],
    ['{"model": "a\nb"}', '1:13', 'a closing `"`'],
    ['{"model": "a', '1:13', 'a closing `"`'],
    ['{"model": [1, 2}', '1:16', '`,` or the closing bracket'],
    ['{"model": "a"', '1:14', '`,` or the closing bracket'],
    ['{} {}', '1:4', 'nothing more'],
    ['model: x', '1:1', 'a value'],
  ])('%j is refused where it goes wrong', (text, place, expected) => {
    expect(linesOf(text, {}, 'x.json')[0]).toContain(`x.json:${place} not valid JSON: expected ${expected}`)
  })

  it('is told from what Node takes for JSON never, and never takes more', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '\\',
      '\\n',
      '1',
      '-',
      '0',
      '.',
      'e',
      'true',
      ' ',
      '\n',
      'x',
    )
    const nearly = fc.oneof(
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
      fc.json(),
      fc.tuple(fc.json(), fc.nat(), pieces).map(([text, at, piece]) => {
        const place = at % (text.length + 1)
        return text.slice(0, place) + piece + text.slice(place)
      }),
    )
    fc.assert(
      fc.property(nearly, (text) => {
        expect(jsonFault(text) === undefined).toBe(isJson(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('is read as Node reads it, with tabs and all', () => {
    const plain = fc.record({
      model: fc.string({ minLength: 1, maxLength: 50 }),
      workers: fc.integer({ min: 1, max: 1024 }),
      memory: fc.double({ min: 1e-9, max: 1, noNaN: true }),
      download: fc.boolean(),
      prompts: fc.dictionary(
        fc.string({ minLength: 1, maxLength: 20 }).filter((key) => key !== '__proto__'),
        fc.string(),
      ),
    })
    fc.assert(
      fc.property(plain, fc.constantFrom('', '  ', '\t'), (value, indent) => {
        const json = JSON.stringify(value, null, indent).replaceAll(/[\x7f-\x9f\ufeff\ufffe\uffff]/g, '?')
        expect(parseConfig(json, 'x.json').model).toEqual(JSON.parse(json))
      }),
    )
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
