/** How long a lost worker's place stays empty. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import {
  RESPAWN_BASE_MS,
  RESPAWN_CAP_MS,
  RESPAWN_STABLE_MS,
  RespawnBackoff,
  respawnDelayMs,
} from '../../../src/pool/backoff.js'

/** The largest number that a random source may give. */
const ALMOST_ONE = 1 - Number.EPSILON / 2

const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe('the delay after a loss', () => {
  it('doubles its upper bound with each loss in a row, up to the cap', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1_000, 1e9].map((losses) => respawnDelayMs(losses, ALMOST_ONE) + 1)
    expect(bounds).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000])
    expect(bounds[0]).toBe(RESPAWN_BASE_MS)
    expect(bounds.at(-1)).toBe(RESPAWN_CAP_MS)
  })

  it('takes the whole range below its bound: full jitter', () => {
    expect([0, 0.25, 0.5, 0.75].map((random) => respawnDelayMs(4, random))).toEqual([0, 400, 800, 1_200])
  })

  it('is whole, not negative and under the cap, whatever the losses and the random source', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), randoms, (losses, random) => {
        const delay = respawnDelayMs(losses, random)
        expect(Number.isInteger(delay)).toBe(true)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThan(RESPAWN_CAP_MS)
      }),
    )
  })
})

describe('losses in a row', () => {
  it('count workers that died early, and those that never came to be ready', () => {
    const backoff = new RespawnBackoff(() => 0.5)
    expect([0, 10, RESPAWN_STABLE_MS - 1, 0].map((lived) => backoff.lost(lived))).toEqual([100, 200, 400, 800])
    expect(backoff.losses).toBe(4)
  })

  it('begin anew with a worker that had lived a while', () => {
    const backoff = new RespawnBackoff(() => 0.5)
    for (let loss = 0; loss < 20; loss++) backoff.lost(0)
    expect(backoff.lost(RESPAWN_STABLE_MS)).toBe(100)
    expect(backoff.lost(0)).toBe(200)
  })

  it('let a worker that always dies at once be started ten times in the first minute, and four in each later one', () => {
    const backoff = new RespawnBackoff(() => 0.5)
    const starts: number[] = []
    for (let now = backoff.lost(0); now < 600_000; now += backoff.lost(0)) starts.push(now)
    const perMinute = Array.from(
      { length: 10 },
      (_, minute) => starts.filter((at) => Math.floor(at / 60_000) === minute).length,
    )
    expect(perMinute).toEqual([10, 4, 4, 4, 4, 4, 4, 4, 4, 4])
  })
})
