/** The circuit breaker: when it refuses, when it lets calls try, and what does not count. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { StellaError } from '../../../src/errors.js'
import type { BreakerPass, BreakerState, BreakerTransition } from '../../../src/pool/breaker.js'
import {
  CircuitBreaker,
  FAILURES_TO_OPEN,
  HALF_OPEN_CALLS,
  HALF_OPEN_RETRY_MS,
  OPEN_MS,
  SUCCESSES_TO_CLOSE,
} from '../../../src/pool/breaker.js'

const START = 1_000

function makeBreaker() {
  const transitions: BreakerTransition[] = []
  const breaker = new CircuitBreaker({ model: 'stella', onTransition: (transition) => transitions.push(transition) })
  return { breaker, transitions }
}

function refusal(breaker: CircuitBreaker, now: number): StellaError {
  try {
    breaker.tryEnter(now)
  } catch (error) {
    return error as StellaError
  }
  throw new Error('the breaker let a call pass')
}

function failTimes(breaker: CircuitBreaker, times: number, now: number): void {
  for (let failure = 0; failure < times; failure++) breaker.tryEnter(now).fail(now, 'INTERNAL')
}

/** A breaker that opened at {@link START}. */
function openBreaker() {
  const made = makeBreaker()
  failTimes(made.breaker, FAILURES_TO_OPEN, START)
  return made
}

describe('a closed breaker', () => {
  it('has the figures of the origin: 5 failures, 60 s, 3 calls, 3 successes', () => {
    expect([FAILURES_TO_OPEN, OPEN_MS, HALF_OPEN_CALLS, SUCCESSES_TO_CLOSE]).toEqual([5, 60_000, 3, 3])
  })

  it('opens with the fifth failure in a row, and tells', () => {
    const { breaker, transitions } = makeBreaker()
    failTimes(breaker, 4, START)
    expect(breaker.stateAt(START)).toBe('closed')
    expect(transitions).toEqual([])
    breaker.tryEnter(START).fail(START, 'WORKER_LOST')
    expect(breaker.stateAt(START)).toBe('open')
    expect(transitions).toEqual([{ from: 'closed', to: 'open', failures: 5, lastFailure: 'WORKER_LOST' }])
  })

  it('lets any number of calls pass at once', () => {
    const { breaker } = makeBreaker()
    expect(() => Array.from({ length: 1_000 }, () => breaker.tryEnter(START))).not.toThrow()
  })

  it('opens once when more calls than five were under way and all fail', () => {
    const { breaker, transitions } = makeBreaker()
    const passes = Array.from({ length: 20 }, () => breaker.tryEnter(START))
    for (const [index, pass] of passes.entries()) pass.fail(START + index, 'INTERNAL')
    expect(transitions).toHaveLength(1)
    // The fifth failed 4 ms after the first: the later ones do not prolong it.
    expect(breaker.stateAt(START + 4 + OPEN_MS)).toBe('half-open')
  })
})

describe('origin bug 16 cannot happen', () => {
  it('an error of the model counts as a failure', () => {
    const { breaker } = openBreaker()
    expect(refusal(breaker, START)).toMatchObject({ code: 'BREAKER_OPEN' })
  })

  it('failures count only in a row: a success between them starts from 0', () => {
    const { breaker } = makeBreaker()
    for (let round = 0; round < 100; round++) {
      failTimes(breaker, FAILURES_TO_OPEN - 1, START)
      breaker.tryEnter(START).succeed(START)
    }
    expect(breaker.snapshot(START)).toMatchObject({ state: 'closed', failures: 0, opened: 0 })
  })

  it('half-open never has more than three calls under way', () => {
    const { breaker } = openBreaker()
    const now = START + OPEN_MS
    const passes = Array.from({ length: HALF_OPEN_CALLS }, () => breaker.tryEnter(now))
    expect(refusal(breaker, now)).toMatchObject({ code: 'BREAKER_OPEN', details: { retryAfterMs: HALF_OPEN_RETRY_MS } })
    passes[0]?.succeed(now)
    expect(() => breaker.tryEnter(now)).not.toThrow()
    expect(() => breaker.tryEnter(now)).toThrow()
  })
})

describe('an open breaker', () => {
  it('refuses for 60 s, and says for how long still, for which model and why', () => {
    const { breaker } = openBreaker()
    const error = refusal(breaker, START + 59_999.5)
    expect(error).toMatchObject({
      code: 'BREAKER_OPEN',
      details: { model: 'stella', failures: 5, lastFailure: 'INTERNAL', retryAfterMs: 1 },
    })
    expect(error.message).toBe('stella failed 5 times in a row; its last failure was INTERNAL. Try again in 1 ms')
    expect(refusal(breaker, START).details['retryAfterMs']).toBe(OPEN_MS)
  })

  it('lets a call try when retryAfterMs has passed', () => {
    const { breaker } = openBreaker()
    const { retryAfterMs } = refusal(breaker, START + 12_345.6).details
    expect(() => breaker.tryEnter(START + 12_345.6 + Number(retryAfterMs))).not.toThrow()
  })

  it('is half-open once its time is over, and tells when a call comes', () => {
    const { breaker, transitions } = openBreaker()
    expect(breaker.snapshot(START + OPEN_MS)).toMatchObject({ state: 'half-open', retryAfterMs: undefined })
    expect(transitions).toHaveLength(1)
    breaker.tryEnter(START + OPEN_MS)
    expect(transitions[1]).toEqual({ from: 'open', to: 'half-open', failures: 5, lastFailure: 'INTERNAL' })
  })

  it('counts what it refused', () => {
    const { breaker } = openBreaker()
    for (let call = 0; call < 7; call++) refusal(breaker, START)
    expect(breaker.snapshot(START)).toEqual({
      state: 'open',
      failures: 5,
      lastFailure: 'INTERNAL',
      opened: 1,
      refused: 7,
      retryAfterMs: OPEN_MS,
    })
  })
})

describe('a half-open breaker', () => {
  const now = START + OPEN_MS

  it('closes with the third success, and counts failures from 0 then', () => {
    const { breaker, transitions } = openBreaker()
    for (let success = 0; success < 2; success++) breaker.tryEnter(now).succeed(now)
    expect(breaker.stateAt(now)).toBe('half-open')
    breaker.tryEnter(now).succeed(now)
    expect(transitions.map(({ to }) => to)).toEqual(['open', 'half-open', 'closed'])
    failTimes(breaker, FAILURES_TO_OPEN - 1, now)
    expect(breaker.stateAt(now)).toBe('closed')
  })

  it('opens again with one failure, for another 60 s', () => {
    const { breaker } = openBreaker()
    breaker.tryEnter(now).succeed(now)
    breaker.tryEnter(now).fail(now + 10, 'WORKER_LOST')
    expect(breaker.snapshot(now + 10)).toMatchObject({ state: 'open', opened: 2, retryAfterMs: OPEN_MS })
    expect(refusal(breaker, now + 10 + OPEN_MS - 1).details['lastFailure']).toBe('WORKER_LOST')
    expect(() => breaker.tryEnter(now + 10 + OPEN_MS)).not.toThrow()
  })

  it('gives the place of an aborted call back, and counts nothing for it', () => {
    const { breaker, transitions } = openBreaker()
    for (let call = 0; call < 100; call++) breaker.tryEnter(now).release()
    expect(breaker.stateAt(now)).toBe('half-open')
    expect(transitions).toHaveLength(2)
  })

  it('hears nothing of calls that began before it opened', () => {
    const { breaker } = makeBreaker()
    const late = Array.from({ length: 10 }, () => breaker.tryEnter(START))
    failTimes(breaker, FAILURES_TO_OPEN, START)
    const probe = breaker.tryEnter(now)
    for (const pass of late.slice(0, 5)) pass.succeed(now)
    for (const pass of late.slice(5)) pass.fail(now, 'INTERNAL')
    expect(breaker.stateAt(now)).toBe('half-open')
    probe.succeed(now)
    breaker.tryEnter(now).succeed(now)
    expect(breaker.stateAt(now)).toBe('half-open')
    breaker.tryEnter(now).succeed(now)
    expect(breaker.stateAt(now)).toBe('closed')
  })
})

describe('a pass', () => {
  const now = START + OPEN_MS

  it('is settled once: what follows counts for nothing', () => {
    const { breaker } = openBreaker()
    const pass = breaker.tryEnter(now)
    pass.succeed(now)
    pass.succeed(now)
    pass.succeed(now)
    pass.fail(now, 'INTERNAL')
    pass.release()
    expect(breaker.stateAt(now)).toBe('half-open')
    const places = Array.from({ length: HALF_OPEN_CALLS }, () => breaker.tryEnter(now))
    expect(places).toHaveLength(HALF_OPEN_CALLS)
    expect(() => breaker.tryEnter(now)).toThrow()
  })
})

describe('a listener that throws', () => {
  it('finds the new state, and leaves it', () => {
    const breaker: CircuitBreaker = new CircuitBreaker({
      model: 'stella',
      onTransition: ({ to }) => {
        expect(breaker.stateAt(START)).toBe(to)
        throw new Error('listener')
      },
    })
    failTimes(breaker, FAILURES_TO_OPEN - 1, START)
    const pass = breaker.tryEnter(START)
    expect(() => {
      pass.fail(START, 'INTERNAL')
    }).toThrow('listener')
    expect(breaker.stateAt(START)).toBe('open')
  })
})

/** What the breaker must do, worked out from the whole story of the present period each time. */
class Reference {
  now = START
  state: BreakerState = 'closed'
  since = START
  /** Outcomes since the last change of state, in order; `enter` for each pass. */
  story: ('enter' | 'success' | 'failure' | 'neither')[] = []
  period = 0
  readonly passes: { readonly pass: BreakerPass; readonly period: number; settled: boolean }[] = []
  readonly transitions: BreakerState[] = []

  count(what: Reference['story'][number]): number {
    return this.story.filter((event) => event === what).length
  }

  mayEnter(): boolean {
    if (this.state === 'closed') return true
    if (this.state === 'open') return this.now >= this.since + OPEN_MS
    const ended = this.count('success') + this.count('failure') + this.count('neither')
    return this.count('enter') - ended < HALF_OPEN_CALLS
  }

  become(state: BreakerState): void {
    Object.assign(this, { state, since: this.now, story: [], period: this.period + 1 })
    this.transitions.push(state)
  }

  settle(index: number, outcome: 'success' | 'failure' | 'neither'): void {
    const entry = this.passes[index]
    if (entry === undefined || entry.settled || entry.period !== this.period) return
    entry.settled = true
    this.story.push(outcome)
    const outcomes = this.story.filter((event) => event === 'success' || event === 'failure')
    const lastFive = outcomes.slice(-FAILURES_TO_OPEN)
    if (this.state === 'closed') {
      if (lastFive.length === FAILURES_TO_OPEN && !lastFive.includes('success')) this.become('open')
    } else if (this.count('failure') > 0) this.become('open')
    else if (this.count('success') === SUCCESSES_TO_CLOSE) this.become('closed')
  }
}

interface Real {
  readonly breaker: CircuitBreaker
  readonly transitions: readonly BreakerTransition[]
}

type Command = fc.Command<Reference, Real>

function compare(model: Reference, { breaker, transitions }: Real): void {
  const shown = model.state === 'open' && model.mayEnter() ? 'half-open' : model.state
  expect(breaker.stateAt(model.now)).toBe(shown)
  expect(transitions.map(({ to }) => to)).toEqual(model.transitions)
}

const enter: Command = {
  check: () => true,
  run(model, real) {
    if (model.mayEnter()) {
      const pass = real.breaker.tryEnter(model.now)
      if (model.state === 'open') model.become('half-open')
      model.story.push('enter')
      model.passes.push({ pass, period: model.period, settled: false })
    } else {
      const { code, details } = refusal(real.breaker, model.now)
      expect(code).toBe('BREAKER_OPEN')
      expect(details['retryAfterMs']).toBe(
        model.state === 'open' ? Math.ceil(model.since + OPEN_MS - model.now) : HALF_OPEN_RETRY_MS,
      )
    }
    compare(model, real)
  },
  toString: () => 'enter',
}

function settle(outcome: 'success' | 'failure' | 'neither', at: number): Command {
  return {
    check: (model) => model.passes.length > 0,
    run(model, real) {
      // Counted from the newest, and settled ones as well: a second time must not count.
      const index = model.passes.length - 1 - (at % model.passes.length)
      const pass = model.passes[index]?.pass
      if (outcome === 'success') pass?.succeed(model.now)
      else if (outcome === 'failure') pass?.fail(model.now, 'INTERNAL')
      else pass?.release()
      model.settle(index, outcome)
      compare(model, real)
    },
    toString: () => `${outcome}(${at})`,
  }
}

function wait(ms: number): Command {
  return {
    check: () => true,
    run(model, real) {
      model.now += ms
      compare(model, real)
    },
    toString: () => `wait(${ms})`,
  }
}

const pick = fc.nat({ max: 8 })
const commands = fc.commands(
  [
    fc.constant(enter),
    fc.constant(enter),
    pick.map((at) => settle('failure', at)),
    pick.map((at) => settle('failure', at)),
    pick.map((at) => settle('success', at)),
    pick.map((at) => settle('neither', at)),
    fc.oneof(fc.nat({ max: 1_000 }), fc.constantFrom(OPEN_MS - 1, OPEN_MS, 0.5)).map(wait),
  ],
  { maxCommands: 200, size: 'max' },
)

describe('in any order of calls, outcomes and waits', () => {
  it('it does what the reference does', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(commands, (plan) => {
        const { breaker, transitions } = makeBreaker()
        const model = new Reference()
        fc.modelRun(() => ({ model, real: { breaker, transitions } }), plan)
        for (const { from, to } of transitions) seen.add(`${from} → ${to}`)
      }),
      { numRuns: 500 },
    )
    // Or the plans were too short to show anything.
    expect([...seen].sort()).toEqual(['closed → open', 'half-open → closed', 'half-open → open', 'open → half-open'])
  })
})
