/** Several models under one budget, and what would fit instead: every suggestion is held to its word. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { BUILT_IN_MODELS, STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../../registry/index.js'
import type { Alternative } from '../../../../src/cli/plan/alternatives.js'
import { alternatives, leastMemory, longestThatFits, memoryText } from '../../../../src/cli/plan/alternatives.js'
import type { PlanLimits } from '../../../../src/cli/plan/plan-models.js'
import { allFit, checkMaxLength, planModels } from '../../../../src/cli/plan/plan-models.js'
import type { PlanSubject } from '../../../../src/cli/plan/subject.js'
import { estimatedSubject } from '../../../../src/cli/plan/subject.js'
import { MIN_MAX_LENGTH } from '../../../../src/inference/options.js'
import { RUN_TOKENS } from '../../../../src/packed/packing.js'
import { resolveMemoryBudget } from '../../../../src/pool/memory-budget.js'
import { failureOf } from '../../../support/failure.js'

const LIMITS: PlanLimits = { budget: 64e9, cores: 2, workers: undefined, threads: undefined, maxLength: undefined }

const MIDDLE = estimatedSubject(STELLA_EN_400M_V5, 'int8')
const LARGE = estimatedSubject(STELLA_EN_1_5B_V5, 'int8')

const anyCount = fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined })
const anyLimits: fc.Arbitrary<PlanLimits> = fc.record({
  budget: fc.integer({ min: 1, max: 12e9 }),
  cores: fc.integer({ min: 1, max: 16 }),
  workers: anyCount,
  threads: anyCount,
  maxLength: fc.option(fc.integer({ min: MIN_MAX_LENGTH, max: 8192 }), { nil: undefined }),
})
const anySubject: fc.Arbitrary<PlanSubject> = fc.record({
  info: fc.constantFrom(...BUILT_IN_MODELS),
  precision: fc.constantFrom('fp32' as const, 'int8' as const, 'int4' as const),
  artefact: fc.constant(undefined),
  storedBytes: fc.constant(undefined),
  weights: fc.constantFrom('own' as const, undefined),
})
const anySubjects = fc.uniqueArray(anySubject, { minLength: 1, maxLength: 3, selector: ({ info }) => info.key })

describe('planModels', () => {
  it('plans each model in what those before it have left', () => {
    const [first, second] = planModels([MIDDLE, LARGE], LIMITS)
    expect(first).toMatchObject({ available: 64e9, maxLength: 512, batchTokens: 512, refusal: undefined })
    expect(second?.available).toBeCloseTo(64e9 - (first?.plan.memory.total ?? 0), 0)
  })

  it('refuses as a pool does, and what is refused takes nothing from those after it', () => {
    const [large, middle] = planModels([LARGE, MIDDLE], { ...LIMITS, budget: 2e9 })
    expect(large?.refusal).toMatchObject({
      code: 'MEMORY_EXHAUSTED',
      details: { model: 'stella-en-1.5b-v5', budget: 2e9, available: 2e9, workers: 1, precision: 'int8' },
    })
    expect(large?.refusal?.message).toMatch(/made of .* process \+ 1 workers × \(/)
    expect(middle).toMatchObject({ available: 2e9, refusal: undefined })
  })

  it('takes the length asked for, up to what each model reads; a batch is never less than a run', () => {
    const plans = planModels([MIDDLE, estimatedSubject(STELLA_NANO, 'fp32')], { ...LIMITS, maxLength: 8192 })
    expect(plans.map(({ maxLength, batchTokens }) => [maxLength, batchTokens])).toEqual([
      [8192, 8192],
      [2048, 2048],
    ])
    expect(planModels([MIDDLE], { ...LIMITS, maxLength: 10 })[0]).toMatchObject({
      maxLength: 10,
      batchTokens: RUN_TOKENS,
    })
  })

  it('charges all heads, and a copy for each worker where weights cannot be shared', () => {
    const shared = planModels([MIDDLE], { ...LIMITS, workers: 2 })[0]?.plan.memory
    const own = planModels([{ ...MIDDLE, weights: 'own' }], { ...LIMITS, workers: 2 })[0]?.plan.memory
    expect(shared?.weights).toBeGreaterThan(80e6)
    expect(own?.total).toBeGreaterThan((shared?.total ?? 0) + 390e6)
  })

  it('goes by the size of the artefact where there is one', () => {
    const [estimated, found] = planModels([MIDDLE, { ...LARGE, storedBytes: 3e9 }], LIMITS)
    expect(estimated?.plan.memory.shared).toBeLessThan(0.5e9)
    expect(found?.plan.memory.shared).toBeCloseTo(3e9, -1)
  })
})

describe('checkMaxLength', () => {
  it('takes what one of the models takes, and refuses what none does', async () => {
    checkMaxLength([STELLA_NANO, STELLA_EN_400M_V5], 8192)
    checkMaxLength([STELLA_NANO], undefined)
    for (const length of [1, 3, 8193]) {
      const failure = await failureOf(() => {
        checkMaxLength([STELLA_NANO, STELLA_EN_400M_V5], length)
      })
      expect(failure).toMatchObject({ code: 'OPTION_INVALID' })
      expect(failure.message).toContain('from 4 to 8192')
    }
  })
})

describe('what would fit', () => {
  it('is nothing where everything fits', () => {
    expect(alternatives([MIDDLE], LIMITS)).toEqual([])
  })

  it('is shorter texts, fewer workers, more memory or another precision', () => {
    const limits = { ...LIMITS, budget: 3e9, workers: 3, maxLength: 8192 }
    const options = alternatives([estimatedSubject(STELLA_EN_400M_V5, 'fp32')], limits).map(({ option }) => option)
    expect(options).toContain('memory')
    expect(options).toContain('max-length')
    expect(options).toContain('workers')
  })

  const applied = (limits: PlanLimits, { option, value }: Alternative): PlanLimits => {
    switch (option) {
      case 'memory':
        return { ...limits, budget: resolveMemoryBudget(value, { usable: 64e9, total: 64e9 }) }
      case 'max-length':
        return { ...limits, maxLength: Number(value) }
      case 'workers':
        return { ...limits, workers: Number(value) }
      case 'precision':
        return limits
    }
  }

  it('does fit, each of it, as it is typed', () => {
    fc.assert(
      fc.property(anySubjects, anyLimits, (subjects, limits) => {
        for (const one of alternatives(subjects, limits)) {
          const precision = one.option === 'precision' ? one.value : undefined
          const changed = subjects.map((subject) =>
            precision === 'fp32' || precision === 'int8' || precision === 'int4'
              ? estimatedSubject(subject.info, precision)
              : subject,
          )
          expect(allFit(changed, applied(limits, one)), `${one.option} ${one.value}`).toBe(true)
        }
      }),
    )
  })

  it('includes the least memory: it fits, and a byte less does not', () => {
    fc.assert(
      fc.property(anySubjects, anyLimits, (subjects, limits) => {
        const least = leastMemory(subjects, limits)
        expect(allFit(subjects, { ...limits, budget: least })).toBe(true)
        expect(allFit(subjects, { ...limits, budget: least - 1 })).toBe(false)
      }),
    )
  })

  it('includes the longest texts of a model: they fit, and a token more does not', () => {
    fc.assert(
      fc.property(anySubject, anyLimits, (subject, limits) => {
        const longest = longestThatFits([subject], limits)
        const { max } = subject.info.tokens
        if (longest === undefined) {
          expect(allFit([subject], { ...limits, maxLength: MIN_MAX_LENGTH })).toBe(false)
          return
        }
        expect(allFit([subject], { ...limits, maxLength: longest })).toBe(true)
        if (longest < max) expect(allFit([subject], { ...limits, maxLength: longest + 1 })).toBe(false)
      }),
    )
  })

  it('names memory so that --memory takes it, and never less than is needed', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e12, noNaN: true }), (bytes) => {
        const budget = resolveMemoryBudget(memoryText(bytes), { usable: 1, total: 1 })
        expect(budget).toBeGreaterThanOrEqual(bytes)
        expect(budget).toBeLessThan(bytes + 1e7 + 1)
      }),
    )
  })
})
