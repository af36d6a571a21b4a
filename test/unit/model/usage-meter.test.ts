import { describe, expect, it } from 'vitest'

import { UsageMeter } from '../../../src/model/usage-meter.js'

/** A clock that is moved by hand. */
function clock(): { now: () => number; tick: (ms: number) => void } {
  let time = 1000
  return { now: () => time, tick: (ms) => (time += ms) }
}

const call = (tokens: number[], truncated = tokens.map(() => false)): { tokens: number[]; truncated: boolean[] } => ({
  tokens,
  truncated,
})

describe('the performance of a model', () => {
  it('is zero before anything ran', () => {
    expect(new UsageMeter().stats(12)).toEqual({
      ...{ texts: 0, tokens: 0, truncated: 0, failures: 0, similarities: 0 },
      ...{ encodeMs: 0, textsPerSecond: 0, tokensPerSecond: 0, loadMs: 12 },
    })
  })

  it('counts texts, tokens, cuts and time', async () => {
    const { now, tick } = clock()
    const meter = new UsageMeter(now)
    await meter.measure(() => {
      tick(500)
      return Promise.resolve(call([3, 7], [false, true]))
    })
    meter.compared()
    expect(meter.stats(0)).toMatchObject({ texts: 2, tokens: 10, truncated: 1, similarities: 1, encodeMs: 500 })
    expect(meter.stats(0)).toMatchObject({ textsPerSecond: 4, tokensPerSecond: 20 })
  })

  it('counts the time of calls side by side once', async () => {
    const { now, tick } = clock()
    const meter = new UsageMeter(now)
    const gates: (() => void)[] = []
    const slow = (): Promise<{ tokens: number[]; truncated: boolean[] }> =>
      new Promise((resolve) => {
        gates.push(() => {
          resolve(call([1]))
        })
      })
    const first = meter.measure(slow)
    tick(100)
    const second = meter.measure(slow)
    tick(100)
    for (const open of gates) open()
    await Promise.all([first, second])
    tick(1000)
    expect(meter.stats(0).encodeMs).toBe(200)
  })

  it('counts a failure and passes it on', async () => {
    const meter = new UsageMeter()
    await expect(meter.measure(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(meter.stats(0)).toMatchObject({ failures: 1, texts: 0 })
  })

  it('counts the call under way', () => {
    const { now, tick } = clock()
    const meter = new UsageMeter(now)
    void meter.measure(() => new Promise<{ tokens: number[]; truncated: boolean[] }>(() => undefined))
    tick(70)
    expect(meter.stats(0).encodeMs).toBe(70)
  })
})
