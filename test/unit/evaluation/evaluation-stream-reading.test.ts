import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { TextPair } from '../../../src/evaluation/evaluation-result.js'
import { MAX_CHARACTERS } from '../../../src/evaluation/pair-feed.js'
import { collect, holdClock, settle } from '../../support/streams.js'
import { expectNothingUnhandled, streamOf } from './evaluation-streams.js'
import { CountingPairs, ManualModel, ManualPairs, instantModel, overloaded, pair, pairsOf } from './manual-model.js'

expectNothingUnhandled()

beforeEach(() => {
  holdClock()
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('reading', () => {
  it('does not begin before a result is asked for', async () => {
    const pairs = new CountingPairs(pairsOf(3))
    const { stream } = await streamOf(instantModel(), pairs)
    await settle()
    expect(pairs.read).toBe(0)
    expect(await stream.return()).toEqual({ done: true, value: undefined })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(pairs).toMatchObject({ begun: 0, read: 0, returned: 0 })
  })

  it.each([1, 3])('is never more than %i ahead of what was taken', async (maxInFlight) => {
    const pairs = new CountingPairs(pairsOf(20))
    const { stream } = await streamOf(instantModel(), pairs, { maxInFlight })
    for (let taken = 1; taken <= 5; taken++) {
      await stream.next()
      await settle()
      expect(pairs.read).toBe(taken + maxInFlight)
    }
    await stream.return()
  })

  it.each([
    [{}, 64],
    [{ batchSize: 5 }, 20],
  ])("goes four times as far as the model's batch by default, %j: %i pairs", async (facts, ahead) => {
    const model = Object.assign(new ManualModel(), facts)
    const pairs = new CountingPairs(pairsOf(5000))
    const { stream } = await streamOf(model, pairs)
    const first = stream.next()
    await settle()
    expect(pairs.read).toBe(ahead)
    expect(model.open).toHaveLength(ahead)
    await stream.return()
    await first
  })

  it('holds back for long texts, and goes on when they were taken', async () => {
    const long = (number: number): TextPair => ({ ...pair(number), prediction: 'x'.repeat(MAX_CHARACTERS / 2) })
    const pairs = new CountingPairs(Array.from({ length: 6 }, (_, number) => long(number)))
    const { stream } = await streamOf(instantModel(), pairs)
    await stream.next()
    await settle()
    expect(pairs.read).toBe(3)
    await stream.next()
    await settle()
    expect(pairs.read).toBe(4)
    expect(await collect(stream)).toHaveLength(4)
  })

  it('starts no pair while one waits for room', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const model = new ManualModel()
      const { stream } = await streamOf(model, pairsOf(9), { maxInFlight: 2 })
      const first = stream.next()
      await settle()
      model.of(1).fail(overloaded(100))
      await settle()
      model.of(0).answer()
      expect(await first).toMatchObject({ value: { id: 'p0' } })
      const second = stream.next()
      await settle()
      expect(model.asked).toEqual([0, 1])
      vi.advanceTimersByTime(100)
      await settle()
      expect(model.asked).toEqual([0, 1, 1])
      model.of(1).answer()
      expect(await second).toMatchObject({ value: { id: 'p1', success: true } })
      await settle()
      expect(model.asked).toEqual([0, 1, 1, 2, 3])
      await stream.return()
    } finally {
      vi.useRealTimers()
    }
  })

  it('does not keep what is done from whoever asks, where the source makes us wait', async () => {
    const pairs = new ManualPairs()
    const { stream } = await streamOf(instantModel(), pairs)
    const first = stream.next()
    await settle()
    pairs.give(pair(0))
    expect(await first).toMatchObject({ value: { id: 'p0' } })
    const second = stream.next()
    await settle()
    pairs.end()
    expect(await second).toEqual({ done: true, value: undefined })
    expect(pairs.returned).toBe(0)
  })
})
