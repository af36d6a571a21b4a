import fc from 'fast-check'
import { expect, it } from 'vitest'

import { show } from '../../src/show.js'

it.each([
  ['text', '"text" (string)'],
  ['two\nlines', '"two\\nlines" (string)'],
  [5, '5 (number)'],
  [Number.NaN, 'NaN (number)'],
  [5n, '5 (bigint)'],
  [true, 'true (boolean)'],
  [Symbol('s'), 'Symbol(s) (symbol)'],
  [null, 'null'],
  [undefined, 'undefined'],
  [[1, 2], 'an array'],
  [{}, 'an object (Object)'],
  [new Uint8Array(2), 'an object (Uint8Array)'],
  [Object.create(null), 'an object (Object)'],
  [() => 1, 'a function'],
])('%s is shown as %s', (value, shown) => {
  expect(show(value)).toBe(shown)
})

it('is one short line for anything', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withTypedArray: true }), (value) => {
      const shown = show(value)
      return shown.length < 1000 && !shown.includes('\n')
    }),
  )
  expect(show('x'.repeat(1e6)).length).toBeLessThan(200)
})
