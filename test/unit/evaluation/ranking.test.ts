import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { Ranking } from '../../../src/evaluation/ranking.js'

describe('a ranking', () => {
  it('keeps what a stable sort would put first', () => {
    const keys = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 })
    fc.assert(
      fc.property(keys, fc.nat(12), (given, limit) => {
        const ranking = new Ranking<{ key: number; place: number }>(limit, ({ key }) => key)
        const all = given.map((key, place) => ({ key, place }))
        for (const item of all) ranking.add(item)
        expect(ranking.items).toEqual([...all].sort((a, b) => a.key - b.key).slice(0, limit))
      }),
    )
  })

  it('gives a copy', () => {
    const ranking = new Ranking<number>(2, (item) => item)
    ranking.add(2)
    const before = ranking.items
    ranking.add(1)
    expect(before).toEqual([2])
    expect(ranking.items).toEqual([1, 2])
  })
})
