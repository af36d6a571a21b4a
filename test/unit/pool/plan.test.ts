import { availableParallelism } from 'node:os'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { BUILT_IN_MODELS, STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import { estimateMemory } from '../../../registry/memory.js'
import { RUN_TOKENS } from '../../../src/packed/packing.js'
import { planModel } from '../../../src/pool/plan.js'

const CORES = availableParallelism()
const OPEN = { workers: undefined, threads: undefined, maxLength: 512, dimensions: [256] }

describe('a plan', () => {
  it('gives a large model one worker with all cores: each further one would copy its weights', () => {
    for (const info of [STELLA_EN_400M_V5, STELLA_EN_1_5B_V5]) {
      expect(planModel(info, OPEN)).toMatchObject({ workers: 1, threads: CORES })
    }
  })

  it('gives a small model a worker per core', () => {
    expect(planModel(STELLA_NANO, OPEN)).toMatchObject({ workers: CORES, threads: 1 })
  })

  it('takes the caller’s numbers, and costs what the registry estimates for them', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...BUILT_IN_MODELS),
        fc.option(fc.integer({ min: 1, max: 32 }), { nil: undefined }),
        fc.option(fc.integer({ min: 1, max: 32 }), { nil: undefined }),
        fc.integer({ min: 4, max: 8192 }),
        (info, workers, threads, maxLength) => {
          const plan = planModel(info, { workers, threads, maxLength, dimensions: [256] })
          expect(plan.workers).toBe(workers ?? plan.workers)
          expect(plan.threads).toBe(threads ?? plan.threads)
          expect(plan.workers).toBeGreaterThanOrEqual(1)
          expect(plan.threads).toBeGreaterThanOrEqual(1)
          const runTokens = Math.max(RUN_TOKENS, maxLength)
          expect(plan.memory).toEqual(estimateMemory(info, { workers: plan.workers, runTokens, dimensions: [256] }))
        },
      ),
    )
  })

  it('never starts more threads by itself than there are cores, and at least one each', () => {
    for (let workers = 1; workers <= 4 * CORES; workers++) {
      const { threads } = planModel(STELLA_NANO, { ...OPEN, workers })
      expect(threads).toBeGreaterThanOrEqual(1)
      expect(threads === 1 || workers * threads <= CORES).toBe(true)
    }
  })

  it('has memory for a full run, also where texts are short', () => {
    const short = planModel(STELLA_NANO, { ...OPEN, maxLength: 8 })
    expect(short.memory).toEqual(planModel(STELLA_NANO, { ...OPEN, maxLength: RUN_TOKENS }).memory)
  })
})
