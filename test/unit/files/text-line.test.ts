import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { formatOfName, parseJsonLine } from '../../../src/files/text-line.js'
import { failureOf } from '../../support/failure.js'

describe('formatOfName', () => {
  it.each([
    ['texts.txt', 'txt'],
    ['TEXTS.TXT', 'txt'],
    ['texts', 'txt'],
    ['/dev/fd/63', 'txt'],
    ['a.b/x.jsonl', 'jsonl'],
    ['x.NDJSON', 'jsonl'],
    ['x.json', undefined],
    ['x.txt.gz', undefined],
    ['x.constructor', undefined],
    ['x.__proto__', undefined],
  ])('of %s is %s', (path, format) => {
    expect(formatOfName(path)).toBe(format)
  })
})

describe('parseJsonLine', () => {
  it('gives the text, and what goes with it', () => {
    expect(parseJsonLine('"a\\nb"', 'x line 1')).toEqual({ text: 'a\nb', rest: {} })
    expect(parseJsonLine(' {"id":[1],"text":"","task":null} ', 'x line 1')).toEqual({
      text: '',
      rest: { id: [1], task: null },
    })
  })

  it('names the place of what it refuses', async () => {
    const error = await failureOf(() => parseJsonLine('{', 'x line 7'))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', details: { at: 'x line 7' } })
    expect(error.message).toMatch(/^x line 7 is not JSON/)
  })

  it('gives back any text that JSON can write, beside any keys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.dictionary(fc.string(), fc.jsonValue()), (text, extra) => {
        const { text: found, rest } = parseJsonLine(JSON.stringify({ ...extra, text }), 'x')
        expect(found).toBe(text)
        expect(Object.keys(rest).sort()).toEqual(
          Object.keys(extra)
            .filter((key) => key !== 'text')
            .sort(),
        )
      }),
    )
  })

  it('returns or refuses with INPUT_INVALID, whatever the line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (line) => {
        try {
          expect(typeof parseJsonLine(line, 'x').text).toBe('string')
        } catch (error) {
          if (!(error instanceof StellaError)) throw error
          expect(error.code).toBe('INPUT_INVALID')
        }
      }),
    )
  })
})
