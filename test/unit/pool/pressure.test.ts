import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { Pressure } from '../../../src/pool/pressure.js'
import {
  BUDGET_HYSTERESIS,
  BUDGET_SHARES,
  MACHINE_FLOOR_BYTES,
  MACHINE_HYSTERESIS,
  NO_PRESSURE,
  PRESSURE_LEVELS,
  assessPressure,
  machineFloor,
  missingBytes,
} from '../../../src/pool/pressure.js'

const GB = 1024 ** 3
const AMPLE = { available: 64 * GB, usable: 64 * GB }

/** Levels of a series of granted shares, each after the one before. */
function ofShares(...shares: readonly number[]): readonly string[] {
  return levels(shares.map((share) => ({ granted: share * 1e6, budget: 1e6, machine: AMPLE })))
}

/** Levels of a machine of 64 GB with so much left. */
function ofAvailable(...available: readonly number[]): readonly string[] {
  return levels(available.map((bytes) => ({ granted: 0, budget: 1, machine: { available: bytes, usable: 64 * GB } })))
}

function levels(readings: readonly Parameters<typeof assessPressure>[0][]): readonly string[] {
  let pressure: Pressure = NO_PRESSURE
  return readings.map((reading) => {
    pressure = assessPressure(reading, pressure)
    return pressure.level
  })
}

const anyLevel = fc.constantFrom(...PRESSURE_LEVELS)

describe('the level of the budget', () => {
  it.each([
    [0, 'low'],
    [0.4999, 'low'],
    [0.5, 'normal'],
    [0.6999, 'normal'],
    [0.7, 'high'],
    [0.8499, 'high'],
    [0.85, 'critical'],
    [1, 'critical'],
  ] as const)('of %s granted is %s', (share, level) => {
    expect(ofShares(share)).toEqual([level])
  })

  // There it was a share of the machine: 0.8 of it less a reserve is all that could be granted, and critical began at 0.85.
  it('can be critical: it is a share of what may be granted (origin bug 3)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), (budget) => {
        const full = { granted: budget, budget, machine: undefined }
        expect(assessPressure(full).level).toBe('critical')
      }),
    )
  })

  it('is left only when the share is clear of the border', () => {
    expect(ofShares(0.85, 0.82, 0.8001, 0.7999, 0.66, 0.64, 0.46, 0.44)).toEqual([
      'critical',
      'critical',
      'critical',
      'high',
      'high',
      'normal',
      'normal',
      'low',
    ])
  })

  it('does not flap where a share wavers around a border', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(BUDGET_SHARES.normal, BUDGET_SHARES.high, BUDGET_SHARES.critical),
        fc.array(fc.double({ min: -0.99, max: 0.99, noNaN: true }), { minLength: 2, maxLength: 50 }),
        (border, wavering) => {
          const shares = wavering.map((by) => border + (by * BUDGET_HYSTERESIS) / 2)
          const seen = ofShares(...shares)
          const changes = seen.filter((level, index) => index > 0 && level !== seen[index - 1])
          expect(changes.length).toBeLessThanOrEqual(1)
        },
      ),
    )
  })
})

describe('the level of the machine', () => {
  it('is critical below the floor, high up to twice that, and low above', () => {
    expect(ofAvailable(10 * GB, 1.01 * GB, 0.99 * GB, 0.51 * GB, 0.49 * GB, 0)).toEqual([
      'low',
      'low',
      'high',
      'high',
      'critical',
      'critical',
    ])
  })

  it('is left only when a quarter more is available', () => {
    expect(ofAvailable(0.49 * GB, 0.6 * GB, 0.63 * GB, 1.2 * GB, 1.3 * GB)).toEqual([
      'critical',
      'critical',
      'high',
      'high',
      'low',
    ])
  })

  it('has a floor that leaves a small container something', () => {
    expect(machineFloor(64 * GB)).toBe(MACHINE_FLOOR_BYTES)
    expect(machineFloor(GB)).toBe(GB / 16)
  })

  it('is no longer critical once what is missing has come back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), fc.double({ min: 0, max: 1, noNaN: true }), (usable, share) => {
        const machine = { available: usable * share, usable }
        const before = assessPressure({ granted: 0, budget: 1, machine })
        const missing = missingBytes(machine)
        if (before.machine === 'critical') expect(missing).toBeGreaterThan(0)
        if (machine.available >= machineFloor(usable) * MACHINE_HYSTERESIS) expect(missing).toBe(0)
        const relieved = { usable, available: machine.available + missing * 1.0001 }
        expect(assessPressure({ granted: 0, budget: 1, machine: relieved }, before).machine).not.toBe('critical')
      }),
    )
  })
})

describe('the level', () => {
  it('can be any, and comes from any of the two', () => {
    const seen = new Set<string>()
    for (const share of [0, 0.5, 0.7, 0.85]) {
      for (const available of [64 * GB, 0.7 * GB, 0]) {
        const machine = { available, usable: 64 * GB }
        const { level, budget, machine: of } = assessPressure({ granted: share, budget: 1, machine })
        const ranks = [level, budget, of].map((one) => PRESSURE_LEVELS.indexOf(one))
        expect(ranks[0]).toBe(Math.max(ranks[1] ?? 0, ranks[2] ?? 0))
        seen.add(level)
      }
    }
    expect([...seen].sort()).toEqual([...PRESSURE_LEVELS].sort())
  })

  it('is that of the ledger alone where nothing is known of the machine', () => {
    expect(assessPressure({ granted: 6, budget: 10, machine: undefined }).level).toBe('normal')
  })

  it('settles at once: the same reading twice gives the same level', () => {
    const anyReading = fc.record({
      granted: fc.integer({ min: 0, max: 1000 }),
      budget: fc.constant(1000),
      machine: fc.option(fc.record({ available: fc.integer({ min: 0, max: GB * 2 }), usable: fc.constant(64 * GB) }), {
        nil: undefined,
      }),
    })
    const anyBefore = fc.record({ level: anyLevel, budget: anyLevel, machine: anyLevel })
    fc.assert(
      fc.property(anyReading, anyBefore, (reading, before) => {
        const once = assessPressure(reading, before)
        expect(assessPressure(reading, once)).toEqual(once)
      }),
    )
  })
})
