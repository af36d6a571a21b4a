import { getEventListeners } from 'node:events'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { TextPair } from '../../../src/evaluation/evaluation-result.js'
import type { SimilarityModel } from '../../../src/evaluation/similarity-model.js'
import { collect, collectUntilFailure, holdClock, settle } from '../../support/streams.js'
import { expectNothingUnhandled, streamOf } from './evaluation-streams.js'
import { CountingPairs, ManualModel, ManualPairs, instantModel, pairsOf, similarity } from './manual-model.js'

expectNothingUnhandled()

beforeEach(() => {
  holdClock()
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('leaving a batch', () => {
  /** With four pairs at the model, of which the first has been taken. */
  async function midway(signal?: AbortSignal) {
    const model = new ManualModel()
    const pairs = new CountingPairs(pairsOf(50))
    const { stream, evaluator } = await streamOf(model, pairs, { maxInFlight: 4, signal })
    const first = stream.next()
    await settle()
    model.of(0).answer()
    await first
    await settle()
    expect(model.open).toHaveLength(4)
    return { model, pairs, stream, evaluator }
  }

  it('with `break` gives up the pairs under way, and ends the source', async () => {
    const { model, pairs, stream, evaluator } = await midway()
    model.of(1).answer()
    for await (const { id } of stream) {
      expect(id).toBe('p1')
      break
    }
    expect(model.open).toEqual([])
    expect(pairs.returned).toBe(1)
    expect(pairs.read).toBeLessThan(10)
    expect(evaluator.getStats()).toMatchObject({ running: 0, pairs: 2 })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('by return ends a request that waits', async () => {
    const { model, stream } = await midway()
    const waiting = stream.next()
    await settle()
    await stream.return()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(model.open).toEqual([])
  })

  it('by return is over, also where an abort comes on its heels', async () => {
    const controller = new AbortController()
    const { stream } = await midway(controller.signal)
    const waiting = stream.next()
    await settle()
    const left = stream.return()
    controller.abort()
    expect(await left).toEqual({ done: true, value: undefined })
    expect(await waiting).toEqual({ done: true, value: undefined })
  })

  it('by throw throws that, and nothing else', async () => {
    const { model, pairs, stream } = await midway()
    const mine = new Error('mine')
    await expect(stream.throw(mine)).rejects.toBe(mine)
    expect(model.open).toEqual([])
    expect(pairs.returned).toBe(1)
  })

  it('by abort throws at once, and keeps no listener', async () => {
    const controller = new AbortController()
    const { model, pairs, stream } = await midway(controller.signal)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    const waiting = stream.next()
    await settle()
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    expect(model.open).toEqual([])
    expect(pairs.returned).toBe(1)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('by abort stops work and source also while nobody asks', async () => {
    const controller = new AbortController()
    const { model, pairs, stream } = await midway(controller.signal)
    controller.abort(new StellaError('TIMEOUT', 'the caller had no time'))
    await settle()
    expect(model.open).toEqual([])
    expect(pairs.returned).toBe(1)
    await expect(stream.next()).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('before it began reads nothing', async () => {
    const pairs = new CountingPairs(pairsOf(3))
    const { stream } = await streamOf(instantModel(), pairs, { signal: AbortSignal.abort() })
    await expect(stream.next()).rejects.toMatchObject({ code: 'ABORTED' })
    expect(pairs).toMatchObject({ begun: 0, read: 0, returned: 0 })
  })

  it('at the end leaves no listener either', async () => {
    const { signal } = new AbortController()
    const { stream } = await streamOf(instantModel(), pairsOf(3), { signal })
    await collect(stream)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('does not wait for a source that gives nothing', async () => {
    const pairs = new ManualPairs()
    const { stream } = await streamOf(instantModel(), pairs)
    const waiting = stream.next()
    await settle()
    await stream.return()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(pairs.returned).toBe(1)
    pairs.fail(new Error('too late'))
  })

  it('tells whoever leaves what the source throws as it ends, and nobody else', async () => {
    const broken = new Error('cannot close')
    function* source(): Generator<TextPair> {
      try {
        yield* pairsOf(50)
      } finally {
        throw broken
      }
    }
    const { stream } = await streamOf(instantModel(), source())
    await stream.next()
    await expect(stream.return()).rejects.toBe(broken)
    const fatal = new StellaError('POOL_CLOSED', 'closed')
    const { stream: failing } = await streamOf(instantModel(new Map([[1, fatal]])), source())
    expect((await collectUntilFailure(failing)).error).toBe(fatal)
  })

  it('is what disposal does', async () => {
    const { model, stream } = await midway()
    await stream[Symbol.asyncDispose]()
    expect(model.open).toEqual([])
  })

  it('waits for the pairs under way to end', async () => {
    let finish: () => void = () => undefined
    const computeSimilarity = (): ReturnType<SimilarityModel['computeSimilarity']> =>
      new Promise((resolve) => {
        finish = () => {
          resolve(similarity(0.5))
        }
      })
    const onProgress = vi.fn()
    const { stream } = await streamOf({ computeSimilarity }, pairsOf(1), { onProgress })
    void stream.next()
    await settle()
    const left = vi.fn()
    const leaving = stream.return().then(left)
    await settle()
    expect(left).not.toHaveBeenCalled()
    finish()
    await leaving
    expect(left).toHaveBeenCalledWith({ done: true, value: undefined })
    // Whoever has left hears of nothing any more.
    expect(onProgress).not.toHaveBeenCalled()
  })
})
