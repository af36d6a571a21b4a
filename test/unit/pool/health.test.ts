/** Health: alive is not ready, and ready is more than loaded. */
import { describe, expect, it } from 'vitest'

import type { ModelFacts } from '../../../src/pool/health.js'
import { SUCCESS_AGE_LIMIT_MS, modelsToProbe, poolHealth } from '../../../src/pool/health.js'

const NOW = 1_000_000

/** A model that is well. */
const WELL: ModelFacts = {
  model: 'stella',
  state: 'loaded',
  pinned: false,
  breaker: 'closed',
  workers: 2,
  lastSuccessAt: NOW - 500,
}

const healthOf = (facts: Partial<ModelFacts>) => poolHealth('open', [{ ...WELL, ...facts }], NOW).models[0]

describe('a model', () => {
  it('is ready when it is loaded, is not refused, has a worker, and worked lately', () => {
    expect(healthOf({})).toEqual({
      model: 'stella',
      ready: true,
      reason: undefined,
      state: 'loaded',
      lastSuccessMs: 500,
      breaker: 'closed',
      workers: 2,
    })
  })

  it.each(['unloaded', 'loading', 'evicting', 'failed'] as const)('is not ready when it is %s', (state) => {
    expect(healthOf({ state })).toMatchObject({ ready: false, reason: 'not-loaded' })
  })

  it('is not ready while its breaker is open, and may be while half-open', () => {
    expect(healthOf({ breaker: 'open' })).toMatchObject({ ready: false, reason: 'breaker-open' })
    expect(healthOf({ breaker: 'half-open' })).toMatchObject({ ready: true })
  })

  it('is not ready without a worker, however lately it worked', () => {
    expect(healthOf({ workers: 0 })).toMatchObject({ ready: false, reason: 'no-worker' })
  })

  it('is not ready when it never worked, or too long ago', () => {
    expect(healthOf({ lastSuccessAt: undefined })).toMatchObject({
      ready: false,
      reason: 'no-recent-success',
      lastSuccessMs: undefined,
    })
    expect(healthOf({ lastSuccessAt: NOW - SUCCESS_AGE_LIMIT_MS })).toMatchObject({ ready: true })
    expect(healthOf({ lastSuccessAt: NOW - SUCCESS_AGE_LIMIT_MS - 1 })).toMatchObject({
      ready: false,
      reason: 'no-recent-success',
      lastSuccessMs: 60_001,
    })
  })

  it('takes another limit', () => {
    expect(poolHealth('open', [WELL], NOW, { maxAgeMs: 499 }).models[0]).toMatchObject({ ready: false })
    expect(poolHealth('open', [WELL], NOW, { maxAgeMs: 500 }).models[0]).toMatchObject({ ready: true })
  })

  it('is never of a negative age: a success may end while health is being asked', () => {
    expect(healthOf({ lastSuccessAt: NOW + 3 })).toMatchObject({ ready: true, lastSuccessMs: 0 })
  })
})

describe('a pool', () => {
  it('is alive and ready without any model', () => {
    expect(poolHealth('open', [], NOW)).toEqual({ live: true, ready: true, models: [] })
  })

  it('is alive but not ready while it closes, and neither once closed', () => {
    expect(poolHealth('closing', [WELL], NOW)).toMatchObject({ live: true, ready: false })
    expect(poolHealth('closed', [WELL], NOW)).toMatchObject({ live: false, ready: false })
  })

  it('is alive but not ready when a loaded model is not ready', () => {
    const sick: ModelFacts = { ...WELL, model: 'sick', breaker: 'open' }
    expect(poolHealth('open', [WELL, sick], NOW)).toMatchObject({
      live: true,
      ready: false,
      models: [
        { model: 'stella', ready: true },
        { model: 'sick', ready: false },
      ],
    })
  })

  it.each(['unloaded', 'loading', 'evicting', 'failed'] as const)(
    'does not wait for a model that is %s, unless it is pinned',
    (state) => {
      const other: ModelFacts = { ...WELL, model: 'other', state, workers: 0 }
      expect(poolHealth('open', [WELL, other], NOW).ready).toBe(true)
      expect(poolHealth('open', [WELL, { ...other, pinned: true }], NOW).ready).toBe(false)
    },
  )
})

describe('a probe', () => {
  it('is for the models that lack nothing but a success, and makes them ready', () => {
    const facts: readonly ModelFacts[] = [
      WELL,
      { ...WELL, model: 'silent', lastSuccessAt: NOW - SUCCESS_AGE_LIMIT_MS - 1 },
      { ...WELL, model: 'new', lastSuccessAt: undefined },
      { ...WELL, model: 'refused', lastSuccessAt: undefined, breaker: 'open' },
      { ...WELL, model: 'empty', lastSuccessAt: undefined, workers: 0 },
      { ...WELL, model: 'loading', lastSuccessAt: undefined, state: 'loading' },
    ]
    const probed = modelsToProbe(facts, NOW)
    expect(probed).toEqual(['silent', 'new'])
    const after = facts.map((of) => (probed.includes(of.model) ? { ...of, lastSuccessAt: NOW } : of))
    expect(modelsToProbe(after, NOW)).toEqual([])
    expect(
      poolHealth('open', after, NOW)
        .models.filter(({ ready }) => ready)
        .map(({ model }) => model),
    ).toEqual(['stella', 'silent', 'new'])
  })
})
