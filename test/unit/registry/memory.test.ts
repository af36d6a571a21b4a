import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { BUILT_IN_MODELS, STELLA_EN_1_5B_V5, STELLA_EN_400M_V5 } from '../../../registry/index.js'
import { estimateMemory } from '../../../registry/memory.js'

const anyModel = fc.constantFrom(...BUILT_IN_MODELS)
const anyWorkers = fc.integer({ min: 1, max: 64 })
const anyTokens = fc.integer({ min: 1, max: 8192 })

describe('estimateMemory', () => {
  it('totals to the stated sum: shared once, the rest for each worker', () => {
    fc.assert(
      fc.property(anyModel, anyWorkers, anyTokens, (info, workers, runTokens) => {
        const dimensions = [info.defaultDimensions]
        const { shared, weights, scratch, base, total } = estimateMemory(info, { workers, runTokens, dimensions })
        return total === shared + workers * (weights + scratch + base)
      }),
    )
  })

  it('grows with workers and with tokens', () => {
    fc.assert(
      fc.property(anyModel, anyWorkers, anyTokens, (info, workers, runTokens) => {
        const dimensions = [info.defaultDimensions]
        const here = estimateMemory(info, { workers, runTokens, dimensions }).total
        const wider = estimateMemory(info, { workers: workers + 1, runTokens, dimensions }).total
        const longer = estimateMemory(info, { workers, runTokens: runTokens + 1, dimensions }).total
        return wider > here && longer > here
      }),
    )
  })

  it('charges a head only where it is used, and no head that the model lacks', () => {
    const shape = { workers: 1, runTokens: 512 }
    const bare = estimateMemory(STELLA_EN_400M_V5, { ...shape, dimensions: [] })
    const one = estimateMemory(STELLA_EN_400M_V5, { ...shape, dimensions: [768] })
    const foreign = estimateMemory(STELLA_EN_400M_V5, { ...shape, dimensions: [512] })
    expect(one.weights - bare.weights).toBe(4 * 768 * 1025)
    expect(foreign).toEqual(bare)
  })

  it('holds the whole model: embedding shared, layers in each worker', () => {
    for (const info of [STELLA_EN_400M_V5, STELLA_EN_1_5B_V5]) {
      const { shared, weights } = estimateMemory(info, { workers: 1, runTokens: 512, dimensions: [] })
      expect(shared + weights).toBe(4 * (info.parameters.embedding + info.parameters.layers))
    }
  })

  it('is finite and positive in every part', () => {
    fc.assert(
      fc.property(anyModel, anyWorkers, anyTokens, (info, workers, runTokens) => {
        const dimensions = info.heads.map((head) => head.dimensions)
        const parts = Object.values(estimateMemory(info, { workers, runTokens, dimensions }))
        return parts.every((part: number) => Number.isFinite(part) && part > 0)
      }),
    )
  })
})
