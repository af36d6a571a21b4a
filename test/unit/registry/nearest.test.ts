import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { nearest } from '../../../registry/nearest.js'

describe('nearest', () => {
  it('finds the candidate with the fewest edits', () => {
    expect(nearest('kitten', ['sitting', 'mitten', 'kit'])).toBe('mitten')
    expect(nearest('abcd', ['abxd', 'abcde', 'bcda'])).toBe('abxd')
  })

  it('finds a word itself before any other', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 12 }), { minLength: 1 }), (words) => {
        const word = words[0] ?? ''
        return nearest(word, words) === word
      }),
    )
  })

  it('finds nothing where every letter differs, and nothing among nothing', () => {
    expect(nearest('aaaa', ['zzzz', 'yyyyyy'])).toBeUndefined()
    expect(nearest('aaaa', [])).toBeUndefined()
    expect(nearest('', ['abc'])).toBeUndefined()
  })
})
