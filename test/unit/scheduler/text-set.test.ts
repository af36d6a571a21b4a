import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { TextIdentity } from '../../../src/scheduler/text-identity.js'
import { hashText, isSameText } from '../../../src/scheduler/text-identity.js'
import { TextSet } from '../../../src/scheduler/text-set.js'
import { VARIANT, collidingTexts, text } from './texts.js'

const anyText: fc.Arbitrary<TextIdentity> = fc.record({
  ids: fc.int32Array({ min: 0, max: 2, maxLength: 3 }),
  variant: fc.record({ dimensions: fc.constantFrom(256, 1024), normalize: fc.boolean() }),
})

describe('two texts', () => {
  it('are the same where all their ids are, and their head and scaling', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        const written = ({ ids, variant }: TextIdentity) => `${ids.join()} ${variant.dimensions} ${variant.normalize}`
        expect(isSameText(one, other)).toBe(written(one) === written(other))
        if (isSameText(one, other)) expect(hashText(one)).toBe(hashText(other))
      }),
      { numRuns: 2_000 },
    )
  })

  it('are not the same where one is the beginning of the other', () => {
    const [short, long] = [Int32Array.of(1, 2), Int32Array.of(1, 2, 3)].map((ids) => ({ ids, variant: VARIANT }))
    if (short === undefined || long === undefined) throw new Error('no texts')
    expect([isSameText(short, long), isSameText(long, short)]).toEqual([false, false])
  })

  it('have hashes that differ, for a hundred thousand that are nearly alike', () => {
    const hashes = new Set<number>()
    for (let id = 0; id < 100_000; id++) hashes.add(hashText({ ids: Int32Array.of(101, id, 102), variant: VARIANT }))
    // A random function of 32 bits would have one or two collide.
    expect(hashes.size).toBeGreaterThan(99_980)
  })
})

describe('a set of texts', () => {
  it('forgets the oldest for one more; one that is added again is the newest', () => {
    const set = new TextSet(2)
    for (const id of [1, 2, 1, 3]) set.add(text(5, { id }))
    expect([1, 2, 3].map((id) => set.has(text(5, { id })))).toEqual([true, false, true])
    expect(set.size).toBe(2)
  })

  it('keeps its texts as they were when they were added', () => {
    const set = new TextSet(2)
    const { ids, variant } = text(5, { id: 1 })
    set.add({ ids, variant })
    ids[3] = 9
    expect([set.has({ ids, variant }), set.has(text(5, { id: 1 }))]).toEqual([false, true])
  })

  it('forgets what is deleted, and not another with the same hash', () => {
    const set = new TextSet(2)
    const [one, other] = collidingTexts()
    set.add(one)
    expect(set.has(other)).toBe(false)
    set.delete(other)
    expect(set.has(one)).toBe(true)
    set.delete(one)
    expect([set.has(one), set.size]).toEqual([false, 0])
  })
})
