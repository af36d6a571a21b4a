/** Batches between sources, models and consumers that act in every order: what holds whatever happens when. */
import { getEventListeners } from 'node:events'

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { EvaluateBatchOptions, EvaluationProgress } from '../../../src/evaluation/evaluator-options.js'
import { summarise } from '../../../src/evaluation/summary.js'
import { holdClock } from '../../support/streams.js'
import type { Leave, World } from './evaluation-play.js'
import { EvaluationPlay, FATAL, worlds } from './evaluation-play.js'
import { scoreFor } from './manual-model.js'

beforeEach(() => {
  holdClock()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** Plays a batch, and checks what holds of each. */
async function play(world: World, options: EvaluateBatchOptions = {}, leave?: Leave, sourceFails?: Error) {
  const run = await new EvaluationPlay(world, options, sourceFails).run(leave)
  const { results, model, evaluator } = run
  const numbers = placesOf(run)
  expect(new Set(numbers).size).toBe(numbers.length)
  if (world.ordered) expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  for (const [at, { id, success, similarityScore, error }] of results.entries()) {
    const number = numbers[at] ?? -1
    const kind = world.kinds[number]
    expect(success).toBe(kind === 'good')
    expect(similarityScore?.normalizedCosine).toBe(kind === 'good' ? scoreFor(number) : undefined)
    expect(error?.code).toBe(kind === 'good' ? undefined : kind === 'odd' ? 'INPUT_INVALID' : 'INPUT_TOO_LONG')
    expect(id).toBe(kind === 'odd' ? '' : `p${number}`)
  }
  expect(run.mostAhead).toBeLessThanOrEqual(world.maxInFlight)
  expect(model.mostOpen).toBeLessThanOrEqual(world.maxInFlight)
  expect(model.asked.every((number) => world.kinds[number] !== 'odd')).toBe(true)
  // Nothing is left.
  expect(model.open).toEqual([])
  expect(getEventListeners(run.controller.signal, 'abort')).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
  expect(evaluator.getStats().running).toBe(0)
  return run
}

/** The number of each result's pair: a pair that is none has no id, but says its place. */
function placesOf({ results }: EvaluationPlay): number[] {
  return results.map(({ id, error }) => (id === '' ? Number(error?.details['place']) : Number(id.slice(1))))
}

const range = (to: number): number[] => Array.from({ length: to }, (_, place) => place)
const sorted = (run: EvaluationPlay): number[] => placesOf(run).sort((a, b) => a - b)

describe('a batch, whatever happens when,', () => {
  it('gives every pair one result, with its own score or error, within its bound', async () => {
    await fc.assert(
      fc.asyncProperty(worlds(), async (world) => {
        const run = await play(world)
        expect(run.error).toBeUndefined()
        expect(sorted(run)).toEqual(range(world.kinds.length))
        expect(run.returned).toBe(0)
        // And its figures are those of its results.
        const { pairs, failed, failuresByCode, tokens, scores } = await summarise(run.results)
        const stats = run.evaluator.getStats()
        expect(stats).toMatchObject({ pairs, failed, failuresByCode, tokens })
        // But for the mean, in which the order of sums shows.
        expect(stats.scores?.median).toBe(scores?.median)
      }),
      { numRuns: 150 },
    )
  })

  it('asks for no pair twice where there is room', async () => {
    await fc.assert(
      fc.asyncProperty(worlds(), async (world) => {
        const { asked } = (await play({ ...world, overloads: false })).model
        expect(new Set(asked).size).toBe(asked.length)
      }),
      { numRuns: 30 },
    )
  })

  it('throws what ends everything, after the results of all pairs before it', async () => {
    await fc.assert(
      fc.asyncProperty(worlds({ fatal: true }), async (world) => {
        const run = await play(world)
        const first = world.kinds.indexOf('fatal')
        if (first === -1) {
          expect(run.error).toBeUndefined()
          return
        }
        expect(run.error).toBe(FATAL)
        expect(run.evaluator.getStats().failuresByCode).not.toHaveProperty('MODEL_LOAD_FAILED')
        if (world.ordered) expect(placesOf(run)).toEqual(range(first))
      }),
      { numRuns: 150 },
    )
  })

  it('gives the results of all that a source gave before it failed, then throws that', async () => {
    const broken = new Error('disk')
    await fc.assert(
      fc.asyncProperty(worlds(), async (world) => {
        const run = await play(world, {}, undefined, broken)
        expect(run.error).toBe(broken)
        expect(sorted(run)).toEqual(range(world.kinds.length))
        expect(run.returned).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it.each(['return', 'abort', 'cleanup'] as const)('left by %s, leaves nothing behind', async (how) => {
    const code = how === 'abort' ? 'ABORTED' : 'POOL_CLOSED'
    await fc.assert(
      fc.asyncProperty(worlds(), fc.nat(30), async (world, after) => {
        const run = await play(world, {}, { after, how })
        expect(run.returned).toBeLessThanOrEqual(1)
        if (run.error !== undefined) expect(run.error).toMatchObject({ code })
        else if (how !== 'return') expect(sorted(run)).toEqual(range(world.kinds.length))
      }),
      { numRuns: 60 },
    )
  })

  it('tells of each pair once', async () => {
    await fc.assert(
      fc.asyncProperty(worlds(), async (world) => {
        const told: EvaluationProgress[] = []
        await play(world, { onProgress: (progress) => void told.push(progress) })
        const { length } = world.kinds
        expect(told.map(({ done }) => done)).toEqual(range(length).map((place) => place + 1))
        expect(told.at(-1)?.failed ?? 0).toBe(world.kinds.filter((kind) => kind !== 'good').length)
      }),
      { numRuns: 40 },
    )
  })
})
