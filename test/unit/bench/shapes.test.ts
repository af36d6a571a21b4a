import { describe, expect, it } from 'vitest'

import { SHAPES, findShape, someIds, tokensOf } from '../../../bench/support/shapes.js'

describe('the shapes', () => {
  it('have as many texts and tokens in `equal` as in `mixed`', () => {
    const [mixed, equal] = [findShape('mixed'), findShape('equal')]
    expect(mixed && tokensOf(mixed)).toBe(2400)
    expect(equal && tokensOf(equal)).toBe(2400)
    expect(equal?.lengths.length).toBe(mixed?.lengths.length)
    expect(new Set(equal?.lengths).size).toBe(1)
    expect(Math.min(...(mixed?.lengths ?? []))).toBe(8)
    expect(Math.max(...(mixed?.lengths ?? []))).toBe(512)
  })

  it('hold what their names say', () => {
    const named = SHAPES.filter(({ name }) => name.includes('×'))
    expect(named.map(({ name, lengths }) => [name, `${lengths.length}×${lengths[0]}`])).toEqual(
      named.map(({ name }) => [name, name]),
    )
  })

  it('are found as they are typed', () => {
    expect(findShape('8x128')?.name).toBe('8×128')
    expect(findShape('8×128')?.name).toBe('8×128')
    expect(findShape('9x128')).toBeUndefined()
  })

  it('become ids of the vocabulary', () => {
    const texts = someIds({ lengths: [5, 300] }, 190)
    expect(texts.map((ids) => ids.length)).toEqual([5, 300])
    expect(texts.every((ids) => ids.every((id) => id >= 0 && id < 190))).toBe(true)
  })
})
