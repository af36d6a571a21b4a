import { describe, expect, it } from 'vitest'

import { textOfTokens } from '../../../bench/support/texts.js'

/** Two specials, and a token for every three letters of a word. */
const count = (text: string): Promise<number> =>
  Promise.resolve(text.split(' ').reduce((sum, word) => sum + Math.ceil(word.length / 3), 2))

describe('a text of so many tokens', () => {
  it.each([8, 26, 512])('has %i where fillers are one token', async (tokens) => {
    expect(await count(await textOfTokens(count, tokens))).toBe(tokens)
  })

  it('is the same for the same seed and another for another', async () => {
    expect(await textOfTokens(count, 40, 3)).toBe(await textOfTokens(count, 40, 3))
    expect(await textOfTokens(count, 40, 3)).not.toBe(await textOfTokens(count, 40, 4))
  })

  it('has fewer where no word fits exactly', async () => {
    const coarse = (text: string): Promise<number> => Promise.resolve(text.split(' ').length * 5)
    expect(await coarse(await textOfTokens(coarse, 22))).toBe(20)
  })
})
