/** What becomes of texts whose worker thread is lost: run again, each alone, never at another's cost. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import fc from 'fast-check'

import { StellaError } from '../../../src/errors.js'
import { failureOf } from '../../support/failure.js'
import type { ManualRun } from '../../support/manual-engine.js'
import { gate, loadFailure, lost, settled, until, vectorOf } from '../../support/manual-engine.js'
import { playServed, vectorsOf } from '../../support/served-play.js'

const EMPTY = { texts: 0, tokens: 0, bytes: 0 }
const WORDS = ['one', 'two', 'three', 'four', 'five']

/** A text that ends every thread that runs it. */
const killing = (run: ManualRun): StellaError | undefined => (run.words.includes('poison') ? lost() : undefined)

beforeEach(() => {
  // Pauses between workers are not what is tested here.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Lets pauses pass until something settles. */
async function passing<T>(work: Promise<T>): Promise<T> {
  let over = false
  const ended = work.finally(() => (over = true))
  ended.catch(() => undefined)
  await until(() => {
    vi.advanceTimersByTime(100)
    return over
  })
  return ended
}

describe('the texts of a lost thread', () => {
  it('run once more, each alone, and give the same results in the same order', async () => {
    const { embed, engine, worker, queue } = await playServed({ automatic: { run: false } })
    const call = embed(WORDS)
    await until(() => engine.running.length === 1)
    engine.automatic.run = true
    worker(0).lose()
    expect(vectorsOf(await passing(call))).toEqual(WORDS.map((text) => vectorOf(text)))
    const [together, ...alone] = engine.ran.map(({ words }) => words)
    expect(together).toHaveLength(WORDS.length)
    expect(alone).toEqual(together?.map((text) => [text]))
    expect(engine.workers).toHaveLength(2)
    expect(queue.held).toEqual(EMPTY)
  })

  it('go to another worker at once where there is one', async () => {
    const { embed, engine, served, worker } = await playServed({ most: 2 })
    await served.fill(256, undefined)
    engine.automatic.run = false
    const call = embed(['one'])
    await until(() => engine.running.length === 1)
    engine.automatic.run = true
    worker(0).lose()
    expect(vectorsOf(await call)).toEqual([vectorOf('one')])
    expect(engine.workers).toHaveLength(2)
  })

  it('run again alone also where they were handed over ahead, with nothing ahead of them or behind', async () => {
    const { embed, engine, worker, run, served } = await playServed({ automatic: { run: false } })
    const warm = embed(['warm'])
    await until(() => engine.running.length === 1)
    run().answer()
    await warm
    const calls = [embed(['first'])]
    await until(() => engine.running.length === 1)
    calls.push(embed(['ahead', 'of time']))
    await until(() => engine.running.length === 2)
    worker(0).lose()
    await settled()
    vi.advanceTimersByTime(60_000)
    calls.push(embed(['later']), embed(['urgent'], { lane: 'interactive' }))
    const order: string[] = []
    await until(() => {
      expect(engine.running.length).toBeLessThanOrEqual(order.includes('first') ? 2 : 1)
      const [now] = engine.running
      order.push(...(now?.words ?? []))
      now?.answer()
      return order.length === 5
    })
    await Promise.all(calls)
    for (const text of ['first', 'ahead', 'of time']) {
      expect(engine.ran.at(1 + order.indexOf(text) + 2)?.words).toEqual([text])
    }
    expect(served.crew.loads).toBe(2)
  })

  it('that nobody wants any more are not run again', async () => {
    const { embed, engine, worker } = await playServed({ automatic: { run: false } })
    const caller = new AbortController()
    const call = failureOf(() => embed(['gone'], { signal: caller.signal }))
    await until(() => engine.running.length === 1)
    caller.abort()
    await call
    worker(0).lose()
    engine.automatic.run = true
    expect(vectorsOf(await passing(embed(['next'])))).toEqual([vectorOf('next')])
    expect(engine.ran.map(({ words }) => words)).toEqual([['gone'], ['next']])
  })
})

describe('a text that ends threads', () => {
  it('fails alone with WORKER_LOST once it has cost two; its neighbours are served', async () => {
    const { embed, engine, queue } = await playServed()
    engine.failRun = killing
    const outcomes = await passing(embed(['one', 'poison', 'two'], { mode: 'each' }))
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true])
    expect(outcomes[1]).toMatchObject({ error: { code: 'WORKER_LOST', details: { index: 1 } } })
    expect(engine.ran.filter(({ words }) => words.includes('poison'))).toHaveLength(2)
    expect(queue.held).toEqual(EMPTY)
  })

  it('is refused from then on, without a thread being lost', async () => {
    const { embed, engine, served, queue } = await playServed()
    engine.failRun = killing
    await passing(failureOf(() => embed(['poison'])))
    await settled()
    vi.advanceTimersByTime(60_000)
    await until(() => served.crew.size === 1)
    const threads = engine.workers.length
    for (let call = 0; call < 3; call++) {
      expect(await failureOf(() => embed(['cure', 'poison']))).toMatchObject({
        code: 'WORKER_LOST',
        details: { index: 1, quarantined: true },
      })
    }
    expect(engine.workers).toHaveLength(threads)
    expect(queue.held).toEqual(EMPTY)
    expect(vectorsOf(await embed(['cure']))).toEqual([vectorOf('cure')])
  })

  it('never takes another text with it, though a dying thread’s answers are lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...WORDS, 'poison'], { minLength: 6, maxLength: 6 }),
        fc.integer({ min: 1, max: 2 }),
        async (order, most) => {
          const { embed, engine, run, served } = await playServed({ most, automatic: { run: false } })
          await served.fill(256, undefined)
          const warm = embed(['warm'])
          await until(() => engine.running.length === 1)
          // Short enough that the next batch is handed over ahead.
          run().answer(1)
          await warm
          const calls = order.map((text) => Promise.allSettled([embed([text])]))
          const all = Promise.all(calls)
          let over = false
          void all.then(() => (over = true))
          await until(() => {
            vi.advanceTimersByTime(100)
            for (const worker of engine.workers) {
              // It has done what came before, and dies of this before anybody has heard.
              if (worker.runs.some(({ words }) => words.includes('poison'))) worker.lose()
              else for (const running of worker.runs) running.answer(1)
            }
            return over
          })
          const ends = (await all).map(([end]) => end)
          for (const [place, text] of order.entries()) {
            const end = ends[place]
            if (end?.status === 'fulfilled') expect(vectorsOf(end.value)).toEqual([vectorOf(text)])
            else expect([text, end?.reason]).toMatchObject(['poison', { code: 'WORKER_LOST' }])
          }
          expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(1)
          expect(engine.ran.filter(({ words }) => words.includes('poison'))).toHaveLength(2)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('a model that has lost its last worker', () => {
  it('and can start no other fails what waits with MODEL_LOAD_FAILED, and says so once', async () => {
    const { embed, engine, worker, stranded, served, queue } = await playServed({ automatic: { run: false } })
    const running = failureOf(() => embed(['running']))
    await until(() => engine.running.length === 1)
    const waiting = failureOf(() => embed(['waiting']))
    await settled()
    engine.loadFailures.push(loadFailure())
    worker(0).lose()
    for (const call of [running, waiting]) {
      expect(await passing(call)).toMatchObject({ code: 'MODEL_LOAD_FAILED', details: { index: 0 } })
    }
    expect(stranded()).toBe(1)
    expect(served.closing).toBe(true)
    expect(served.waiting.texts).toBe(0)
    expect(queue.held).toEqual(EMPTY)
  })

  it('fails a call whose texts were still being read', async () => {
    const { embed, engine, worker, served } = await playServed()
    const head = gate()
    engine.requireHead = () => head.promise
    const call = failureOf(() => embed(['late']))
    engine.loadFailures.push(loadFailure())
    worker(0).lose()
    await until(() => {
      vi.advanceTimersByTime(100)
      return served.closing
    })
    head.open()
    expect((await call).code).toBe('MODEL_LOAD_FAILED')
  })

  it('closes, and gives its memory back', async () => {
    const { engine, worker, served, ledger } = await playServed()
    engine.loadFailures.push(loadFailure())
    worker(0).lose()
    await until(() => {
      vi.advanceTimersByTime(100)
      return served.closing
    })
    await served.close()
    expect(ledger.granted).toBe(0)
    expect(engine.alive).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})

it('whatever threads are lost, every text is served right, in order, as long as none costs two', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 3 }),
      async (losses, most) => {
        const { embed, engine, served, ledger, queue } = await playServed({ most })
        await served.fill(256, undefined)
        const left = [...losses]
        const before = new Set<string>()
        engine.failRun = ({ words }) => {
          if (left.shift() !== true || words.some((word) => before.has(word))) return undefined
          for (const word of words) before.add(word)
          return lost()
        }
        const texts = [...WORDS, ...WORDS, 'six']
        const outcomes = await passing(embed(texts, { mode: 'each' }))
        expect(vectorsOf(outcomes)).toEqual(texts.map((text) => vectorOf(text)))
        expect(queue.held).toEqual(EMPTY)
        await passing(served.close())
        expect(ledger.granted).toBe(0)
        expect(engine.alive).toEqual([])
      },
    ),
    { numRuns: 60 },
  )
})

it('an error that is none of a thread’s end costs no thread and no second run', async () => {
  const { embed, engine } = await playServed()
  engine.failRun = () => new StellaError('STORAGE_FAILED', 'the disk is gone')
  expect((await failureOf(() => embed(['one']))).code).toBe('STORAGE_FAILED')
  expect(engine.ran).toHaveLength(1)
  expect(engine.workers).toHaveLength(1)
})
