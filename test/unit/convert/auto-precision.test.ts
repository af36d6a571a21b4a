import { describe, expect, it } from 'vitest'

import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import { RefusedByAuto, acceptForAuto, isWorthQuantising, settledBefore } from '../../../src/convert/auto-precision.js'
import { AUTO_FIDELITY_BAR, FIDELITY_BARS } from '../../../src/convert/fidelity-bars.js'
import type { Manifest } from '../../../src/files/manifest.js'

type Fidelity = NonNullable<Manifest['fidelity']>

const PERFECT: Fidelity = {
  reference: 'fp32',
  probe: '0'.repeat(64),
  texts: 64,
  dimensions: 8,
  minCosine: 1,
  meanCosine: 1,
  topTenOverlap: 1,
  worstText: 0,
  worstLayer: null,
}

/** Good enough to be loaded by who asks for int8, and not for who did not. */
const MIDDLING: Fidelity = { ...PERFECT, ...FIDELITY_BARS.int8 }

function manifest(changes: Partial<Manifest>): Manifest {
  return { precision: 'fp32', fidelity: null, rejected: null, ...changes } as Manifest
}

const CALIBRATION = { texts: 113, sha256: 'c'.repeat(64) }

const good = manifest({ precision: 'int8', fidelity: PERFECT })
const middling = manifest({ precision: 'int8', fidelity: MIDDLING })
const unmeasured = manifest({ precision: 'int8', fidelity: null })
const plain = manifest({})
const remembering = manifest({ rejected: [{ precision: 'int8', fidelity: MIDDLING, calibration: CALIBRATION.sha256 }] })

/** What `auto` would remember of an artefact it refuses; undefined where it takes it. */
function refusalOf(made: Manifest): unknown {
  try {
    acceptForAuto(made)
    return undefined
  } catch (error) {
    if (error instanceof RefusedByAuto) return error.rejected
    throw error
  }
}

describe('auto', () => {
  it('is worth trying on both Stella models and not on the embedded one', () => {
    expect([STELLA_EN_400M_V5, STELLA_EN_1_5B_V5, STELLA_NANO].map(isWorthQuantising)).toEqual([true, true, false])
    const { parameters } = STELLA_NANO
    const sized = (layers: number) => isWorthQuantising({ ...STELLA_NANO, parameters: { ...parameters, layers } })
    expect([sized(7_999_999), sized(8_000_000)]).toEqual([false, true])
  })

  it('is open where nothing was made, or only an fp32 artefact that somebody asked for', () => {
    expect(settledBefore(undefined, undefined)).toBeUndefined()
    expect(settledBefore(undefined, plain)).toBeUndefined()
    expect(settledBefore(undefined, manifest({ rejected: [] }))).toBeUndefined()
  })

  it('is int8 where a faithful one is there, whatever the fp32 one remembers', () => {
    expect(settledBefore(good, undefined)).toBe('int8')
    expect(settledBefore(good, remembering)).toBe('int8')
  })

  it('is fp32 where the int8 one may be loaded but is not faithful enough to be taken unasked', () => {
    expect(settledBefore(middling, undefined)).toBe('fp32')
    expect(settledBefore(unmeasured, plain)).toBe('fp32')
  })

  it('is fp32 where the fp32 one remembers that int8 was refused', () => {
    expect(settledBefore(undefined, remembering)).toBe('fp32')
  })

  it.each(['minCosine', 'meanCosine', 'topTenOverlap'] as const)('refuses a %s just under the bar', (figure) => {
    const at = { ...PERFECT, ...AUTO_FIDELITY_BAR }
    expect(refusalOf(manifest({ precision: 'int8', fidelity: at }))).toBeUndefined()
    const fidelity = { ...at, [figure]: at[figure] - 1e-9 }
    expect(refusalOf(manifest({ precision: 'int8', fidelity, calibration: CALIBRATION }))).toEqual([
      { precision: 'int8', fidelity, calibration: CALIBRATION.sha256 },
    ])
  })

  it('refuses what was never measured, with nothing to remember, and never fp32', () => {
    expect(refusalOf(unmeasured)).toEqual([])
    expect(refusalOf(plain)).toBeUndefined()
    expect(refusalOf(remembering)).toBeUndefined()
  })
})
