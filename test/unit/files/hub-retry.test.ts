import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { HubFailure } from '../../../src/files/hub-failure.js'
import { parseRetryAfter, withRetries, type RetryPolicy } from '../../../src/files/hub-retry.js'

function failure(retryable: boolean, retryAfterMs?: number): HubFailure {
  return new HubFailure('no', { retryable, remedy: 'none', retryAfterMs })
}

function policyOf(retries: number, random = 0): { policy: RetryPolicy; waits: number[] } {
  const waits: number[] = []
  const sleep = (milliseconds: number): Promise<void> => {
    waits.push(milliseconds)
    return Promise.resolve()
  }
  return { policy: { retries, sleep, random: () => random }, waits }
}

describe('withRetries', () => {
  it('returns the first success', async () => {
    const { policy, waits } = policyOf(5)
    let calls = 0
    const result = await withRetries(policy, undefined, () =>
      ++calls < 3 ? Promise.reject(failure(true)) : Promise.resolve(calls),
    )
    expect(result).toBe(3)
    expect(waits).toEqual([250, 500])
  })

  it('waits longer each time, up to a cap', async () => {
    const { policy, waits } = policyOf(8, 0.999999)
    const ended = withRetries(policy, undefined, () => Promise.reject(failure(true)))
    await expect(ended).rejects.toMatchObject({ attempts: 9 })
    expect(waits.map(Math.round)).toEqual([500, 1000, 2000, 4000, 8000, 16000, 20000, 20000])
  })

  it('does not repeat what would fail again, nor an error it does not know', async () => {
    const { policy, waits } = policyOf(5)
    await expect(withRetries(policy, undefined, () => Promise.reject(failure(false)))).rejects.toThrow('no')
    const bug = new TypeError('bug')
    await expect(withRetries(policy, undefined, () => Promise.reject(bug))).rejects.toBe(bug)
    expect(waits).toEqual([])
  })

  it('waits at least as long as the server asks, up to two minutes', async () => {
    const { policy, waits } = policyOf(1)
    await expect(withRetries(policy, undefined, () => Promise.reject(failure(true, 120_000)))).rejects.toThrow()
    await expect(withRetries(policy, undefined, () => Promise.reject(failure(true, 120_001)))).rejects.toThrow()
    await expect(withRetries(policy, undefined, () => Promise.reject(failure(true, 1)))).rejects.toThrow()
    expect(waits).toEqual([120_000, 250])
  })

  it('counts anew after headway', async () => {
    const { policy, waits } = policyOf(1)
    let calls = 0
    const attempt = (): Promise<never> => {
      calls++
      return Promise.reject(failure(true))
    }
    await expect(withRetries(policy, undefined, attempt, () => calls < 5)).rejects.toMatchObject({ attempts: 2 })
    // Four with headway, each the first of its row; the fifth is the second of the last row.
    expect(waits).toEqual([250, 250, 250, 250])
  })
})

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')

  it.each([
    [null, undefined],
    ['', undefined],
    ['soon', undefined],
    ['-5', undefined],
    ['0', 0],
    [' 12 ', 12_000],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ])('reads %j as %s', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected)
  })

  it('never gives a wait that cannot be waited', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const wait = parseRetryAfter(header, now)
        expect(wait === undefined || (wait >= 0 && Number.isFinite(wait))).toBe(true)
      }),
    )
  })
})
