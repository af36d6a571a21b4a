import fc from 'fast-check'
import { expect, it } from 'vitest'

import { BestRows } from '../../../src/vectors/best-rows.js'

const scores = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true })), { maxLength: 60 })

it('keeps the highest scores, best first, and of equal ones the lower rows', () => {
  fc.assert(
    fc.property(scores, fc.integer({ min: 0, max: 70 }), (given, capacity) => {
      const best = new BestRows(capacity)
      for (const [row, score] of given.entries()) {
        // Nothing above the threshold may be refused, nothing else taken: a caller skips by it.
        if (score > best.threshold || best.threshold === -Infinity) best.offer(row, score)
      }
      const expected = given
        .map((score, index) => ({ index, score }))
        .sort((a, b) => (a.score === b.score ? a.index - b.index : b.score > a.score ? 1 : -1))
        .slice(0, capacity)
      expect(best.take()).toEqual(expected)
      expect(best.take()).toEqual([])
    }),
    { numRuns: 1000 },
  )
})

it('takes rows whose numbers exceed 32 bits', () => {
  const best = new BestRows(1)
  best.offer(2 ** 40 + 1, 1)
  expect(best.take()).toEqual([{ index: 2 ** 40 + 1, score: 1 }])
})
