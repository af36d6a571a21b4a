import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { PackedTexts } from '../../../src/packed/packing.js'
import { checkPacked, packTexts, packedIndices, planRuns } from '../../../src/packed/packing.js'
import { failureOf } from '../../support/failure.js'

const anyLengths = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 })

describe('packTexts', () => {
  it('puts texts end to end, and into arrays of its own', () => {
    const first = Int32Array.of(1, 2, 3)
    const packed = packTexts([first, Int32Array.of(4), Int32Array.of(5, 6)])
    expect(packed).toEqual({ ids: Int32Array.of(1, 2, 3, 4, 5, 6), lengths: Int32Array.of(3, 1, 2) })
    packed.ids.fill(0)
    expect([...first]).toEqual([1, 2, 3])
  })
})

describe('packedIndices', () => {
  it('is as in this example', () => {
    expect(packedIndices(Int32Array.of(2, 3, 1))).toEqual({
      length: 3,
      positionIds: Int32Array.of(0, 1, 0, 1, 2, 0),
      packedPlaces: Int32Array.of(0, 1, 3, 4, 5, 6),
      paddedRows: Int32Array.of(0, 1, 0, 2, 3, 4, 5, 5, 5),
    })
  })

  it('gives every token one place, and every text positions from 0', () => {
    fc.assert(
      fc.property(anyLengths, (lengths) => {
        const { positionIds, paddedRows, packedPlaces, length } = packedIndices(Int32Array.from(lengths))
        expect(length).toBe(Math.max(...lengths))
        expect(paddedRows).toHaveLength(lengths.length * length)
        expect(new Set(packedPlaces).size).toBe(packedPlaces.length)
        let row = 0
        for (const [text, count] of lengths.entries()) {
          for (let position = 0; position < count; position++, row++) {
            const place = text * length + position
            // To the padded layout and back is where it was.
            const found = [positionIds[row], packedPlaces[row], paddedRows[place]]
            if (found.join() !== [position, place, row].join()) throw new Error(`token ${row}: ${found.join()}`)
          }
        }
        expect(row).toBe(positionIds.length)
      }),
    )
  })

  it('shows a padded place only rows of its own text', () => {
    fc.assert(
      fc.property(anyLengths, (lengths) => {
        const { paddedRows, length } = packedIndices(Int32Array.from(lengths))
        let first = 0
        for (const [text, count] of lengths.entries()) {
          const rows = paddedRows.subarray(text * length, (text + 1) * length)
          if (!rows.every((row) => row >= first && row < first + count))
            throw new Error(`text ${text} shows a neighbour`)
          first += count
        }
      }),
    )
  })
})

describe('planRuns', () => {
  const limits = { runTokens: 100, paddedPlaces: 2 * 100, aloneFrom: 80 }
  /** Lengths at the limits and far from them. */
  const anyTexts = fc.array(
    fc.oneof(fc.constantFrom(1, 5, 20, 79, 80, 81, 99, 100, 101), fc.integer({ min: 1, max: 200 })),
    {
      maxLength: 30,
    },
  )
  const tokensOf = (run: readonly number[], lengths: readonly number[]) =>
    run.reduce((sum, index) => sum + (lengths[index] ?? 0), 0)

  it('puts every text into exactly one run, and makes no empty run', () => {
    fc.assert(
      fc.property(anyTexts, (lengths) => {
        const runs = planRuns(lengths, limits)
        expect(runs.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, index) => index))
        expect(runs.every((run) => run.length > 0)).toBe(true)
      }),
    )
  })

  it('keeps to the token limit, except for a text that is longer by itself', () => {
    fc.assert(
      fc.property(anyTexts, (lengths) => {
        for (const run of planRuns(lengths, limits)) {
          expect(run.length === 1 || tokensOf(run, lengths) <= limits.runTokens).toBe(true)
        }
      }),
    )
  })

  it('bounds the padded layout: a long text does not drag many short ones to its length', () => {
    fc.assert(
      fc.property(anyTexts, (lengths) => {
        for (const run of planRuns(lengths, limits)) {
          const longest = Math.max(...run.map((index) => lengths[index] ?? 0))
          expect(run.length === 1 || run.length * longest <= limits.paddedPlaces).toBe(true)
        }
      }),
    )
  })

  it('runs a long text alone', () => {
    fc.assert(
      fc.property(anyTexts, (lengths) => {
        for (const run of planRuns(lengths, limits)) {
          if (run.some((index) => (lengths[index] ?? 0) >= limits.aloneFrom)) expect(run).toHaveLength(1)
        }
      }),
    )
  })

  it('opens a run only when the one before had no room for its first text', () => {
    fc.assert(
      fc.property(anyTexts, (lengths) => {
        const runs = planRuns(lengths, limits)
        for (const [at, run] of runs.entries()) {
          const next = runs[at + 1]?.[0]
          if (next === undefined) continue
          const alone = run.some((index) => (lengths[index] ?? 0) >= limits.aloneFrom)
          const places = (run.length + 1) * (lengths[run[0] ?? 0] ?? 0)
          const tokens = tokensOf(run, lengths) + (lengths[next] ?? 0)
          expect(alone || tokens > limits.runTokens || places > limits.paddedPlaces).toBe(true)
        }
      }),
    )
  })

  it('takes the longest first, equal ones in their order, and always plans the same', () => {
    fc.assert(
      fc.property(anyTexts, (lengths) => {
        const order = planRuns(lengths, limits).flat()
        for (const [at, index] of order.entries()) {
          const next = order[at + 1]
          if (next === undefined) continue
          const [here, there] = [lengths[index] ?? 0, lengths[next] ?? 0]
          expect(here > there || (here === there && index < next)).toBe(true)
        }
        expect(planRuns([...lengths], limits).flat()).toEqual(order)
      }),
    )
  })

  it('plans nothing for nothing', () => {
    expect(planRuns([], limits)).toEqual([])
  })

  it('is as in this example', () => {
    expect(planRuns([10, 95, 40, 60, 79, 20], limits)).toEqual([[1], [4], [3, 2], [5, 0]])
    // A long text shares its run with nobody, also where there would be room.
    expect(planRuns([85, 10, 5], limits)).toEqual([[0], [1, 2]])
  })
})

describe('checkPacked', () => {
  const batch = (ids: readonly number[], lengths: readonly number[]): PackedTexts => {
    return { ids: Int32Array.from(ids), lengths: Int32Array.from(lengths) }
  }

  it('accepts what packTexts makes', () => {
    checkPacked(packTexts([Int32Array.of(0, 9), Int32Array.of(5)]), 10)
  })

  it.each([
    ['no text', batch([], []), 'it holds no text'],
    ['an empty text', batch([1, 2], [2, 0]), 'text 1 has 0 tokens'],
    ['a negative length', batch([1, 2], [3, -1]), 'text 1 has -1 tokens'],
    ['lengths beyond the ids', batch([1, 2], [3]), 'add up to 3 tokens, and there are 2 ids'],
    ['ids beyond the lengths', batch([1, 2, 3], [2]), 'add up to 2 tokens, and there are 3 ids'],
    ['an id past the table', batch([1, 10], [2]), 'token id 10 is not within 0 to 9'],
    // The engine would read it as the table's last row.
    ['a negative id', batch([-1, 1], [2]), 'token id -1 is not within 0 to 9'],
    ['plain arrays', { ids: [1], lengths: [1] } as unknown as PackedTexts, 'must be Int32Array'],
  ])('refuses %s', async (_, packed, message) => {
    const error = await failureOf(() => {
      checkPacked(packed, 10)
    })
    expect(error.code).toBe('INPUT_INVALID')
    expect(error.message).toContain(message)
  })
})
