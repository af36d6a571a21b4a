import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { BUILT_IN_MODELS, STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import { estimateMemory } from '../../../registry/memory.js'
import { RUN_TOKENS } from '../../../src/packed/packing.js'
import type { PlanRequest } from '../../../src/pool/plan.js'
import { MAX_WORKERS, planModel } from '../../../src/pool/plan.js'

const OPEN: PlanRequest = {
  cores: 2,
  available: 64e9,
  workers: undefined,
  threads: undefined,
  maxLength: 512,
  dimensions: [256],
  precision: 'int8',
  weights: 'shared',
  storedBytes: undefined,
}

const anyModel = fc.constantFrom(...BUILT_IN_MODELS)
const anyCount = fc.integer({ min: 1, max: 32 })
const anyRequest: fc.Arbitrary<PlanRequest> = fc.record({
  cores: fc.integer({ min: 1, max: 256 }),
  available: fc.integer({ min: 0, max: 200e9 }),
  workers: fc.option(anyCount, { nil: undefined }),
  threads: fc.option(anyCount, { nil: undefined }),
  maxLength: fc.integer({ min: 4, max: 8192 }),
  dimensions: fc.constant([256]),
  precision: fc.constantFrom('fp32' as const, 'int8' as const, 'int4' as const),
  weights: fc.constantFrom('shared' as const, 'own' as const, undefined),
  storedBytes: fc.option(fc.integer({ min: 0, max: 7e9 }), { nil: undefined }),
})

describe('a plan', () => {
  it('gives each core a worker where they share weights, in int8 and int4', () => {
    for (const info of BUILT_IN_MODELS) {
      for (const cores of [1, 2, 4]) {
        for (const precision of ['int8', 'int4'] as const) {
          expect(planModel(info, { ...OPEN, cores, precision })).toMatchObject({ workers: cores, threads: 1 })
        }
      }
    }
  })

  it('gives a run two threads in fp32, which are worth nearly two workers; a small model has no use for them', () => {
    const plans = [1, 2, 3, 4, 8, 16].map((cores) =>
      planModel(STELLA_EN_400M_V5, { ...OPEN, cores, precision: 'fp32' }),
    )
    expect(plans.map(({ workers, threads }) => [workers, threads])).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 2],
      [4, 2],
      [4, 4],
    ])
    const small = planModel(STELLA_NANO, { ...OPEN, cores: 4, precision: 'fp32', weights: undefined })
    expect(small).toMatchObject({ workers: 4, threads: 1 })
  })

  it('gives more cores than it has workers to the threads of a run', () => {
    const plans = [6, 8, 12, 16, 64].map((cores) => planModel(STELLA_EN_400M_V5, { ...OPEN, cores }))
    expect(plans.map(({ workers, threads }) => [workers, threads])).toEqual([
      [3, 2],
      [4, 2],
      [4, 3],
      [4, 4],
      [4, 16],
    ])
  })

  it('gives a large model one worker with all cores where each further one would copy its weights', () => {
    for (const info of [STELLA_EN_400M_V5, STELLA_EN_1_5B_V5]) {
      for (const precision of ['fp32', 'int8'] as const) {
        const plan = planModel(info, { ...OPEN, cores: 4, weights: 'own', precision })
        expect(plan).toMatchObject({ workers: 1, threads: 4 })
      }
    }
    expect(planModel(STELLA_NANO, { ...OPEN, cores: 4, weights: 'own' })).toMatchObject({ workers: 4, threads: 1 })
  })

  it('has fewer workers where memory is short, and gives them the cores', () => {
    const of = (workers: number) => planModel(STELLA_EN_400M_V5, { ...OPEN, workers }).memory.total
    const plan = (available: number) => planModel(STELLA_EN_400M_V5, { ...OPEN, cores: 4, available })
    expect(plan(of(4))).toMatchObject({ workers: 4, threads: 1 })
    // Three would leave a core idle.
    expect(plan(of(4) - 1)).toMatchObject({ workers: 2, threads: 2 })
    expect(plan(of(2))).toMatchObject({ workers: 2, threads: 2 })
    expect(plan(of(2) - 1)).toMatchObject({ workers: 1, threads: 4 })
    expect(plan(of(1))).toMatchObject({ workers: 1, threads: 4 })
    expect(plan(0)).toMatchObject({ workers: 1, threads: 4 })
  })

  it('never takes more than there is by itself, unless one worker does', () => {
    fc.assert(
      fc.property(anyModel, anyRequest, (info, request) => {
        const { workers, memory } = planModel(info, { ...request, workers: undefined })
        expect(workers === 1 || memory.total <= request.available).toBe(true)
      }),
    )
  })

  it('never starts more threads by itself than there are cores, and at least one each', () => {
    fc.assert(
      fc.property(anyModel, anyRequest, (info, request) => {
        const { workers, threads } = planModel(info, { ...request, workers: undefined, threads: undefined })
        expect(workers * threads).toBeLessThanOrEqual(request.cores)
        expect(workers).toBeLessThanOrEqual(MAX_WORKERS)
        // With one of the two fixed, the other makes the best of it.
        const [some, wide] = [
          planModel(info, { ...request, threads: undefined }),
          planModel(info, { ...request, workers: undefined }),
        ]
        expect(some.threads === 1 || some.workers * some.threads <= request.cores).toBe(true)
        expect(wide.workers === 1 || wide.workers * wide.threads <= request.cores).toBe(true)
        for (const plan of [some, wide]) expect(Math.min(plan.workers, plan.threads)).toBeGreaterThanOrEqual(1)
      }),
    )
  })

  it('has no fewer workers with more memory', () => {
    fc.assert(
      fc.property(anyModel, anyRequest, fc.integer({ min: 0, max: 50e9 }), (info, request, more) => {
        const available = request.available + more
        expect(planModel(info, { ...request, available }).workers).toBeGreaterThanOrEqual(
          planModel(info, request).workers,
        )
      }),
    )
  })

  it('takes the caller’s numbers, whatever they cost, and costs what the registry estimates for them', () => {
    fc.assert(
      fc.property(anyModel, anyRequest, (info, request) => {
        const plan = planModel(info, request)
        expect(plan.workers).toBe(request.workers ?? plan.workers)
        expect(plan.threads).toBe(request.threads ?? plan.threads)
        const { precision, weights, storedBytes, dimensions, maxLength } = request
        const runTokens = Math.max(RUN_TOKENS, maxLength)
        const shape = { workers: plan.workers, runTokens, dimensions, precision, weights, storedBytes }
        expect(plan.memory).toEqual(estimateMemory(info, shape))
      }),
    )
  })

  it('has memory for a full run, also where texts are short', () => {
    const short = planModel(STELLA_NANO, { ...OPEN, maxLength: 8 })
    expect(short.memory).toEqual(planModel(STELLA_NANO, { ...OPEN, maxLength: RUN_TOKENS }).memory)
  })
})
