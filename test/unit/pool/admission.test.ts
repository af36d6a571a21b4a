import { describe, expect, it } from 'vitest'

import { STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import { estimateMemory } from '../../../registry/memory.js'
import type { Manifest } from '../../../src/files/manifest.js'
import type { AdmissionOptions } from '../../../src/pool/admission.js'
import { Admission } from '../../../src/pool/admission.js'
import { MemoryLedger } from '../../../src/pool/memory-ledger.js'
import { failureOf } from '../../support/failure.js'

const INFO = STELLA_EN_400M_V5
const dimensions = INFO.heads.map((head) => head.dimensions)

/** What the 400M is charged with so many workers, for texts of 512 tokens. */
function cost(precision: Manifest['precision'], weights: 'shared' | 'own', workers = 1): number {
  return estimateMemory(INFO, { workers, runTokens: 512, dimensions, precision, weights }).total
}

/** As much of a manifest as an admission reads. */
function manifestOf(precision: Manifest['precision'], bytes?: number): Manifest {
  const files = bytes === undefined ? {} : { 'backbone.onnx.data': { bytes, sha256: '0'.repeat(64) } }
  return { precision, files } as Manifest
}

function admit(ledger: MemoryLedger, options: AdmissionOptions = {}): Admission {
  return new Admission(INFO, ledger, { maxLength: 512, workers: 1, ...options })
}

describe('before there is an artefact', () => {
  it('auto takes what the smallest outcome takes: int8, and fp32 for a small model', () => {
    const ledger = new MemoryLedger(64e9)
    expect(admit(ledger).grant.bytes).toBe(cost('int8', 'shared'))
    expect(admit(ledger, { precision: 'auto' }).grant.bytes).toBe(cost('int8', 'shared'))
    expect(admit(ledger, { precision: 'fp32' }).grant.bytes).toBe(cost('fp32', 'shared'))
    expect(admit(ledger, { precision: 'int4' }).grant.bytes).toBe(cost('int4', 'shared'))
    const nano = new Admission(STELLA_NANO, ledger, { workers: 1 })
    expect(nano.settle(manifestOf('fp32'), 'own').memory.total).toBe(nano.grant.bytes)
  })

  it('weights are expected to be shared, unless that was turned off', () => {
    const ledger = new MemoryLedger(64e9)
    expect(admit(ledger, { workers: 2 }).grant.bytes).toBe(cost('int8', 'shared', 2))
    expect(admit(ledger, { workers: 2, sharedWeights: false }).grant.bytes).toBe(cost('int8', 'own', 2))
  })

  it('a model that cannot fit is refused, and nothing is held', async () => {
    const ledger = new MemoryLedger(cost('int8', 'shared') - 1)
    const error = await failureOf(() => admit(ledger, { workers: undefined }))
    expect(error).toMatchObject({ code: 'MEMORY_EXHAUSTED', details: { workers: 1, precision: 'int8' } })
    expect(ledger.granted).toBe(0)
  })

  it('workers that were asked for are not reduced', async () => {
    const ledger = new MemoryLedger(cost('int8', 'shared', 3))
    const error = await failureOf(() => admit(ledger, { workers: 4 }))
    expect(error).toMatchObject({ code: 'MEMORY_EXHAUSTED', details: { workers: 4 } })
  })
})

describe('an artefact', () => {
  it('is charged in the precision and the form it has', () => {
    for (const precision of ['fp32', 'int8', 'int4'] as const) {
      for (const weights of ['shared', 'own'] as const) {
        const ledger = new MemoryLedger(64e9)
        const admission = admit(ledger, { workers: 2 })
        const plan = admission.settle(manifestOf(precision), weights)
        expect(plan).toMatchObject({ workers: 2, precision, memory: { total: cost(precision, weights, 2) } })
        expect([ledger.granted, admission.grant.bytes]).toEqual([plan.memory.total, plan.memory.total])
      }
    }
  })

  it('is charged for the weights it has', () => {
    const [plain, dearer] = [467_349_504, 500_000_000].map((bytes) =>
      admit(new MemoryLedger(64e9)).settle(manifestOf('int8', bytes), 'shared'),
    )
    expect((dearer?.memory.total ?? 0) - (plain?.memory.total ?? 0)).toBeCloseTo(500_000_000 - 467_349_504, 0)
  })

  it('gets by with fewer workers where its weights turn out to be nobody else’s', () => {
    const ledger = new MemoryLedger(cost('int8', 'shared', 8))
    const plan = admit(ledger, { workers: undefined }).settle(manifestOf('int8'), 'own')
    expect(plan.workers).toBe(1)
    expect(ledger.granted).toBe(cost('int8', 'own'))
  })

  it('that takes more than is left is refused; what it held is there to be released', async () => {
    const ledger = new MemoryLedger(cost('int8', 'shared') * 1.5)
    const admission = admit(ledger, { workers: undefined })
    const error = await failureOf(() => admission.settle(manifestOf('fp32'), 'shared'))
    expect(error).toMatchObject({ code: 'MEMORY_EXHAUSTED', details: { precision: 'fp32', workers: 1 } })
    expect(error.details).toMatchObject({ available: ledger.budget })
    admission.grant.release()
    expect(ledger.granted).toBe(0)
  })

  it('does not take what another model has taken meanwhile', async () => {
    const ledger = new MemoryLedger(cost('int8', 'shared', 2) * 2)
    const [first, second] = [admit(ledger, { workers: 2 }), admit(ledger, { workers: 1 })]
    expect(ledger.available).toBeLessThan(cost('int8', 'own', 2) - cost('int8', 'shared', 2))
    await failureOf(() => first.settle(manifestOf('int8'), 'own'))
    second.grant.release()
    expect(first.settle(manifestOf('int8'), 'own').workers).toBe(2)
    expect(ledger.granted).toBe(cost('int8', 'own', 2))
  })
})
