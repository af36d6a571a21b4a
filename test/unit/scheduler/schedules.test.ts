/**
 * Any schedule: texts come in, batches go out, succeed, fail, lose their thread or never begin, callers give up, time
 * passes; all in any order. The simulation says what must hold at each step.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { LANES } from '../../../src/scheduler/scheduler.js'
import type { Step } from './simulation.js'
import { ENDINGS, SIMULATED_LIMITS, Simulation } from './simulation.js'

/**
 * Steps of the seeded schedule. The long form: `STELLA_SCHEDULE_STEPS=20000000 npx vitest run
 * test/unit/scheduler/schedules.test.ts`.
 */
const STEPS = Number(process.env.STELLA_SCHEDULE_STEPS ?? 1_000_000)

const anyLengths = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 30 }),
    fc.constantFrom(1, 16, 32, 49, 50, 51, 63, SIMULATED_LIMITS.runTokens, 65, 200),
  ),
  { minLength: 1, maxLength: 40 },
)

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('submit'), text: fc.nat(), lane: fc.constantFrom(...LANES) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('take'), rooms: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom(...ENDINGS), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('withdraw'), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.nat({ max: 600 }) }) },
)

/** As above, and now and then everything is called off. */
const anySteps = fc.array(
  fc.oneof({ weight: 99, arbitrary: anyStep }, { weight: 1, arbitrary: fc.constant<Step>({ do: 'drain' }) }),
  {
    maxLength: 300,
    size: 'max',
  },
)

describe('any schedule', () => {
  it('loses nothing, gives nothing twice, keeps to the limits and to the order', () => {
    fc.assert(
      fc.property(anyLengths, anySteps, (lengths, steps) => {
        const simulation = new Simulation(lengths)
        for (const step of steps) simulation.apply(step)
        simulation.finish()
      }),
      { numRuns: 1000 },
    )
  })

  it('holds for a long one too, with thousands waiting', { timeout: STEPS / 10 + 30_000 }, () => {
    const random = randomNumbers(20260101)
    const below = (limit: number): number => Math.floor(random() * limit)
    const simulation = new Simulation(Array.from({ length: 2_000 }, () => 1 + below(random() < 0.95 ? 30 : 70)))
    for (let step = 0; step < STEPS; step++) {
      simulation.apply(randomStep(below, step))
    }
    simulation.finish()
    expect(simulation.counts.submitted).toBeGreaterThan(STEPS / 10)
    for (const [what, count] of Object.entries(simulation.counts)) expect(count, what).toBeGreaterThan(STEPS / 10_000)
  })
})

/** Phases in which more comes in than goes out take turns with others. */
function randomStep(below: (limit: number) => number, step: number): Step {
  const pick = below(2 ** 31)
  const isRush = step % 50_000 < 20_000
  const die = below(100)
  if (step % 100_000 === 70_000) return { do: 'drain' }
  if (die < (isRush ? 60 : 25)) return { do: 'submit', text: pick, lane: below(3) === 0 ? 'interactive' : 'bulk' }
  if (die < 70) return { do: 'take', rooms: 1 + below(4) }
  if (die < 88) return { do: 'succeed', pick }
  if (die < 90) return { do: 'fail', pick }
  // Seldom, so that not all texts are soon in quarantine.
  if (die < 91) return { do: below(50) === 0 ? 'lose' : 'giveBack', pick }
  if (die < 96) return { do: 'withdraw', pick }
  return { do: 'wait', ms: below(200) }
}

/** The same numbers for the same seed, in [0, 1): a linear congruential generator (Numerical Recipes). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
