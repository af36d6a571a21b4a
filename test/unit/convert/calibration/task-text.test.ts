import { describe, expect, it } from 'vitest'

import type { TaskText } from '../../../../src/convert/calibration/task-text.js'
import { digestTexts, flow, textsFor } from '../../../../src/convert/calibration/task-text.js'

describe('flow', () => {
  it('joins lines and keeps paragraphs', () => {
    expect(flow(['one\ntwo\n\nthree\nfour', 'five'])).toEqual(['one two\n\nthree four', 'five'])
  })
})

describe('digestTexts', () => {
  const texts = textsFor('document', ['a', 'b'])

  it('is SHA-256 of the set, and the same for an equal one', () => {
    expect(digestTexts(texts)).toMatch(/^[0-9a-f]{64}$/)
    expect(digestTexts([{ text: 'a', task: 'document' }, ...texts.slice(1)])).toBe(digestTexts(texts))
  })

  it.each<[string, readonly TaskText[]]>([
    ['another order', texts.toReversed()],
    ['another task', textsFor('s2p_query', ['a', 'b'])],
    ['another cut between texts', textsFor('document', ['ab'])],
    ['one text less', texts.slice(1)],
    ['a text that looks like two', textsFor('document', ['a"],["document","b'])],
    ['no text', []],
  ])('differs for %s', (_, other) => {
    expect(digestTexts(other)).not.toBe(digestTexts(texts))
  })
})
