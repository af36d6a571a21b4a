import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { QueueLimits, Reservation } from '../../../src/scheduler/queue-budget.js'
import { ASSUMED_RATE, MAX_RETRY_AFTER_MS, QUEUE_LIMITS, QueueBudget } from '../../../src/scheduler/queue-budget.js'
import { failureOf } from '../../support/failure.js'

const LIMITS: QueueLimits = { texts: 10, tokens: 100, bytes: 1000 }
const NOTHING: QueueLimits = { texts: 0, tokens: 0, bytes: 0 }
const RATE = { texts: 2, tokens: 50 }

const budget = () => new QueueBudget({ limits: LIMITS, model: 'm' })

describe('the budget of a queue', () => {
  it('takes to the last text, token and byte, and no further', () => {
    const queue = budget()
    const reservation = queue.reserve({ texts: 10, bytes: 1000 })
    reservation.addTokens(60)
    reservation.addTokens(40)
    expect(queue.held).toEqual(LIMITS)
    expect(() => queue.reserve({ texts: 1, bytes: 0 })).toThrow('texts')
    expect(() => queue.reserve({ texts: 0, bytes: 1 })).toThrow('bytes')
    expect(() => {
      reservation.addTokens(1)
    }).toThrow('tokens')
    expect(queue.held).toEqual(LIMITS)
  })

  it('has limits that hold a hundred thousand texts, unless it is given others', () => {
    expect(new QueueBudget().limits).toEqual({ texts: 100_000, tokens: 50_000_000, bytes: 268_435_456 })
    expect(QUEUE_LIMITS).toEqual(new QueueBudget({ model: 'm' }).limits)
  })

  it('gets back what settles: the text, its tokens, and its share of the bytes', () => {
    const queue = budget()
    const reservation = queue.reserve({ texts: 3, bytes: 100 })
    reservation.addTokens(30)
    reservation.settle(5)
    expect(reservation.held).toEqual({ texts: 2, tokens: 25, bytes: 67 })
    reservation.settle(25, 2)
    expect([reservation.held, queue.held]).toEqual([NOTHING, NOTHING])
  })

  it('never gets back more than was taken, nor anything twice', () => {
    const queue = budget()
    queue.reserve({ texts: 1, bytes: 10 })
    const reservation = queue.reserve({ texts: 2, bytes: 10 })
    reservation.addTokens(7)
    reservation.settle(1_000, 50)
    reservation.release()
    reservation.release()
    reservation.settle(1, 1)
    expect([reservation.held, queue.held]).toEqual([NOTHING, { texts: 1, tokens: 0, bytes: 10 }])
  })

  it('takes no tokens for a reservation that was released: nobody would give them back', () => {
    const reservation = budget().reserve({ texts: 1, bytes: 0 })
    reservation.release()
    expect(() => {
      reservation.addTokens(1)
    }).toThrow('released')
  })

  it.each([Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY])('is not unhinged by %s', (count) => {
    const queue = budget()
    const reservation = queue.reserve({ texts: 1, bytes: 1 })
    const mistakes = [
      () => queue.reserve({ texts: count, bytes: 0 }),
      () => queue.reserve({ texts: 0, bytes: count }),
      () => {
        reservation.addTokens(count)
      },
      () => {
        reservation.settle(count)
      },
      () => {
        reservation.settle(0, count)
      },
    ]
    for (const mistake of mistakes) expect(mistake).toThrow(`${count}`)
    expect(queue.held).toEqual({ texts: 1, tokens: 0, bytes: 1 })
  })
})

describe('a refusal', () => {
  it('of texts says how full the queue is and when to come back, by how fast texts leave', async () => {
    const queue = budget()
    queue.reserve({ texts: 8, bytes: 0 })
    const error = await failureOf(() => queue.reserve({ texts: 5, bytes: 0 }, RATE))
    expect(error.code).toBe('OVERLOADED')
    // Three texts too many, at two a second.
    const details = { model: 'm', limit: 'texts', asked: 5, held: 8, max: 10, retryAfterMs: 1500 }
    expect(error.details).toEqual(details)
    expect(error.message).toBe(
      'The queue of m is full: it holds 8 of 10 texts, and this call has 5. ' +
        'Try again in about 1500 ms, or send fewer at once',
    )
  })

  it('of tokens goes by how fast tokens leave, and leaves what the call held', async () => {
    const queue = budget()
    queue.reserve({ texts: 1, bytes: 0 }).addTokens(90)
    const reservation = queue.reserve({ texts: 1, bytes: 5 }, RATE)
    reservation.addTokens(3)
    const error = await failureOf(() => {
      reservation.addTokens(20)
    })
    expect(error.details).toMatchObject({ limit: 'tokens', asked: 20, held: 93, max: 100, retryAfterMs: 260 })
    expect(reservation.held).toEqual({ texts: 1, tokens: 3, bytes: 5 })
  })

  it('of bytes goes by how fast texts leave, and how large they are', async () => {
    const queue = budget()
    queue.reserve({ texts: 4, bytes: 800 })
    const error = await failureOf(() => queue.reserve({ texts: 1, bytes: 400 }, RATE))
    // 200 bytes a text, two texts a second.
    expect(error.details).toMatchObject({ limit: 'bytes', asked: 400, held: 800, max: 1000, retryAfterMs: 500 })
  })

  it.each([
    ['texts', () => budget().reserve({ texts: 11, bytes: 0 }, RATE), 11],
    ['bytes', () => budget().reserve({ texts: 1, bytes: 1001 }, RATE), 1001],
    [
      'tokens',
      () => {
        const reservation = budget().reserve({ texts: 2, bytes: 0 }, RATE)
        reservation.addTokens(60)
        reservation.addTokens(41)
      },
      101,
    ],
  ])('of a call that alone has too many %s says to split it, and not to wait', async (limit, ask, all) => {
    const error = await failureOf(ask)
    expect(error.code).toBe('OVERLOADED')
    expect(error.details.limit).toBe(limit)
    expect(error.details).not.toHaveProperty('retryAfterMs')
    expect(error.message).toMatch(/Split it into several calls, or use `embedStream`/)
    expect(error.message).toContain(`this call alone has ${all}`)
  })

  it('of a call that just fits an empty queue tells when the queue will be empty', async () => {
    const queue = budget()
    queue.reserve({ texts: 1, bytes: 0 })
    const error = await failureOf(() => queue.reserve({ texts: 10, bytes: 0 }, RATE))
    expect(error.details.retryAfterMs).toBe(500)
  })

  it('names no model where it was given none', async () => {
    const error = await failureOf(() => new QueueBudget({ limits: LIMITS }).reserve({ texts: 11, bytes: 0 }))
    expect(error.message).toMatch(/^The queue holds/)
    expect(error.details).toEqual({ limit: 'texts', asked: 11, held: 0, max: 10 })
  })

  it.each([
    ['nothing was measured', undefined],
    ['nothing was done', { texts: 0, tokens: 0 }],
    ['the measurement is none', { texts: Number.NaN, tokens: -1 }],
  ])('assumes a rate where %s', async (_, rate) => {
    const queue = budget()
    queue.reserve({ texts: 10, bytes: 0 }).addTokens(100)
    const texts = await failureOf(() => queue.reserve({ texts: 4, bytes: 0 }, rate))
    expect(texts.details.retryAfterMs).toBe((4 / ASSUMED_RATE.texts) * 1000)
    const full = budget()
    full.reserve({ texts: 1, bytes: 0 }).addTokens(100)
    const tokens = await failureOf(() => {
      full.reserve({ texts: 1, bytes: 0 }, rate).addTokens(27)
    })
    expect(tokens.details.retryAfterMs).toBe(100)
  })

  it('asks for a wait of a millisecond at least, and an hour at most', async () => {
    const queue = budget()
    queue.reserve({ texts: 10, bytes: 0 })
    const waits = [Number.POSITIVE_INFINITY, 1e9, 1e-9].map(async (texts) => {
      return (await failureOf(() => queue.reserve({ texts: 1, bytes: 0 }, { texts, tokens: 1 }))).details.retryAfterMs
    })
    expect(await Promise.all(waits)).toEqual([1, 1, MAX_RETRY_AFTER_MS])
  })
})

/** What calls do to a budget, one step at a time. */
type Step =
  | { readonly reserve: number; readonly bytes: number }
  | { readonly add: number; readonly tokens: number }
  | { readonly settle: number; readonly tokens: number; readonly texts: number }
  | { readonly release: number }

const anyCall = fc.nat({ max: 20 })
const anySteps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ reserve: fc.nat({ max: 12 }), bytes: fc.nat({ max: 1100 }) }),
    fc.record({ add: anyCall, tokens: fc.nat({ max: 110 }) }),
    fc.record({ settle: anyCall, tokens: fc.nat({ max: 60 }), texts: fc.nat({ max: 4 }) }),
    fc.record({ release: anyCall }),
  ),
  { maxLength: 100 },
)

describe('any calls', () => {
  it('hold what their reservations hold, never more than the limits and never less than nothing', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const queue = budget()
        const reservations: Reservation[] = []
        const released = new Set<Reservation>()
        for (const step of steps) {
          const before = queue.held
          if ('reserve' in step) {
            const asked = { texts: step.reserve, bytes: step.bytes }
            const fits = before.texts + asked.texts <= LIMITS.texts && before.bytes + asked.bytes <= LIMITS.bytes
            if (fits) reservations.push(queue.reserve(asked, RATE))
            else expect(() => queue.reserve(asked, RATE)).toThrow('The queue of m')
          } else if ('add' in step) {
            const reservation = reservations[step.add]
            const add = () => reservation?.addTokens(step.tokens)
            if (reservation !== undefined && released.has(reservation)) expect(add).toThrow('released')
            else if (reservation === undefined || before.tokens + step.tokens <= LIMITS.tokens) add()
            else expect(add).toThrow('The queue of m')
          } else if ('settle' in step) {
            const reservation = reservations[step.settle]
            const { texts = 0, tokens = 0 } = reservation?.held ?? {}
            reservation?.settle(step.tokens, step.texts)
            expect(reservation?.held.texts ?? 0).toBe(Math.max(0, texts - step.texts))
            expect(reservation?.held.tokens ?? 0).toBe(Math.max(0, tokens - step.tokens))
          } else {
            const reservation = reservations[step.release]
            reservation?.release()
            if (reservation !== undefined) released.add(reservation)
          }
          for (const limit of ['texts', 'tokens', 'bytes'] as const) {
            const sum = reservations.reduce((total, { held }) => total + held[limit], 0)
            expect(queue.held[limit]).toBe(sum)
            expect(sum >= 0 && sum <= LIMITS[limit]).toBe(true)
          }
        }
        for (const reservation of reservations) reservation.release()
        expect(queue.held).toEqual(NOTHING)
      }),
    )
  })

  it('that settle text by text give back all their bytes with the last', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.nat({ max: 1000 }), (texts, bytes) => {
        const queue = budget()
        const reservation = queue.reserve({ texts, bytes })
        for (let left = texts; left > 0; left--) {
          expect(queue.held.bytes > 0 || bytes < texts).toBe(true)
          reservation.settle(0)
        }
        expect(queue.held).toEqual(NOTHING)
      }),
    )
  })
})
