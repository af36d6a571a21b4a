/** Which of the waiting texts go next. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { TextLane, TextSource } from '../../../src/text/text-lanes.js'
import { TextLanes } from '../../../src/text/text-lanes.js'

interface Named extends TextSource {
  readonly name: string
}

const LIMITS = { texts: 8, characters: 100, textsPerTurn: 2, urgentTurns: 3 } as const

function source(name: string, texts: number | readonly string[], lane: TextLane = 'bulk', promptLength = 0): Named {
  return { name, lane, promptLength, texts: typeof texts === 'number' ? new Array<string>(texts).fill('x') : texts }
}

/** What a native call takes, as `name:first-end`. */
function take(lanes: TextLanes<Named>, giants = true): readonly string[] {
  return lanes.take(giants).slices.map(({ source: { name }, first, end }) => `${name}:${first}-${end}`)
}

function lanesOf(...sources: readonly Named[]): TextLanes<Named> {
  const lanes = new TextLanes<Named>(LIMITS)
  for (const one of sources) lanes.add(one)
  return lanes
}

describe('a native call', () => {
  it('takes urgent texts first, then bulk', () => {
    const lanes = lanesOf(source('bulk', 10), source('urgent', 3, 'interactive'))
    expect(take(lanes)).toEqual(['urgent:0-3', 'bulk:0-5'])
    expect(take(lanes)).toEqual(['bulk:5-10'])
    expect(take(lanes)).toEqual([])
  })

  it('takes many calls of one text together', () => {
    const lanes = lanesOf(...Array.from({ length: 10 }, (_, index) => source(`c${index}`, 1, 'interactive')))
    expect(take(lanes)).toHaveLength(8)
    expect(take(lanes)).toEqual(['c8:0-1', 'c9:0-1'])
  })

  it('is shared by the calls of a lane, turn by turn', () => {
    const lanes = lanesOf(source('a', 1000), source('b', 3), source('c', 1000))
    expect(take(lanes)).toEqual(['a:0-4', 'b:0-2', 'c:0-2'])
    expect(take(lanes)).toEqual(['b:2-3', 'c:2-6', 'a:4-7'])
  })

  it('that is full in the middle of a turn lets the next one go on with it, and no longer', () => {
    const lanes = lanesOf(source('a', new Array<string>(4).fill('x'.repeat(60))), source('b', ['x'.repeat(60)]))
    expect([take(lanes), take(lanes), take(lanes), take(lanes)].flat()).toEqual(['a:0-1', 'a:1-2', 'b:0-1', 'a:2-3'])
  })

  it('does not make ten texts wait behind a hundred thousand', () => {
    const lanes = lanesOf(source('huge', 100_000), source('small', 10))
    const calls = [take(lanes), take(lanes), take(lanes)].flat()
    expect(calls.filter((slice) => slice.startsWith('small')).at(-1)).toMatch(/-10$/)
  })

  it('counts prompts as characters', () => {
    const lanes = lanesOf(source('a', 5, 'bulk', 49))
    expect(take(lanes)).toEqual(['a:0-2'])
  })

  it('takes a text over its bounds alone', () => {
    const lanes = lanesOf(source('a', ['x', 'x'.repeat(101), 'x']))
    expect(take(lanes)).toEqual(['a:0-1'])
    expect(lanes.take().isGiant).toBe(true)
    expect(lanes.take()).toMatchObject({ isGiant: false, slices: [{ first: 2, end: 3 }] })
  })

  it('passes over a giant while another is under way, and takes what stands behind it', () => {
    const lanes = lanesOf(source('giant', ['x'.repeat(101)]), source('b', 1))
    expect(take(lanes, false)).toEqual(['b:0-1'])
    expect(take(lanes, false)).toEqual([])
    expect(take(lanes)).toEqual(['giant:0-1'])
  })

  it('begins with a bulk call’s turn after so many without a bulk text', () => {
    const lanes = lanesOf(source('bulk', 3), source('urgent', 1000, 'interactive'))
    for (let turn = 0; turn < LIMITS.urgentTurns; turn++) expect(take(lanes)).toHaveLength(1)
    expect(take(lanes)).toEqual(['bulk:0-2', expect.stringMatching(/^urgent/)])
    for (let turn = 0; turn < LIMITS.urgentTurns; turn++) expect(take(lanes)).toHaveLength(1)
    expect(take(lanes)).toEqual(['bulk:2-3', expect.stringMatching(/^urgent/)])
  })

  it('that is begun by bulk takes a long text too, which would fit behind no urgent one', () => {
    const lanes = lanesOf(source('bulk', ['x'.repeat(100)]), source('urgent', 1000, 'interactive'))
    const calls = Array.from({ length: LIMITS.urgentTurns + 1 }, () => take(lanes))
    expect(calls.at(-1)).toEqual(['bulk:0-1'])
  })

  it('leaves out what was withdrawn', () => {
    const [a, b] = [source('a', 20), source('b', 1)]
    const lanes = lanesOf(a, b)
    expect(take(lanes)).toEqual(['a:0-7', 'b:0-1'])
    lanes.remove(a)
    lanes.remove(a)
    expect(take(lanes)).toEqual([])
  })
})

it('a call of n texts behind k others is done once each of them has had its turns, however large they are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 9 }),
      (others, texts) => {
        const lanes = lanesOf(...others.map((count, index) => source(`o${index}`, count)))
        const own = source('own', texts)
        lanes.add(own)
        const rounds = Math.ceil(texts / LIMITS.textsPerTurn)
        const turns = (others.length + 1) * rounds
        const calls = Math.ceil((turns * LIMITS.textsPerTurn) / LIMITS.texts)
        const taken = Array.from({ length: calls }, () => lanes.take().slices).flat()
        expect(taken.filter((slice) => slice.source === own).at(-1)?.end).toBe(texts)
      },
    ),
    { numRuns: 1000 },
  )
})

/** What is done to the lanes, in turn. */
const anyStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ step: fc.constant('take' as const), giants: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant('add' as const),
      lane: fc.constantFrom('interactive' as const, 'bulk' as const),
      lengths: fc.array(fc.oneof(fc.nat(5), fc.nat(130)), { maxLength: 20 }),
      promptLength: fc.nat(10),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('remove' as const), which: fc.nat(10) }) },
)

it('whatever the order of things: every text is taken once, in order, unless it was withdrawn; no bound is exceeded', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const lanes = new TextLanes<Named>(LIMITS)
      const sources: Named[] = []
      const next = new Map<Named, number>()
      const removed = new Set<Named>()
      const check = (giants: boolean): boolean => {
        const { slices, isGiant } = lanes.take(giants)
        let [texts, characters] = [0, 0]
        for (const { source: own, first, end } of slices) {
          expect(removed).not.toContain(own)
          expect(first).toBe(next.get(own) ?? 0)
          expect(end).toBeGreaterThan(first)
          next.set(own, end)
          texts += end - first
          for (const text of own.texts.slice(first, end)) characters += text.length + own.promptLength
        }
        expect(texts).toBeLessThanOrEqual(LIMITS.texts)
        expect(isGiant).toBe(characters > LIMITS.characters)
        if (isGiant) expect({ giants, texts }).toEqual({ giants: true, texts: 1 })
        expect(new Set(slices.map((slice) => slice.source)).size).toBe(slices.length)
        return slices.length > 0
      }
      for (const [index, step] of steps.entries()) {
        if (step.step === 'take') check(step.giants)
        else if (step.step === 'add') {
          const { lane, promptLength, lengths } = step
          const texts = lengths.map((length) => 'x'.repeat(length))
          sources.push(source(`c${index}`, texts, lane, promptLength))
          for (const added of sources.slice(-1)) lanes.add(added)
        } else {
          const own = sources[step.which % Math.max(1, sources.length)]
          if (own === undefined || (next.get(own) ?? 0) === own.texts.length) continue
          lanes.remove(own)
          removed.add(own)
        }
      }
      while (check(true));
      for (const own of sources) if (!removed.has(own)) expect(next.get(own) ?? 0).toBe(own.texts.length)
    }),
    { numRuns: 500 },
  )
})
