import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { WorkerState } from '../../../src/pool/worker-state.js'
import { WORKER_STATES, acceptsWork, transition } from '../../../src/pool/worker-state.js'
import { failureOf } from '../../support/failure.js'

/** The lifecycle as it is drawn: each line may be walked from left to right, and `⇄` is written twice. */
const LIFECYCLE: readonly (readonly WorkerState[])[] = [
  ['spawning', 'loading', 'ready', 'processing', 'ready', 'evicting', 'dead'],
  // Whatever lives may be told to stop.
  ['spawning', 'evicting'],
  ['loading', 'evicting'],
  ['processing', 'evicting'],
  // Whatever has not ended may fail.
  ['spawning', 'failed'],
  ['loading', 'failed'],
  ['ready', 'failed'],
  ['processing', 'failed'],
  ['evicting', 'failed'],
  ['failed', 'dead'],
]

const LEGAL = new Set(LIFECYCLE.flatMap((line) => line.slice(1).map((to, step) => `${line[step] ?? ''} → ${to}`)))

const PAIRS = WORKER_STATES.flatMap((from) => WORKER_STATES.map((to) => ({ from, to, step: `${from} → ${to}` })))

describe('the lifecycle of a worker', () => {
  it('has seven states, and so every pair of them is tried below', () => {
    expect(new Set(WORKER_STATES).size).toBe(7)
    expect(PAIRS).toHaveLength(49)
  })

  it.each(PAIRS.filter(({ step }) => LEGAL.has(step)))('has $step', ({ from, to }) => {
    expect(transition(from, to)).toBe(to)
  })

  it.each(PAIRS.filter(({ step }) => !LEGAL.has(step)))('has no $step', async ({ from, to }) => {
    const error = await failureOf(() => transition(from, to))
    expect(error).toMatchObject({ code: 'INTERNAL', details: { from, to } })
    expect(error.message).toContain(`${from} cannot become ${to}`)
  })

  it('takes work when it is ready or processing, and in no other state', () => {
    expect(WORKER_STATES.filter(acceptsWork)).toEqual(['ready', 'processing'])
  })

  it('never takes work again after it has failed or was told to stop, and ends within two steps', () => {
    const walk = fc.array(fc.constantFrom(...WORKER_STATES), { maxLength: 40 })
    fc.assert(
      fc.property(walk, (wishes) => {
        let state: WorkerState = 'spawning'
        let isLeaving = false
        let stepsSince = 0
        for (const wish of wishes) {
          if (!LEGAL.has(`${state} → ${wish}`)) continue
          if (isLeaving) stepsSince++
          state = transition(state, wish)
          isLeaving ||= state === 'evicting' || state === 'failed'
          expect(isLeaving && acceptsWork(state)).toBe(false)
        }
        expect(stepsSince).toBeLessThanOrEqual(2)
      }),
    )
  })

  it('loads once: nothing leads back to spawning or loading', () => {
    expect(PAIRS.filter(({ step, to }) => LEGAL.has(step) && to === 'spawning')).toEqual([])
    expect(PAIRS.filter(({ step, to }) => LEGAL.has(step) && to === 'loading').map(({ from }) => from)).toEqual([
      'spawning',
    ])
  })
})
