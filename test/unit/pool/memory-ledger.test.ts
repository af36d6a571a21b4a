import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { MemoryArithmetic, MemoryGrant } from '../../../src/pool/memory-ledger.js'
import { MemoryLedger, formatBytes } from '../../../src/pool/memory-ledger.js'
import { failureOf } from '../../support/failure.js'

const PARTS: MemoryArithmetic = {
  precision: 'int8',
  workers: 2,
  shared: 1e9,
  once: 60e6,
  weights: 1.5e9,
  scratch: 250e6,
  base: 60e6,
  total: 4.68e9,
}

/** What a test does to a ledger, one step at a time. */
type Step = { readonly grant: number } | { readonly release: number } | { readonly resize: number; readonly to: number }
const anySteps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ grant: fc.integer({ min: 0, max: 400 }) }),
    fc.record({ release: fc.nat({ max: 30 }) }),
    fc.record({ resize: fc.nat({ max: 30 }), to: fc.integer({ min: 0, max: 400 }) }),
  ),
  { maxLength: 60 },
)

describe('the ledger', () => {
  it('equals the live grants after any steps, and never exceeds the budget', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const ledger = new MemoryLedger(1000)
        const grants: MemoryGrant[] = []
        const live = new Set<MemoryGrant>()
        for (const step of steps) {
          const before = [...live].reduce((sum, grant) => sum + grant.bytes, 0)
          if ('release' in step) {
            // Also one released before: the second time does nothing.
            const grant = grants[step.release]
            grant?.release()
            if (grant !== undefined) live.delete(grant)
          } else if ('resize' in step) {
            const grant = grants[step.resize]
            if (grant === undefined) continue
            const had = grant.bytes
            const change = (): void => {
              grant.resize(step.to, PARTS)
            }
            if (!live.has(grant)) expect(change).toThrow(/released/)
            else if (before - had + step.to <= 1000) change()
            else expect(change).toThrow(/m needs/)
          } else if (before + step.grant <= 1000) {
            const grant = ledger.grant('m', step.grant, PARTS)
            grants.push(grant)
            live.add(grant)
          } else {
            expect(() => ledger.grant('m', step.grant, PARTS)).toThrow(/m needs/)
          }
          const sum = [...live].reduce((total, grant) => total + grant.bytes, 0)
          expect([ledger.granted, ledger.available]).toEqual([sum, 1000 - sum])
        }
        for (const grant of grants) grant.release()
        expect(ledger.granted).toBe(0)
      }),
    )
  })

  // The origin's guards held copies of the counter, so that nothing was ever given back (bug 1).
  it('gives everything back, however often a model comes and goes', () => {
    const ledger = new MemoryLedger(100)
    for (let round = 0; round < 1000; round++) ledger.grant('m', 100, PARTS).release()
    expect(ledger.available).toBe(100)
  })

  it('grants to the last byte and no further', () => {
    const ledger = new MemoryLedger(100)
    ledger.grant('a', 100, PARTS)
    expect(ledger.available).toBe(0)
    ledger.grant('b', 0, PARTS)
    expect(() => ledger.grant('c', 1, PARTS)).toThrow(/c needs/)
  })

  it('lets a grant grow into what is free, with what it has, and no further', () => {
    const ledger = new MemoryLedger(100)
    const grant = ledger.grant('a', 40, PARTS)
    ledger.grant('b', 30, PARTS)
    grant.resize(70, PARTS)
    expect([grant.bytes, ledger.available]).toEqual([70, 0])
    expect(() => {
      grant.resize(71, PARTS)
    }).toThrow(/a needs 1 kB; 1 kB of the budget of 1 kB are free \(held: b 1 kB\)/)
    grant.resize(10, PARTS)
    expect([grant.bytes, ledger.available]).toEqual([10, 60])
    grant.release()
    expect(() => {
      grant.resize(1, PARTS)
    }).toThrow('released')
    expect(ledger.granted).toBe(30)
  })

  it('says no without throwing where a grant that may grow cannot', () => {
    const ledger = new MemoryLedger(100)
    const grant = ledger.grant('a', 40, PARTS)
    expect([grant.tryResize(101), grant.bytes]).toEqual([false, 40])
    expect([grant.tryResize(100), ledger.available]).toEqual([true, 0])
    grant.release()
    expect(grant.live).toBe(false)
    expect(() => grant.tryResize(1)).toThrow('released')
  })

  it('knows who holds how much, over all grants of an owner', () => {
    const ledger = new MemoryLedger(100)
    ledger.grant('a', 10, PARTS)
    ledger.grant('b', 20, PARTS)
    ledger.grant('a', 30, PARTS)
    expect(ledger.holders).toEqual([
      { owner: 'a', bytes: 40 },
      { owner: 'b', bytes: 20 },
    ])
  })

  it('tells of every change, once it has happened, until it is told to stop', () => {
    const ledger = new MemoryLedger(100)
    const seen: number[] = []
    const stop = ledger.onChange(() => seen.push(ledger.granted))
    const grant = ledger.grant('a', 40, PARTS)
    grant.tryResize(60)
    grant.tryResize(101)
    grant.release()
    grant.release()
    stop()
    ledger.grant('a', 1, PARTS)
    expect(seen).toEqual([40, 60, 0])
  })

  it('releases also when the method is taken off its grant', () => {
    const ledger = new MemoryLedger(10)
    const grant = ledger.grant('a', 10, PARTS)
    Reflect.apply(grant.release.bind(undefined), undefined, [])
    expect(ledger.granted).toBe(0)
  })

  it.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])(
    'takes no request for %s bytes: it would unhinge the sum',
    (bytes) => {
      const ledger = new MemoryLedger(100)
      expect(() => ledger.grant('m', bytes, PARTS)).toThrow('m asks for')
      expect(ledger.granted).toBe(0)
      const grant = ledger.grant('m', 1, PARTS)
      expect(() => {
        grant.resize(bytes, PARTS)
      }).toThrow('m asks for')
      expect(ledger.granted).toBe(1)
    },
  )
})

describe('a refusal', () => {
  it('has the arithmetic in its message and its details', async () => {
    const ledger = new MemoryLedger(6e9)
    ledger.grant('stella-en-400m-v5', 2e9, PARTS)
    const error = await failureOf(() => ledger.grant('stella-en-1.5b-v5', 4.62e9, PARTS))
    expect(error.code).toBe('MEMORY_EXHAUSTED')
    expect(error.message).toBe(
      'stella-en-1.5b-v5 needs 4.62 GB; 4.00 GB of the budget of 6.00 GB are free (held: stella-en-400m-v5 2.00 GB). ' +
        'It is made of 1.00 GB shared + 60 MB process + 2 workers × (1.50 GB weights + 250 MB scratch + 60 MB thread), in int8. ' +
        'Raise `memory`, lower `workers` or `maxLength`, or evict another model',
    )
    expect(error.details).toEqual({
      model: 'stella-en-1.5b-v5',
      needed: 4.62e9,
      available: 4e9,
      reclaimable: 0,
      budget: 6e9,
      holders: [{ model: 'stella-en-400m-v5', bytes: 2e9, kept: undefined }],
      ...PARTS,
    })
    expect(ledger.granted).toBe(2e9)
  })

  it('of an empty pool names no holder', async () => {
    const error = await failureOf(() => new MemoryLedger(100e6).grant('m', 1e9, PARTS))
    expect(error.message).toContain('100 MB of the budget of 100 MB are free. It is made of')
  })
})

it.each([
  [0, '0 kB'],
  [1, '1 kB'],
  [999_999, '1000 kB'],
  [1e6, '1 MB'],
  [250_400_000, '250 MB'],
  [1e9, '1.00 GB'],
  [1_740_785_344, '1.74 GB'],
])('%i bytes read %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})
