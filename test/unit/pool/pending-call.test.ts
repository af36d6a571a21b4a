/** One call's texts: each has an outcome once, and the call ends once, with nothing of it left out. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { FailureMode } from '../../../src/pool/pending-call.js'
import { PendingCall } from '../../../src/pool/pending-call.js'
import type { TextOutcome } from '../../../src/pool/text-outcome.js'

const embedded = (tokens: number): TextOutcome => ({
  ok: true,
  ...{ embedding: new Float32Array([tokens]), tokens, tokensTotal: tokens, truncated: false },
})
const failure = (index: number): StellaError =>
  new StellaError('INTERNAL', `Text ${index} failed`, { details: { index } })
const failed = (index: number): TextOutcome => ({ ok: false, error: failure(index) })

/** A call of some texts, with a ticket each, and what it did. */
function play(texts: number, mode: FailureMode, onProgress?: (progress: { done: number; total: number }) => void) {
  const withdrawn: string[] = []
  const told: number[] = []
  const call = new PendingCall<string>(texts, {
    mode,
    withdraw: (ticket) => withdrawn.push(ticket),
    onProgress: (progress) => {
      told.push(progress.done)
      onProgress?.(progress)
    },
  })
  for (let place = 0; place < texts; place++) call.add(`ticket ${place}`)
  const settle = (place: number, outcome: TextOutcome): void => {
    call.settle(place, outcome, `ticket ${place}`)
  }
  return { call, withdrawn, told, settle }
}

describe('a call', () => {
  it('ends with the last of its texts, in the order of the texts', async () => {
    const { call, settle, withdrawn } = play(3, 'all-or-none')
    for (const place of [2, 0, 1]) {
      expect(call.ended).toBe(false)
      settle(place, embedded(place))
      call.flush()
    }
    expect(call.ended).toBe(true)
    expect(await call.done).toEqual([embedded(0), embedded(1), embedded(2)])
    expect(withdrawn).toEqual([])
  })

  it('of no text ends at once', async () => {
    const { call, told } = play(0, 'all-or-none')
    expect(await call.done).toEqual([])
    expect(told).toEqual([])
  })

  it('tells of progress once for all texts that were settled together, and of nothing twice', async () => {
    const { call, settle, told } = play(3, 'each')
    settle(0, embedded(0))
    settle(1, failed(1))
    call.flush()
    call.flush()
    settle(2, embedded(2))
    call.flush()
    await call.done
    expect(told).toEqual([2, 3])
  })

  it('counts a text once, whatever is said of it later', async () => {
    const { call, settle } = play(2, 'each')
    settle(0, embedded(7))
    settle(0, failed(0))
    call.flush()
    expect(call.ended).toBe(false)
    settle(1, embedded(1))
    call.flush()
    expect(await call.done).toEqual([embedded(7), embedded(1)])
  })
})

describe('all or none', () => {
  it('ends with the first failure; all that is out is withdrawn, and nothing that is not', async () => {
    const { call, settle, withdrawn } = play(4, 'all-or-none')
    settle(3, embedded(3))
    settle(1, failed(1))
    await expect(call.done).rejects.toMatchObject({ code: 'INTERNAL', details: { index: 1 } })
    expect(withdrawn).toEqual(['ticket 0', 'ticket 2'])
    settle(2, failed(2))
    call.flush()
    expect(withdrawn).toHaveLength(2)
  })

  it('tells of no progress once it has failed', async () => {
    const { call, settle, told } = play(2, 'all-or-none')
    settle(0, embedded(0))
    settle(1, failed(1))
    call.flush()
    await expect(call.done).rejects.toThrow('Text 1 failed')
    expect(told).toEqual([])
  })
})

describe('each for itself', () => {
  it('gives a failed text an outcome of its own, and withdraws none', async () => {
    const { call, settle, withdrawn } = play(2, 'each')
    settle(1, failed(1))
    settle(0, embedded(0))
    call.flush()
    expect(await call.done).toEqual([embedded(0), { ok: false, error: failure(1) }])
    expect(withdrawn).toEqual([])
  })

  it('can still be failed as a whole', async () => {
    const { call, settle, withdrawn } = play(2, 'each')
    settle(0, embedded(0))
    call.fail(new StellaError('ABORTED', 'enough'))
    call.fail(new StellaError('TIMEOUT', 'too late'))
    await expect(call.done).rejects.toMatchObject({ code: 'ABORTED' })
    expect(withdrawn).toEqual(['ticket 1'])
  })
})

describe('a progress listener', () => {
  it('that throws fails the call with what it threw', async () => {
    const { call, settle, withdrawn } = play(2, 'each', () => {
      throw new RangeError('no more paper')
    })
    settle(0, embedded(0))
    call.flush()
    await expect(call.done).rejects.toThrow(RangeError)
    expect(withdrawn).toEqual(['ticket 1'])
  })

  it('that gives the call up does so even with the last text', async () => {
    const { call, settle } = play(1, 'all-or-none', () => {
      call.fail(new StellaError('ABORTED', 'enough'))
    })
    settle(0, embedded(0))
    call.flush()
    await expect(call.done).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

it('ends once, whatever comes in whatever order, and withdraws what was out then and nothing else', async () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ place: fc.nat(5), ok: fc.boolean() }) },
    { weight: 4, arbitrary: fc.constant('flush' as const) },
    { weight: 1, arbitrary: fc.constant('fail' as const) },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<FailureMode>('all-or-none', 'each'),
      fc.array(step, { maxLength: 30 }),
      async (mode, steps) => {
        const { call, settle, withdrawn, told } = play(6, mode)
        const out = new Set([0, 1, 2, 3, 4, 5])
        let outAtEnd: readonly string[] | undefined
        for (const now of steps) {
          if (now === 'flush') call.flush()
          else if (now === 'fail') call.fail(new StellaError('ABORTED', 'enough'))
          else {
            out.delete(now.place)
            settle(now.place, now.ok ? embedded(now.place) : failed(now.place))
          }
          if (call.ended) outAtEnd ??= [...out].map((place) => `ticket ${place}`)
        }
        if (!call.ended) {
          for (const place of out) settle(place, embedded(place))
          call.flush()
        }
        const [end] = await Promise.allSettled([call.done])
        expect(withdrawn).toEqual(end.status === 'rejected' ? (outAtEnd ?? []) : [])
        expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
        if (end.status === 'rejected') return
        expect(end.value).toHaveLength(6)
        for (const [place, outcome] of end.value.entries()) {
          if (outcome.ok) expect(outcome.tokens).toBe(place)
          else expect(outcome.error.details['index']).toBe(place)
        }
        expect(told.at(-1)).toBe(6)
      },
    ),
    { numRuns: 300 },
  )
})
