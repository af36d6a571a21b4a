import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { BUILT_IN_MODELS, STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import type { MemoryShape } from '../../../registry/memory.js'
import { MIN_SHARED_BYTES, estimateMemory } from '../../../registry/memory.js'

const LARGE = [STELLA_EN_400M_V5, STELLA_EN_1_5B_V5]
const PRECISIONS = ['fp32', 'int8', 'int4'] as const
const ONE = { workers: 1, runTokens: 512, dimensions: [] } as const satisfies MemoryShape

const anyModel = fc.constantFrom(...BUILT_IN_MODELS)
const anyShape: fc.Arbitrary<MemoryShape> = fc.record({
  workers: fc.integer({ min: 1, max: 64 }),
  runTokens: fc.integer({ min: 1, max: 8192 }),
  dimensions: fc.constantFrom([], [256], [256, 1024]),
  precision: fc.constantFrom(undefined, ...PRECISIONS),
  weights: fc.constantFrom(undefined, 'shared' as const, 'own' as const),
  storedBytes: fc.option(fc.integer({ min: 0, max: 8e9 }), { nil: undefined }),
})

describe('estimateMemory', () => {
  it('totals to the stated sum: some of it once, the rest for each worker', () => {
    fc.assert(
      fc.property(anyModel, anyShape, (info, shape) => {
        const { shared, once, weights, scratch, base, total } = estimateMemory(info, shape)
        return total === shared + once + shape.workers * (weights + scratch + base)
      }),
    )
  })

  it('charges a process for the tokenizer of a large vocabulary, and workers for each layer', () => {
    const [small, middle, large] = [STELLA_NANO, ...LARGE].map((info) => estimateMemory(info, ONE))
    expect((middle?.once ?? 0) - (small?.once ?? 0)).toBeCloseTo(2.6e6, -6)
    expect((large?.once ?? 0) - (small?.once ?? 0)).toBeCloseTo(107e6, -6)
    expect((middle?.base ?? 0) - (small?.base ?? 0)).toBeCloseTo(21 * 1.1e6, 0)
  })

  it('charges scores by the square of the length, up to where long texts take another path', () => {
    const scratch = (runTokens: number) => estimateMemory(STELLA_EN_400M_V5, { ...ONE, runTokens }).scratch
    const perToken = scratch(1001) - scratch(1000)
    // Places are bounded by the run, so that the scores of a run of n tokens are heads × 1,024 × n, up to n = 512.
    expect(scratch(512) - scratch(256) - 256 * perToken).toBeCloseTo(1.6 * 4 * 16 * 1024 * 256, 3)
    expect(scratch(8192) - scratch(512) - 7680 * perToken).toBeCloseTo(0, 3)
  })

  it('grows with workers and with tokens', () => {
    fc.assert(
      fc.property(anyModel, anyShape, (info, shape) => {
        const here = estimateMemory(info, shape).total
        const wider = estimateMemory(info, { ...shape, workers: shape.workers + 1 }).total
        const longer = estimateMemory(info, { ...shape, runTokens: shape.runTokens + 1 }).total
        return wider > here && longer > here
      }),
    )
  })

  it('is finite and not negative in every part', () => {
    fc.assert(
      fc.property(anyModel, anyShape, (info, shape) => {
        const parts = Object.values(estimateMemory(info, shape))
        return parts.every((part: number) => Number.isFinite(part) && part >= 0)
      }),
    )
  })

  it('charges a head only where it is used, and no head that the model lacks', () => {
    const bare = estimateMemory(STELLA_EN_400M_V5, ONE)
    const one = estimateMemory(STELLA_EN_400M_V5, { ...ONE, dimensions: [768] })
    const foreign = estimateMemory(STELLA_EN_400M_V5, { ...ONE, dimensions: [512] })
    expect(one.weights - bare.weights).toBe(4 * 768 * 1025)
    expect(foreign).toEqual(bare)
  })

  it('charges weights once where they are shared, and to each worker where they are not', () => {
    for (const info of LARGE) {
      for (const precision of PRECISIONS) {
        const [shared, own] = (['shared', 'own'] as const).map((weights) =>
          estimateMemory(info, { ...ONE, precision, weights }),
        )
        expect(shared?.weights).toBe(0)
        expect(own?.weights).toBeGreaterThan(0.5 * info.parameters.layers)
        // One worker holds them either way.
        expect(shared?.total).toBeCloseTo(own?.total ?? 0, 0)
      }
    }
  })

  it('takes weights for shared from the size on from which they are, unless it is told', () => {
    for (const info of LARGE) expect(estimateMemory(info, ONE).weights).toBe(0)
    expect(estimateMemory(STELLA_NANO, ONE).weights).toBeGreaterThan(0)
    expect(estimateMemory(STELLA_NANO, { ...ONE, weights: 'shared' }).weights).toBe(0)
    expect(estimateMemory(STELLA_NANO, { ...ONE, storedBytes: MIN_SHARED_BYTES }).weights).toBe(0)
    expect(estimateMemory(STELLA_NANO, { ...ONE, storedBytes: MIN_SHARED_BYTES - 1 }).weights).toBeGreaterThan(0)
  })

  it('holds the whole model in fp32: 4 bytes for each parameter', () => {
    for (const info of LARGE) {
      const { shared, weights } = estimateMemory(info, ONE)
      expect(shared + weights).toBe(4 * (info.parameters.embedding + info.parameters.layers))
    }
  })

  it('holds no more in a smaller precision', () => {
    for (const info of LARGE) {
      const totals = PRECISIONS.map((precision) => estimateMemory(info, { ...ONE, precision }).shared)
      expect(totals).toEqual([...totals].sort((a, b) => b - a))
      expect(totals[1]).toBeLessThan((totals[0] ?? 0) / 2)
    }
  })

  // What a full-size 400M came to on disk, its table of 30,528 rows (and two token types) included.
  it.each([
    ['fp32', 1_736_552_448],
    ['int8', 467_349_504],
  ] as const)('comes close to the real weights in %s, and not below', (precision, bytes) => {
    const { architecture, parameters } = STELLA_EN_400M_V5
    const embedding = (30_528 + 2) * architecture.hidden
    const info = { ...STELLA_EN_400M_V5, parameters: { ...parameters, embedding } }
    const { shared } = estimateMemory(info, { ...ONE, precision })
    expect(shared / bytes).toBeGreaterThan(0.9999)
    expect(shared / bytes).toBeLessThan(1.01)
  })

  it('takes the artefact’s own size where it is known: conversion may have chosen dearer schemes', () => {
    const guess = estimateMemory(STELLA_EN_400M_V5, { ...ONE, precision: 'int8' })
    const known = estimateMemory(STELLA_EN_400M_V5, { ...ONE, precision: 'int8', storedBytes: guess.shared + 100e6 })
    expect(known.shared - guess.shared).toBeCloseTo(100e6, 0)
  })

  it('has room for the roundings of activations', () => {
    const scratch = (precision: 'fp32' | 'int8' | 'int4') =>
      estimateMemory(STELLA_EN_400M_V5, { ...ONE, precision }).scratch
    expect(scratch('int4')).toBeGreaterThan(scratch('fp32'))
    expect(scratch('int8')).toBeGreaterThan(scratch('int4'))
  })
})

// `npm run bench:memory`: Pss of the process beyond what it held before, at the most that any run can take, in MB. Of the
// 400M a stand-in with two heads.
describe('the ledger against what is held at peak', () => {
  const { parameters } = STELLA_EN_400M_V5
  const standIn = { ...STELLA_EN_400M_V5, parameters: { ...parameters, embedding: (30_528 + 2) * 1024 } }
  const models = {
    '400M': { info: standIn, dimensions: [256, 1024] },
    nano: { info: STELLA_NANO, dimensions: [256, 512] },
  }
  it.each([
    ['400M', 'fp32', 'shared', 1, 512, 1891],
    ['400M', 'fp32', 'shared', 2, 512, 2066],
    ['400M', 'fp32', 'shared', 4, 512, 2347],
    ['400M', 'int8', 'shared', 1, 512, 650],
    ['400M', 'int8', 'shared', 2, 512, 797],
    ['400M', 'int8', 'shared', 4, 512, 1120],
    ['400M', 'int8', 'shared', 1, 8192, 1508],
    ['400M', 'int8', 'own', 2, 512, 1239],
    ['400M', 'int4', 'shared', 1, 512, 559],
    ['nano', 'fp32', 'own', 1, 2048, 186],
    ['nano', 'fp32', 'own', 4, 2048, 413],
    ['nano', 'int8', 'own', 1, 2048, 168],
    ['nano', 'int8', 'own', 4, 2048, 403],
    ['nano', 'int4', 'own', 1, 2048, 165],
    ['nano', 'int4', 'own', 4, 2048, 435],
  ] as const)('%s in %s, %s, %i workers, %i tokens: %i MB', (name, precision, weights, workers, runTokens, held) => {
    const { info, dimensions } = models[name]
    const { total } = estimateMemory(info, { dimensions, precision, weights, workers, runTokens })
    expect(total / 1e6).toBeGreaterThanOrEqual(held)
    expect(total / 1e6).toBeLessThanOrEqual(1.3 * held)
  })
})
