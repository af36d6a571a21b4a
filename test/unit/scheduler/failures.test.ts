/** What becomes of texts whose run failed: the bad one alone fails, and costs two threads at most. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { Batch } from '../../../src/scheduler/scheduler.js'
import { REMEMBERED_TEXTS, Scheduler } from '../../../src/scheduler/scheduler.js'
import { LIMITS, lengthsOf, must, ownersOf, text } from './texts.js'

const bulk = { lane: 'bulk' } as const

/** A scheduler in which texts of 10 tokens wait, with their ids as owners. */
function waiting(ids: readonly number[]) {
  const scheduler = new Scheduler<number>({ limits: { ...LIMITS, runTokens: 1000, paddedPlaces: 1000 } })
  for (const id of ids) scheduler.submit(text(10, { id }), id, 0)
  return scheduler
}

const idsOf = (batch: Batch<number>): readonly number[] => batch.texts.map((ids) => ids[0] ?? 0)

/** Takes and ends batches until nothing waits: `bad` texts spoil each batch they are in. */
function runAll(scheduler: Scheduler<number>, bad: ReadonlySet<number>, ending: 'fail' | 'lose') {
  const runs: (readonly number[])[] = []
  const failed: number[] = []
  const served: number[] = []
  for (let batch = scheduler.take(0, 1); batch !== undefined; batch = scheduler.take(0, 1)) {
    const ids = idsOf(batch)
    runs.push(ids)
    if (ids.some((id) => bad.has(id))) failed.push(...ownersOf(scheduler[ending](batch)))
    else served.push(...scheduler.succeed(batch).flatMap(ownersOf))
  }
  return { runs, failed, served }
}

const anyTexts = fc.integer({ min: 1, max: 64 }).chain((count) => {
  return fc.record({
    ids: fc.constant(Array.from({ length: count }, (_, index) => index + 1)),
    bad: fc.uniqueArray(fc.integer({ min: 1, max: count }), { maxLength: 4 }),
  })
})

const sorted = (ids: readonly number[]): readonly number[] => ids.toSorted((a, b) => a - b)

describe('a batch whose thread was lost', () => {
  it('is marked, one by one, until its texts have run', () => {
    const scheduler = waiting([1, 2])
    const batch = must(scheduler.take(0, 1))
    expect(batch.suspect).toBe(false)
    scheduler.lose(batch)
    for (const again of [must(scheduler.take(0, 1)), must(scheduler.take(0, 1))]) {
      expect(again).toMatchObject({ suspect: true, texts: { length: 1 } })
      scheduler.succeed(again)
    }
    scheduler.submit(text(10, { id: 1 }), 1, 0)
    expect(must(scheduler.take(0, 1)).suspect).toBe(false)
  })
})

describe('a batch that the engine refuses', () => {
  it('goes again in two halves, in order', () => {
    const scheduler = waiting([1, 2, 3, 4, 5])
    expect(scheduler.fail(must(scheduler.take(0, 1)))).toEqual([])
    const halves = [must(scheduler.take(0, 1)), must(scheduler.take(0, 1))]
    expect(halves.map(idsOf)).toEqual([
      [1, 2, 3],
      [4, 5],
    ])
    expect(halves.map(({ retried }) => retried)).toEqual([true, true])
  })

  it('fails where it is a single text', () => {
    const scheduler = waiting([1])
    scheduler.submit(text(10, { id: 1 }), 2, 0)
    expect(ownersOf(scheduler.fail(must(scheduler.take(0, 1))))).toEqual([1, 2])
    expect(scheduler.waiting.texts).toBe(0)
  })

  it('fails just the bad texts, each in a number of runs that grows with the logarithm', () => {
    fc.assert(
      fc.property(anyTexts, ({ ids, bad }) => {
        const { runs, failed, served } = runAll(waiting(ids), new Set(bad), 'fail')
        expect(sorted(failed)).toEqual(sorted(bad))
        expect(sorted(served)).toEqual(ids.filter((id) => !bad.includes(id)))
        expect(runs.length).toBeLessThanOrEqual(1 + 2 * bad.length * Math.ceil(Math.log2(ids.length)))
      }),
    )
  })

  it('goes before anything else of its lane, with its age, and with nobody new beside it', () => {
    const scheduler = new Scheduler<string>({ limits: LIMITS })
    for (const owner of ['a', 'b']) scheduler.submit(text(10, bulk), owner, 7)
    const batch = must(scheduler.take(8, 1))
    for (const owner of ['c', 'd']) scheduler.submit(text(10, bulk), owner, 9)
    scheduler.fail(batch)
    scheduler.submit(text(10), 'urgent', 10)
    const next = [1, 2, 3, 4].map(() => must(scheduler.take(11, 1)))
    expect(next.map(({ tickets, since }) => [...tickets.flatMap(ownersOf), since])).toEqual([
      ['urgent', 10],
      ['a', 7],
      ['b', 7],
      ['c', 'd', 9],
    ])
  })

  it('leaves out who was withdrawn while it ran', () => {
    const scheduler = waiting([])
    const tickets = [1, 2, 3, 4].map((id) => scheduler.submit(text(10, { id }), id, 0))
    const batch = must(scheduler.take(0, 1))
    for (const ticket of tickets.slice(0, 3)) expect(scheduler.withdraw(ticket)).toBe(true)
    expect(scheduler.fail(batch)).toEqual([])
    expect(idsOf(must(scheduler.take(0, 1)))).toEqual([4])
    expect(scheduler.waiting.texts).toBe(0)
  })
})

describe('a batch whose thread is lost', () => {
  it('goes again, each text alone, so that only the one to blame is lost twice', () => {
    const scheduler = waiting([1, 2, 3])
    expect(scheduler.lose(must(scheduler.take(0, 1)))).toEqual([])
    const { runs, failed, served } = runAll(scheduler, new Set([2]), 'lose')
    expect(runs).toEqual([[1], [2], [3]])
    expect([failed, served]).toEqual([[2], [1, 3]])
  })

  it('costs two threads for each text to blame, and no other text fails', () => {
    fc.assert(
      fc.property(anyTexts, ({ ids, bad }) => {
        const scheduler = waiting(ids)
        const { runs, failed, served } = runAll(scheduler, new Set(bad), 'lose')
        expect(sorted(failed)).toEqual(sorted(bad))
        expect(sorted(served)).toEqual(ids.filter((id) => !bad.includes(id)))
        for (const id of bad) expect(runs.filter((run) => run.includes(id))).toHaveLength(2)
        for (const id of ids) {
          expect(scheduler.isQuarantined(text(10, { id })), `${id}`).toBe(bad.includes(id))
          // Only the text itself: it may be its neighbours' fault, or this head's.
          expect(scheduler.isQuarantined(text(11, { id }))).toBe(false)
        }
      }),
    )
  })

  it('may be a batch refused before, and the other way round: neither counts as the other', () => {
    const scheduler = waiting([1, 2])
    scheduler.fail(must(scheduler.take(0, 1)))
    expect(scheduler.lose(must(scheduler.take(0, 1)))).toEqual([])
    expect(idsOf(must(scheduler.take(0, 1)))).toEqual([2])
    expect(ownersOf(scheduler.fail(must(scheduler.take(0, 1))))).toEqual([1])
    expect(scheduler.isQuarantined(text(10, { id: 1 }))).toBe(false)
  })

  it('takes a text that waits a second time with it when it is lost twice', () => {
    const scheduler = waiting([1])
    scheduler.lose(must(scheduler.take(0, 1)))
    const again = must(scheduler.take(0, 1))
    scheduler.submit(text(10, { id: 1 }), 77, 0)
    expect(ownersOf(scheduler.lose(again))).toEqual([1, 77])
    expect(scheduler.waiting).toEqual({ texts: 0, tokens: 0 })
  })

  it('is not forgiven a loss where an identical text is submitted: they go alone together', () => {
    const scheduler = waiting([1])
    const batch = must(scheduler.take(0, 1))
    scheduler.submit(text(10, { id: 2 }), 2, 0)
    scheduler.submit(text(10, { id: 1 }), 77, 0)
    scheduler.lose(batch)
    const next = must(scheduler.take(0, 1))
    expect(next.tickets.map(ownersOf)).toEqual([[1, 77]])
    expect(ownersOf(scheduler.lose(next))).toEqual([1, 77])
  })

  it('fails at once where its text was quarantined while it ran elsewhere', () => {
    const scheduler = waiting([1])
    scheduler.lose(must(scheduler.take(0, 1)))
    const alone = must(scheduler.take(0, 1))
    scheduler.submit(text(10, { id: 1 }), 77, 0)
    scheduler.submit(text(10, { id: 2 }), 2, 0)
    const elsewhere = must(scheduler.take(0, 1))
    expect(ownersOf(scheduler.lose(alone))).toEqual([1])
    expect(ownersOf(scheduler.fail(elsewhere))).toEqual([77])
    expect(idsOf(must(scheduler.take(0, 1)))).toEqual([2])
  })

  // Else a text whose caller's deadline is shorter than the time it takes to crash would cost a thread each time.
  it.each(['while it ran', 'while it waited again', 'by draining'])(
    'is remembered where its caller gave up %s: it goes alone, and a second loss is its last',
    (when) => {
      const scheduler = waiting([])
      const ticket = scheduler.submit(text(10, { id: 1 }), 1, 0)
      const batch = must(scheduler.take(0, 1))
      if (when === 'while it ran') scheduler.withdraw(ticket)
      scheduler.lose(batch)
      if (when === 'while it waited again') scheduler.withdraw(ticket)
      if (when === 'by draining') scheduler.drain()
      expect(scheduler.waiting.texts).toBe(0)
      for (const id of [2, 1, 3]) scheduler.submit(text(10, { id }), id, 0)
      expect(idsOf(must(scheduler.take(0, 1)))).toEqual([2, 3])
      const alone = must(scheduler.take(0, 1))
      expect(idsOf(alone)).toEqual([1])
      expect(ownersOf(scheduler.lose(alone))).toEqual([1])
      expect(scheduler.isQuarantined(text(10, { id: 1 }))).toBe(true)
    },
  )

  it('is forgiven once it has run', () => {
    const scheduler = waiting([])
    const ticket = scheduler.submit(text(10, { id: 1 }), 1, 0)
    const batch = must(scheduler.take(0, 1))
    scheduler.withdraw(ticket)
    scheduler.lose(batch)
    scheduler.submit(text(10, { id: 1 }), 1, 0)
    scheduler.succeed(must(scheduler.take(0, 1)))
    for (const id of [1, 2]) scheduler.submit(text(10, { id }), id, 0)
    expect(idsOf(must(scheduler.take(0, 1)))).toEqual([1, 2])
  })

  it('that was quarantined, and is submitted still, goes alone, and costs one more thread and not two', () => {
    const scheduler = waiting([1])
    scheduler.lose(must(scheduler.take(0, 1)))
    scheduler.lose(must(scheduler.take(0, 1)))
    for (const id of [1, 2]) scheduler.submit(text(10, { id }), id, 0)
    expect(ownersOf(scheduler.lose(must(scheduler.take(0, 1))))).toEqual([1])
    expect(idsOf(must(scheduler.take(0, 1)))).toEqual([2])
  })

  it('stays quarantined, and alone, whatever else is suspected', () => {
    const scheduler = waiting([1])
    scheduler.lose(must(scheduler.take(0, 1)))
    scheduler.lose(must(scheduler.take(0, 1)))
    for (let id = 100; id <= 100 + REMEMBERED_TEXTS; id++) {
      const ticket = scheduler.submit(text(10, { id }), id, 0)
      const batch = must(scheduler.take(0, 1))
      scheduler.withdraw(ticket)
      scheduler.lose(batch)
    }
    expect(scheduler.isQuarantined(text(10, { id: 1 }))).toBe(true)
    for (const id of [2, 1]) scheduler.submit(text(10, { id }), id, 0)
    expect([scheduler.take(0, 1), scheduler.take(0, 1)].map((batch) => idsOf(must(batch)))).toEqual([[2], [1]])
  })

  it('remembers so many quarantined texts, and forgets the oldest', () => {
    const scheduler = waiting([])
    for (let id = 0; id <= REMEMBERED_TEXTS; id++) {
      scheduler.submit(text(10, { id }), id, 0)
      scheduler.lose(must(scheduler.take(0, 1)))
      scheduler.lose(must(scheduler.take(0, 1)))
    }
    const quarantined = [0, 1, REMEMBERED_TEXTS].map((id) => scheduler.isQuarantined(text(10, { id })))
    expect(quarantined).toEqual([false, true, true])
  })
})

describe('a batch that never began', () => {
  it('goes again as it was, first of its lane, and nothing is held against it', () => {
    const scheduler = waiting([1, 2, 3])
    for (let round = 0; round < 5; round++) {
      const batch = must(scheduler.take(0, 1))
      expect(idsOf(batch)).toEqual([1, 2, 3])
      scheduler.submit(text(10, { id: 100 + round }), 100 + round, 0)
      expect(scheduler.giveBack(batch)).toEqual([])
    }
    expect(scheduler.isQuarantined(text(10, { id: 1 }))).toBe(false)
  })

  // The thread that held it as its next was lost with another: with `lose` it would fail for its neighbour's fault.
  it('does not fail where a thread is lost before its turn, also after a loss of its own', () => {
    const scheduler = waiting([1, 2])
    scheduler.lose(must(scheduler.take(0, 1)))
    const [running, next] = [must(scheduler.take(0, 1)), must(scheduler.take(0, 1))]
    expect(ownersOf(scheduler.lose(running))).toEqual([1])
    expect(scheduler.giveBack(next)).toEqual([])
    expect(scheduler.succeed(must(scheduler.take(0, 1))).map(ownersOf)).toEqual([[2]])
  })

  it('leaves out who was withdrawn, and fails who was quarantined, in the meantime', () => {
    const scheduler = waiting([])
    const submit = (id: number) => scheduler.submit(text(10, { id }), id, 0)
    submit(1)
    scheduler.lose(must(scheduler.take(0, 1)))
    const alone = must(scheduler.take(0, 1))
    const [, gone] = [submit(1), submit(2), submit(3)]
    const ahead = must(scheduler.take(0, 1))
    scheduler.lose(alone)
    scheduler.withdraw(must(gone))
    expect(ownersOf(scheduler.giveBack(ahead))).toEqual([1])
    expect(idsOf(must(scheduler.take(0, 1)))).toEqual([3])
  })
})

describe('a batch', () => {
  it.each(['succeed', 'fail', 'lose', 'giveBack'] as const)(
    'ends once: a second %s throws and changes nothing',
    (end) => {
      const scheduler = waiting([1, 2])
      const batch = must(scheduler.take(0, 1))
      scheduler.giveBack(batch)
      expect(() => scheduler[end](batch)).toThrow('ended before')
      expect(scheduler.waiting.texts).toBe(2)
      expect(scheduler.running).toEqual({ texts: 0, tokens: 0, batches: 0 })
    },
  )

  it('of another scheduler is not taken for one of this', () => {
    const [one, other] = [waiting([1]), waiting([1])]
    const batch = must(one.take(0, 1))
    other.take(0, 1)
    expect(() => other.succeed(batch)).toThrow('not of this scheduler')
    expect(one.succeed(batch).map(ownersOf)).toEqual([[1]])
  })

  it('keeps its texts to the limits also as a retry', () => {
    const scheduler = new Scheduler<number>({ limits: LIMITS })
    for (let index = 0; index < 8; index++) scheduler.submit(text(25), index, 0)
    scheduler.fail(must(scheduler.take(0, 1)))
    expect([lengthsOf(scheduler.take(0, 1)), lengthsOf(scheduler.take(0, 1))]).toEqual([
      [25, 25],
      [25, 25],
    ])
  })
})
