/**
 * Whatever is done to a pool, in whatever order: every promise settles, with the right vectors or with a code that is
 * documented; no limit is ever exceeded; afterwards it serves as if nothing had been; closed, nothing is left of it.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { STELLA_NANO } from '../../../registry/index.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import type { StellaErrorCode } from '../../../src/errors.js'
import { StellaError, isStellaError } from '../../../src/errors.js'
import type { FakeFailure, FakePool } from '../../../src/fake/index.js'
import { createFakePool } from '../../../src/fake/index.js'
import { settled } from '../../support/manual-engine.js'

const MODELS: readonly StellaModelInfo[] = [STELLA_NANO, { ...STELLA_NANO, key: 'other', aliases: [] }]
const QUEUE = { texts: 40, tokens: 400, bytes: 2000 }

/** Longest wait for the machine's memory to be read, in milliseconds. */
const READING_MS = 5_000

/** `poison` fails alone, `venom` ends the worker that runs it; the last is longer than a call may have it. */
const TEXTS = [
  ...['a', 'b c', 'd e f', 'g', 'h i', 'one two three four', 'five', 'six seven', 'poison', 'venom'],
  'nine '.repeat(100),
]

/** What a call may fail with. */
const DOCUMENTED: ReadonlySet<StellaErrorCode> = new Set([
  ...(['MODEL_LOAD_FAILED', 'MODEL_NOT_DOWNLOADED', 'MEMORY_EXHAUSTED', 'INPUT_TOO_LONG', 'OVERLOADED'] as const),
  ...(['BREAKER_OPEN', 'TIMEOUT', 'ABORTED', 'WORKER_LOST', 'INTERNAL', 'POOL_CLOSED'] as const),
])

const LONGEST_WAIT_TO_ABORT_MS = 30

const model = fc.nat(1)
const texts = fc.array(fc.nat(TEXTS.length - 1), { minLength: 1, maxLength: 12 })
const lane = fc.constantFrom('interactive' as const, 'bulk' as const)

/** One thing that is done to a pool. */
const operation = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('embed' as const), model, texts, lane }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('abort' as const),
      model,
      texts,
      lane,
      afterMs: fc.nat(LONGEST_WAIT_TO_ABORT_MS),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('deadline' as const),
      model,
      texts,
      lane,
      ms: fc.integer({ min: 1, max: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stream' as const), model, texts }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('evict' as const), model }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('preload' as const), model, pin: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unpin' as const), model }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('health' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), model }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fail runs' as const),
      failure: fc.constantFrom<FakeFailure>('INTERNAL', 'WORKER_LOST'),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fail loads' as const),
      failure: fc.constantFrom<FakeFailure>('MODEL_LOAD_FAILED', 'MODEL_NOT_DOWNLOADED'),
      count: fc.integer({ min: 1, max: 2 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 60, max: 70_000 }) }) },
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What one worker of the model is charged, and what the next takes. */
async function costs(): Promise<{ readonly first: number; readonly next: number }> {
  const pool = await createFakePool({ memory: '4GB', workers: 2, maxLength: 64 })
  const preloading = pool.preload(STELLA_NANO)
  await passUntil(preloading)
  const two = pool.stats().memory.granted
  const { plan } = pool.stats().models[0] ?? {}
  await passUntil(pool.close())
  if (plan === undefined) throw new Error('it was not loaded')
  const next = plan.memory.weights + plan.memory.scratch + plan.memory.base
  return { first: two - next, next }
}

/**
 * Lets time pass until something has settled: all the time that a pool could be waiting for, and then what it takes to
 * read the machine's memory, which is done in real time.
 */
async function passUntil(work: Promise<unknown>): Promise<void> {
  let over = false
  const note = (): void => {
    over = true
  }
  void work.then(note, note)
  const isOver = (): boolean => over
  for (let step = 0; step < 400 && !isOver(); step++) {
    await vi.advanceTimersByTimeAsync(step < 100 ? 20 : 2000)
    await settled(1)
  }
  const began = Date.now()
  while (!isOver() && Date.now() - began < READING_MS) await settled(100)
  expect(over).toBe(true)
}

/** One pool, what was begun with it, and what must come of that. */
class Play {
  readonly #pool: FakePool
  readonly #budget: number
  readonly #vectors: ReadonlyMap<string, Float32Array>
  readonly #begun: Promise<void>[] = []

  constructor(pool: FakePool, budget: number, vectors: ReadonlyMap<string, Float32Array>) {
    this.#pool = pool
    this.#budget = budget
    this.#vectors = vectors
  }

  async do(operation: Operation): Promise<void> {
    const pool = this.#pool
    switch (operation.do) {
      case 'embed':
        this.#embed(operation)
        break
      case 'abort': {
        const caller = new AbortController()
        this.#embed(operation, { signal: caller.signal })
        setTimeout(() => {
          caller.abort()
        }, operation.afterMs)
        break
      }
      case 'deadline':
        this.#embed(operation, { deadlineMs: operation.ms })
        break
      case 'stream':
        this.#begin(this.#stream(operation))
        break
      case 'evict':
        this.#begin(pool.evict(modelAt(operation.model)))
        break
      case 'preload':
        this.#begin(pool.preload(modelAt(operation.model), { pin: operation.pin }))
        break
      case 'unpin':
        pool.unpin(modelAt(operation.model))
        break
      case 'health':
        this.#begin(pool.health({ maxAgeMs: 100, timeoutMs: 50 }))
        break
      case 'lose':
        try {
          pool.fake.loseWorker(modelAt(operation.model).key)
        } catch (error) {
          expect(error).toMatchObject({ code: 'MODEL_NOT_LOADED' })
        }
        break
      case 'fail runs':
        pool.fake.failRuns(operation.failure, { count: operation.count })
        break
      case 'fail loads':
        pool.fake.failLoads(operation.failure, { count: operation.count })
        break
      case 'wait':
        await vi.advanceTimersByTimeAsync(operation.ms)
        await settled(1)
    }
    this.#expectWithinLimits()
  }

  /** All that was begun settles. */
  async settle(): Promise<void> {
    await passUntil(Promise.all(this.#begun))
    await Promise.all(this.#begun)
  }

  /** It serves as if nothing had been. */
  async expectWell(): Promise<void> {
    const pool = this.#pool
    pool.fake.reset()
    // Past the breaker, which opened for good reason.
    await vi.advanceTimersByTimeAsync(60_000)
    for (const info of MODELS) await passUntil(pool.evict(info))
    for (const info of MODELS) {
      for (const text of TEXTS.slice(0, 3)) {
        const call = pool.embed(info, text)
        await passUntil(call)
        expect((await call).embedding).toEqual(this.#vector(info, text))
      }
    }
  }

  async expectNothingLeft(): Promise<void> {
    await passUntil(this.#pool.close())
    const { memory, models } = this.#pool.stats()
    expect(memory.granted).toBe(0)
    for (const stats of models) {
      expect(stats).toMatchObject({
        ...{ state: 'unloaded', memory: 0, queue: { texts: 0, tokens: 0, bytes: 0 } },
        ...{ waiting: { texts: 0 }, running: { texts: 0 } },
      })
    }
  }

  #embed(
    { model, texts, lane }: { model: number; texts: readonly number[]; lane: 'interactive' | 'bulk' },
    options: { readonly signal?: AbortSignal; readonly deadlineMs?: number } = {},
  ): void {
    const info = modelAt(model)
    const inputs = texts.map(textAt)
    const call = this.#pool.batchEmbed(info, inputs, { lane, overflow: 'error', ...options })
    this.#begin(
      call.then(({ embeddings }) => {
        expect(embeddings).toEqual(inputs.map((text) => this.#vector(info, text)))
      }),
    )
  }

  async #stream({ model, texts }: { model: number; texts: readonly number[] }): Promise<void> {
    const info = modelAt(model)
    const inputs = texts.map(textAt)
    let next = 0
    const options = { onError: 'yield', overflow: 'error', chunkTexts: 2, maxInFlight: 6 } as const
    for await (const item of this.#pool.embedStream(info, inputs, options)) {
      expect(item.index).toBe(next++)
      if (item.error === undefined) expect(item.embedding).toEqual(this.#vector(info, textAt(texts[item.index] ?? -1)))
      else expect(DOCUMENTED).toContain(item.error.code)
    }
    expect(next).toBe(texts.length)
  }

  /** Its failure is fine, if it is one that callers are told of. */
  #begin(work: Promise<unknown>): void {
    const begun = work.then(
      () => undefined,
      (error: unknown) => {
        if (!isStellaError(error)) throw error
        expect(DOCUMENTED).toContain(error.code)
      },
    )
    begun.catch(() => undefined)
    this.#begun.push(begun)
  }

  #expectWithinLimits(): void {
    const { memory, models } = this.#pool.stats()
    expect(memory.granted).toBeLessThanOrEqual(this.#budget)
    for (const { queue, workers, plan } of models) {
      expect(queue.texts).toBeLessThanOrEqual(QUEUE.texts)
      expect(queue.tokens).toBeLessThanOrEqual(QUEUE.tokens)
      expect(queue.bytes).toBeLessThanOrEqual(QUEUE.bytes)
      if (plan !== undefined) expect(workers).toBeLessThanOrEqual(plan.workers)
    }
  }

  #vector(info: StellaModelInfo, text: string): Float32Array {
    const vector = this.#vectors.get(`${info.key} ${text}`)
    if (vector === undefined) throw new Error(`nothing is known of "${text}"`)
    return vector
  }
}

function modelAt(place: number): StellaModelInfo {
  const info = MODELS[place]
  if (info === undefined) throw new Error(`no model ${place}`)
  return info
}

function textAt(place: number): string {
  const text = TEXTS[place]
  if (text === undefined) throw new Error(`no text ${place}`)
  return text
}

/** The vectors of a pool that nothing was done to. */
async function undisturbed(): Promise<ReadonlyMap<string, Float32Array>> {
  const pool = await createFakePool({ memory: '4GB', workers: 1 })
  const vectors = new Map<string, Float32Array>()
  for (const info of MODELS) {
    for (const text of TEXTS) {
      const call = pool.embed(info, text)
      await passUntil(call)
      vectors.set(`${info.key} ${text}`, (await call).embedding)
    }
  }
  await passUntil(pool.close())
  return vectors
}

it('survives whatever is done to it', async () => {
  const vectors = await undisturbed()
  const { first, next } = await costs()
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { minLength: 1, maxLength: 40 }),
      fc.constantFrom(first + next / 2, first + 2.5 * next, 2 * first + 1.5 * next),
      fc.boolean(),
      async (operations, memory, closes) => {
        vi.clearAllTimers()
        const budget = Math.ceil(memory)
        const options = { memory: budget, maxLength: 64, queue: QUEUE, keepAliveMs: 5000, idleTimeoutMs: 1000 }
        const pool = await createFakePool({ ...options, fake: { latencyMs: ({ tokens }) => tokens / 4, loadMs: 15 } })
        try {
          pool.fake.failText('poison')
          pool.fake.failText('venom', new StellaError('WORKER_LOST', 'it was venom'))
          const play = new Play(pool, budget, vectors)
          for (const now of operations) await play.do(now)
          if (!closes) {
            await play.settle()
            await play.expectWell()
          }
          await play.expectNothingLeft()
          await play.settle()
        } finally {
          // Else what one run left behind would be found in the next.
          await passUntil(pool.close())
        }
        // Those of the test itself, for callers who would have given up.
        await vi.advanceTimersByTimeAsync(LONGEST_WAIT_TO_ABORT_MS)
        expect(vi.getTimerCount()).toBe(0)
      },
    ),
    { numRuns: 60, seed: 4, endOnFailure: false },
  )
}, 60_000)
