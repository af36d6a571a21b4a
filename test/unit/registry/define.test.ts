import { describe, expect, it } from 'vitest'

import { countParameters, defineModel } from '../../../registry/define.js'
import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import type { StellaModelInfo } from '../../../registry/types.js'

const FLOAT_BYTES = 4

/** A safetensors header of some 300 tensors: about 30 kB for the 400M. */
const MAX_HEADER_BYTES = 100_000

function backboneBytes({ parameters }: StellaModelInfo): number {
  return (parameters.embedding + parameters.layers) * FLOAT_BYTES
}

describe('countParameters', () => {
  it('accounts for the real 400M file to within its header, the unused pooler included', () => {
    const published = 1_740_785_344
    const pooler = (1024 * 1024 + 1024) * FLOAT_BYTES
    const header = published - backboneBytes(STELLA_EN_400M_V5) - pooler
    expect(header).toBeGreaterThan(0)
    expect(header).toBeLessThan(MAX_HEADER_BYTES)
  })

  it('accounts for the real 1.5B file of 6.17 GB', () => {
    expect(backboneBytes(STELLA_EN_1_5B_V5) / 1e9).toBeCloseTo(6.17, 2)
  })

  it('counts a head as its matrix and its bias', () => {
    const { architecture } = STELLA_EN_400M_V5
    expect(countParameters(architecture, [{ dimensions: 768, folder: '2_Dense_768' }]).heads).toEqual([768 * 1025])
    // 2_Dense_1024/model.safetensors is published with 4,198,592 bytes.
    const [square] = countParameters(architecture, [{ dimensions: 1024, folder: '2_Dense_1024' }]).heads
    const header = 4_198_592 - (square ?? 0) * FLOAT_BYTES
    expect(header).toBeGreaterThan(0)
    expect(header).toBeLessThan(1000)
  })
})

describe('defineModel', () => {
  const given = structuredClone(STELLA_NANO)

  it('sorts heads by size, whatever order they come in', () => {
    const made = defineModel({ ...given, heads: [...given.heads].reverse() })
    expect(made.heads.map((head) => head.dimensions)).toEqual([256, 512])
    expect(made.parameters.heads).toEqual([256 * 257, 512 * 257])
  })

  it('is cut off from what it was made of', () => {
    const heads = [{ dimensions: 64, folder: '2_Dense_64' }]
    const made = defineModel({ ...given, heads, defaultDimensions: 64 })
    heads.push({ dimensions: 1, folder: 'later' })
    expect(made.heads).toHaveLength(1)
    expect(Object.isFrozen(heads)).toBe(false)
  })

  it('freezes what was frozen on the surface only', () => {
    const made = defineModel(Object.freeze({ ...given, tokens: { max: 8, recommended: 8 } }))
    expect(Object.isFrozen(made.tokens)).toBe(true)
  })

  it('refuses facts that are no data', () => {
    expect(() => defineModel({ ...given, name: (() => 'x') as unknown as string })).toThrow(/could not be cloned/)
  })
})
