/** How texts are cut into native calls. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { callsOf } from '../../../src/text/native-calls.js'

const limits = { texts: 4, characters: 100 }
const cut = (lengths: readonly number[]) => [...callsOf(lengths.length, (place) => lengths[place] ?? 0, limits)]

describe('texts are cut into native calls', () => {
  it('of so many texts at most', () => {
    expect(cut([1, 1, 1, 1, 1])).toEqual([
      [0, 4],
      [4, 5],
    ])
  })

  it('of so many characters at most', () => {
    expect(cut([50, 50, 1])).toEqual([
      [0, 2],
      [2, 3],
    ])
  })

  it('and a longer text alone', () => {
    expect(cut([1, 101, 1])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ])
  })

  it('none of which is empty', () => {
    expect(cut([])).toEqual([])
    expect(cut([0, 0])).toEqual([[0, 2]])
  })

  it('in order, without a gap, within the bounds, and none could take the next one’s first text', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 130 }), { maxLength: 40 }), (lengths) => {
        const calls = cut(lengths)
        expect(calls.flatMap(([first, end]) => [...lengths.keys()].slice(first, end))).toEqual([...lengths.keys()])
        for (const [index, [first, end]] of calls.entries()) {
          const sum = lengths.slice(first, end).reduce((total, length) => total + length, 0)
          expect(end - first).toBeLessThanOrEqual(limits.texts)
          if (end - first > 1) expect(sum).toBeLessThanOrEqual(limits.characters)
          const next = calls[index + 1]
          if (next === undefined) continue
          expect(end - first === limits.texts || sum + (lengths[next[0]] ?? 0) > limits.characters).toBe(true)
        }
      }),
    )
  })
})
