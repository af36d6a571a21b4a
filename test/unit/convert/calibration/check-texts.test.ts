import { describe, expect, it } from 'vitest'

import { checkCalibration } from '../../../../src/convert/calibration/check-texts.js'
import type { TaskText } from '../../../../src/convert/calibration/task-text.js'
import { failureOf } from '../../../support/failure.js'

const TEXTS: readonly TaskText[] = Array.from({ length: 8 }, (_, i) => ({ task: 'document', text: `text ${i}` }))

describe('checkCalibration', () => {
  it('takes none, and a copy of eight different texts', () => {
    expect(checkCalibration(undefined)).toBeUndefined()
    expect(checkCalibration(TEXTS)).toEqual(TEXTS)
    expect(checkCalibration(TEXTS)).not.toBe(TEXTS)
  })

  it.each([
    ['no array', 'texts.jsonl', /an array of/],
    ['a string in it', [...TEXTS, 'text'], /text 8 to be/],
    ['an unknown task', [...TEXTS, { task: 'search', text: 'x' }], /document, s2p_query, s2s_query/],
    ['an empty text', [...TEXTS, { task: 'document', text: ' ' }], /text 8/],
    ['too few', TEXTS.slice(1), /8 different texts at least/],
    ['the same again and again', Array.from({ length: 20 }, () => TEXTS[0]), /20, 1 of them different/],
  ])('refuses %s', async (_, given, message) => {
    const error = await failureOf(() => checkCalibration(given as readonly TaskText[]))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toMatch(message)
  })
})
