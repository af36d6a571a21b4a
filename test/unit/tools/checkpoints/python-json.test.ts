/** JSON as Python's json.dumps writes it. */
import { expect, test } from 'vitest'

import { float, pythonJson } from '../../../../tools/checkpoints/python-json.js'

test.each([
  [float(0), '0.0'],
  [float(2), '2.0'],
  [float(1_000_000), '1000000.0'],
  [float(0.1), '0.1'],
  [float(1e-6), '1e-06'],
  [float(1e-12), '1e-12'],
  [float(1.5e-7), '1.5e-07'],
  [160_000, '160000'],
  [null, 'null'],
  [true, 'true'],
  ['a "quoted"\nline', '"a \\"quoted\\"\\nline"'],
  [[], '[]'],
  [{}, '{}'],
])('%j becomes %s', (value, text) => {
  expect(pythonJson(value, 1)).toBe(text)
})

test('indents nested lists and objects, with no space at line ends', () => {
  expect(pythonJson({ a: [1, { b: float(1) }], c: {} }, 2)).toBe(
    '{\n  "a": [\n    1,\n    {\n      "b": 1.0\n    }\n  ],\n  "c": {}\n}',
  )
})
