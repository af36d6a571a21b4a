import { describe, expect, it } from 'vitest'

import {
  countText,
  durationText,
  pairsText,
  scoreText,
  shareText,
} from '../../../../src/evaluation/report/figures-text.js'

describe('numbers of a report', () => {
  it.each([
    [scoreText(0.81234), '0.8123'],
    [countText(1_234_567), '1,234,567'],
    [pairsText(1), '1 pair'],
    [pairsText(0), '0 pairs'],
    [shareText(0, 10), '0 %'],
    [shareText(0, 0), '0 %'],
    [shareText(1, 10), '10 %'],
    [shareText(1, 30), '3.3 %'],
    [shareText(1, 1_000_000), '< 0.1 %'],
    [shareText(10, 10), '100 %'],
    [durationText(0), '0 ms'],
    [durationText(999), '999 ms'],
    [durationText(1234), '1.2 s'],
    [durationText(200_000), '3 min 20 s'],
    [durationText(7_200_000), '120 min 0 s'],
  ])('are written as %s', (text, expected) => {
    expect(text).toBe(expected)
  })
})
