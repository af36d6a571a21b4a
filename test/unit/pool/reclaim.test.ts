import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { Reclaim, Reclaimable, ReclaimStep } from '../../../src/pool/reclaim.js'
import { chooseSteps, reclaimableBytes } from '../../../src/pool/reclaim.js'

/** A model that answers this, and does nothing. */
function model(owner: string, lastUsed: number, offer: Reclaim): Reclaimable {
  const nothing = (): Promise<void> => Promise.resolve()
  return { owner, lastUsed, reclaimable: () => offer, shrink: nothing, evict: nothing }
}

function shown(steps: readonly ReclaimStep[]): readonly string[] {
  return steps.map(({ from, kind, bytes }) => `${kind} ${from.owner} ${bytes}`)
}

const anyModels = fc
  .array(
    fc.record({
      lastUsed: fc.nat({ max: 5 }),
      shrink: fc.nat({ max: 50 }),
      rest: fc.nat({ max: 100 }),
      state: fc.constantFrom('idle', 'busy', 'leaving'),
    }),
    { maxLength: 8 },
  )
  .map((all) =>
    all.map(({ lastUsed, shrink, rest, state }, index) =>
      model(String(index), lastUsed, {
        shrink: state === 'leaving' ? 0 : shrink,
        evict: state === 'busy' ? 0 : shrink + rest,
        leaving: state === 'leaving',
      }),
    ),
  )

const total = (steps: readonly ReclaimStep[]): number => steps.reduce((sum, { bytes }) => sum + bytes, 0)
const needed = fc.integer({ min: 1, max: 600 })

describe('the steps', () => {
  it('begin with idle workers, of the model that was used longest ago', () => {
    const models = [model('new', 9, { shrink: 10, evict: 40 }), model('old', 1, { shrink: 10, evict: 40 })]
    expect(shown(chooseSteps(models, 5))).toEqual(['shrink old 10'])
    expect(shown(chooseSteps(models, 15))).toEqual(['shrink old 10', 'shrink new 10'])
  })

  it('go on to whole models, the one used longest ago first', () => {
    const models = [model('new', 9, { shrink: 10, evict: 40 }), model('old', 1, { shrink: 10, evict: 40 })]
    expect(shown(chooseSteps(models, 40))).toEqual(['evict old 40'])
    expect(shown(chooseSteps(models, 45))).toEqual(['shrink new 10', 'evict old 40'])
    expect(shown(chooseSteps(models, 51))).toEqual(['evict old 40', 'evict new 40'])
  })

  it('spare small models where a large one must go anyway', () => {
    const models = [model('small', 1, { shrink: 0, evict: 10 }), model('large', 2, { shrink: 0, evict: 100 })]
    expect(shown(chooseSteps(models, 90))).toEqual(['evict large 100'])
  })

  it('let a model keep a worker where its idle ones turn out to do', () => {
    const models = [model('old', 1, { shrink: 20, evict: 100 }), model('new', 2, { shrink: 0, evict: 100 })]
    expect(shown(chooseSteps(models, 115))).toEqual(['shrink old 20', 'evict new 100'])
  })

  it('wait first for what is on its way out', () => {
    const models = [
      model('idle', 1, { shrink: 50, evict: 100 }),
      model('leaving', 9, { shrink: 0, evict: 60, leaving: true }),
    ]
    expect(shown(chooseSteps(models, 60))).toEqual(['evict leaving 60'])
    expect(shown(chooseSteps(models, 70))).toEqual(['evict leaving 60', 'shrink idle 50'])
  })

  it('ask nobody again who was asked: of one that has shrunk only the rest can be had', () => {
    const a = model('a', 1, { shrink: 10, evict: 40 })
    const b = model('b', 2, { shrink: 10, evict: 40 })
    expect(shown(chooseSteps([a, b], 5, new Map([[a, 'shrink']])))).toEqual(['shrink b 10'])
    expect(shown(chooseSteps([a, b], 45, new Map([[a, 'shrink']])))).toEqual(['shrink b 10', 'evict a 40'])
    expect(shown(chooseSteps([a, b], 45, new Map([[a, 'evict']])))).toEqual(['evict b 40'])
    expect(reclaimableBytes([a, b], new Map([[a, 'evict']]))).toBe(40)
  })

  it('suffice wherever there is enough, and are all there are where there is not', () => {
    fc.assert(
      fc.property(anyModels, needed, (models, bytes) => {
        const most = reclaimableBytes(models)
        expect(total(chooseSteps(models, bytes))).toBeGreaterThanOrEqual(Math.min(bytes, most))
        if (most <= bytes) expect(total(chooseSteps(models, bytes))).toBe(most)
      }),
    )
  })

  it('hold nothing needless: without any of those that cost something it would not do', () => {
    fc.assert(
      fc.property(anyModels, needed, (models, bytes) => {
        const steps = chooseSteps(models, bytes)
        for (const step of steps.filter(({ from }) => from.reclaimable().leaving !== true)) {
          expect(total(steps) - step.bytes).toBeLessThan(bytes)
          const { shrink } = step.from.reclaimable()
          if (step.kind === 'evict' && shrink > 0) expect(total(steps) - step.bytes + shrink).toBeLessThan(bytes)
        }
      }),
    )
  })

  it('ask each model once, for what it offers, and evict none that is busy', () => {
    fc.assert(
      fc.property(anyModels, needed, (models, bytes) => {
        const steps = chooseSteps(models, bytes)
        expect(new Set(steps.map(({ from }) => from)).size).toBe(steps.length)
        for (const { from, kind, bytes: expected } of steps) {
          expect(expected).toBeGreaterThan(0)
          expect(from.reclaimable()[kind]).toBe(expected)
        }
      }),
    )
  })

  it('evict nobody while idle workers would do', () => {
    fc.assert(
      fc.property(anyModels, needed, (models, bytes) => {
        const idle = models.reduce((sum, one) => {
          const { shrink, evict, leaving } = one.reclaimable()
          return sum + (leaving === true ? evict : shrink)
        }, 0)
        fc.pre(bytes <= idle)
        const evicted = chooseSteps(models, bytes).filter(({ kind }) => kind === 'evict')
        expect(evicted.every(({ from }) => from.reclaimable().leaving === true)).toBe(true)
      }),
    )
  })
})
