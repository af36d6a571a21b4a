import { describe, expect, it } from 'vitest'

import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5 } from '../../../registry/index.js'
import { fingerprintOf } from '../../../src/convert/fingerprint.js'

const { architecture } = STELLA_EN_400M_V5
const SOURCES = { 'model.safetensors': 'aa', 'tokenizer.json': 'bb' }

describe('a fingerprint', () => {
  it('is a SHA-256 that depends on nothing but what it is made of', () => {
    const fingerprint = fingerprintOf('int8', architecture, SOURCES, 'cc')
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/)
    expect(fingerprintOf('int8', structuredClone(architecture), { ...SOURCES }, 'cc')).toBe(fingerprint)
  })

  it('differs with precision, architecture, sources and calibration texts, and with none', () => {
    const all = [
      fingerprintOf('int8', architecture, SOURCES, 'cc'),
      fingerprintOf('int4', architecture, SOURCES, 'cc'),
      fingerprintOf('int8', STELLA_EN_1_5B_V5.architecture, SOURCES, 'cc'),
      fingerprintOf('int8', { ...architecture, normEpsilon: 1e-5 }, SOURCES, 'cc'),
      fingerprintOf('int8', architecture, { ...SOURCES, 'model.safetensors': 'ab' }, 'cc'),
      fingerprintOf('int8', architecture, { 'tokenizer.json': 'bb' }, 'cc'),
      fingerprintOf('int8', architecture, SOURCES, 'cd'),
      fingerprintOf('int8', architecture, SOURCES, undefined),
    ]
    expect(new Set(all).size).toBe(all.length)
  })

  it('does not depend on the order of keys, at any depth', () => {
    const turned = (object: object): object => Object.fromEntries(Object.entries(object).toReversed())
    const shuffled = { ...turned(architecture), rope: turned(architecture.rope) } as typeof architecture
    expect(fingerprintOf('int8', shuffled, turned(SOURCES) as typeof SOURCES, 'cc')).toBe(
      fingerprintOf('int8', architecture, SOURCES, 'cc'),
    )
  })
})
