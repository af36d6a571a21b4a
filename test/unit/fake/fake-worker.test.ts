/** The fake worker keeps to the contract of a pool's worker: states, turns, ends, and whose errors are whose. */
import { describe, expect, it, vi } from 'vitest'

import { STELLA_NANO } from '../../../registry/index.js'
import { StellaError } from '../../../src/errors.js'
import { FakeScript } from '../../../src/fake/fake-controls.js'
import type { FakeOptions, FakeRun } from '../../../src/fake/fake-options.js'
import { fakeVectors } from '../../../src/fake/fake-vectors.js'
import { FakeWorker } from '../../../src/fake/fake-worker.js'
import type { PackedTexts } from '../../../src/packed/packing.js'
import { packTexts } from '../../../src/packed/packing.js'
import type { Variant } from '../../../src/pool/backend.js'
import { failureOf } from '../../support/failure.js'

const VARIANT: Variant = { dimensions: 256, normalize: true }

const batch = (...texts: readonly number[][]): PackedTexts => packTexts(texts.map((ids) => Int32Array.from(ids)))

/** A worker, what it is told, and what it tells. */
function setUp(options: FakeOptions = {}) {
  const script = new FakeScript(options)
  const lost: StellaError[] = []
  const onLost = (error: StellaError): void => {
    lost.push(error)
  }
  const worker = new FakeWorker(STELLA_NANO, { weights: 'own', script, observer: { onLost } })
  return { worker, script, lost }
}

async function started(options: FakeOptions = {}) {
  const parts = setUp(options)
  const facts = await parts.worker.start()
  return { ...parts, facts }
}

/** Runs `test` with the clock held, which `vi.advanceTimersByTimeAsync` moves on. */
async function withHeldClock(test: () => Promise<void>): Promise<void> {
  vi.useFakeTimers()
  try {
    await test()
  } finally {
    vi.useRealTimers()
  }
}

describe('a start', () => {
  it('goes from spawning by loading to ready, and says what it is', async () => {
    const { worker, script } = setUp()
    expect(worker.state).toBe('spawning')
    const starting = worker.start()
    expect(worker.state).toBe('loading')
    const facts = await starting
    expect(worker.state).toBe('ready')
    expect(facts).toEqual({
      worker: expect.any(Number) as number,
      loadMs: expect.any(Number) as number,
      weights: 'own',
    })
    expect([...script.workers]).toEqual([worker])
  })

  it('gives each worker an id of its own that is no thread’s', async () => {
    const ids = await Promise.all([started(), started()].map(async (one) => (await one).facts.worker))
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) expect(id).toBeLessThan(0)
  })

  it('takes as long as it is told', () =>
    withHeldClock(async () => {
      const { worker } = setUp({ loadMs: 500 })
      const starting = worker.start()
      await vi.advanceTimersByTimeAsync(499)
      expect(worker.state).toBe('loading')
      await vi.advanceTimersByTimeAsync(1)
      expect(worker.state).toBe('ready')
      expect((await starting).loadMs).toBeGreaterThanOrEqual(499)
    }))

  it('that is to fail is MODEL_LOAD_FAILED with the reason, and leaves nothing behind', async () => {
    const { worker, script, lost } = setUp({
      failLoad: ({ step }) => (step === 'worker' ? 'ARTEFACT_INVALID' : undefined),
    })
    const error = await failureOf(() => worker.start())
    expect(error.code).toBe('MODEL_LOAD_FAILED')
    expect(error.details).toMatchObject({ reason: 'ARTEFACT_INVALID', model: 'stella-nano' })
    expect(worker.state).toBe('dead')
    expect(script.workers.size).toBe(0)
    expect(lost).toEqual([])
  })

  it('that throws in the test’s own function is MODEL_LOAD_FAILED, too', async () => {
    const { worker } = setUp({
      failLoad: () => {
        throw new RangeError('a mistake in the test')
      },
    })
    const error = await failureOf(() => worker.start())
    expect(error).toMatchObject({ code: 'MODEL_LOAD_FAILED', message: 'a mistake in the test' })
  })

  it('is refused twice, and after a stop', async () => {
    const { worker } = await started()
    expect((await failureOf(() => worker.start())).code).toBe('INTERNAL')
    const stopped = setUp().worker
    await stopped.stop()
    expect(stopped.state).toBe('dead')
    expect((await failureOf(() => stopped.start())).code).toBe('POOL_CLOSED')
  })

  it('that is stopped meanwhile is waited for, and is POOL_CLOSED', async () => {
    const { worker, script } = setUp({ loadMs: 5 })
    const failure = failureOf(() => worker.start())
    await worker.stop()
    expect(worker.state).toBe('dead')
    expect((await failure).code).toBe('POOL_CLOSED')
    expect(script.workers.size).toBe(0)
  })
})

describe('a run', () => {
  it('gives the vectors of the batch, and takes its buffers', async () => {
    const { worker } = await started()
    const texts = batch([0, 5, 6, 1], [0, 7, 1])
    const expected = await fakeVectors('stella-nano', batch([0, 5, 6, 1], [0, 7, 1]), VARIANT, () => Promise.resolve())
    const running = worker.run(texts, VARIANT)
    expect(worker.state).toBe('processing')
    expect([texts.ids.length, texts.lengths.length]).toEqual([0, 0])
    const { slab, runMs } = await running
    expect(slab).toEqual(expected)
    expect(runMs).toBeGreaterThanOrEqual(0)
    expect(worker.state).toBe('ready')
  })

  it('answers later, even in no time', async () => {
    const { worker } = await started()
    let answered = false
    const running = worker.run(batch([0, 1]), VARIANT).then(() => (answered = true))
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    expect(answered).toBe(false)
    await running
  })

  it('waits for the one before; a third is refused', () =>
    withHeldClock(async () => {
      const script = new FakeScript({ latencyMs: 100 })
      const worker = new FakeWorker(STELLA_NANO, { weights: 'own', script, observer: { onLost: () => undefined } })
      const starting = worker.start()
      await vi.advanceTimersByTimeAsync(0)
      await starting
      const done: number[] = []
      const runs = [1, 2].map((number) => worker.run(batch([0, number + 1, 1]), VARIANT).then(() => done.push(number)))
      expect((await failureOf(() => worker.run(batch([0, 1]), VARIANT))).code).toBe('INTERNAL')
      await vi.advanceTimersByTimeAsync(100)
      expect(done).toEqual([1])
      expect(worker.state).toBe('processing')
      await vi.advanceTimersByTimeAsync(99)
      expect(done).toEqual([1])
      await vi.advanceTimersByTimeAsync(1)
      expect(done).toEqual([1, 2])
      expect(worker.state).toBe('ready')
      await Promise.all(runs)
    }))

  it('takes as long as a function of the batch says', async () => {
    const seen: FakeRun[] = []
    const { worker, facts } = await started({
      latencyMs: (run) => {
        seen.push(run)
        return run.tokens / 10
      },
    })
    await worker.run(batch([0, 5, 6, 1], [0, 7, 1]), { dimensions: 512, normalize: false })
    expect(seen).toEqual([
      {
        model: 'stella-nano',
        worker: facts.worker,
        texts: [Int32Array.of(0, 5, 6, 1), Int32Array.of(0, 7, 1)],
        tokens: 7,
        dimensions: 512,
        normalize: false,
      },
    ])
  })

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 2 ** 31])('is refused a latency of %d', async (latency) => {
    const { worker } = await started({ latencyMs: () => latency })
    expect((await failureOf(() => worker.run(batch([0, 1]), VARIANT))).code).toBe('OPTION_INVALID')
    expect(worker.state).toBe('ready')
  })

  it('does not care what the test does to the ids it is shown', async () => {
    const { worker } = await started({ fail: ({ texts }) => void texts[0]?.fill(9) })
    const { slab } = await worker.run(batch([0, 5, 1]), VARIANT)
    expect(slab).toEqual(await fakeVectors('stella-nano', batch([0, 5, 1]), VARIANT, () => Promise.resolve()))
  })

  it.each([
    ['no texts', batch(), VARIANT, 'INPUT_INVALID'],
    ['an id beyond the vocabulary', batch([0, 24_576, 1]), VARIANT, 'INPUT_INVALID'],
    ['lengths that do not add up', { ids: Int32Array.of(0, 1), lengths: Int32Array.of(3) }, VARIANT, 'INPUT_INVALID'],
    ['a size the model has not', batch([0, 1]), { dimensions: 300, normalize: true }, 'DIMENSIONS_UNSUPPORTED'],
  ])('refuses what no model runs: %s', async (_, texts, variant, code) => {
    const { worker } = await started()
    expect((await failureOf(() => worker.run(texts, variant))).code).toBe(code)
    expect(worker.state).toBe('ready')
  })

  it('is refused before the worker is ready, and after its stop', async () => {
    const { worker } = setUp()
    expect((await failureOf(() => worker.run(batch([0, 1]), VARIANT))).code).toBe('INTERNAL')
    await worker.start()
    await worker.stop()
    expect((await failureOf(() => worker.run(batch([0, 1]), VARIANT))).code).toBe('POOL_CLOSED')
  })

  it('fails as it is told, and the next does not', async () => {
    const { worker, script } = await started()
    script.failRuns('INTERNAL')
    const error = await failureOf(() => worker.run(batch([0, 1]), VARIANT))
    expect(error.code).toBe('INTERNAL')
    expect(error.details).toEqual({ model: 'stella-nano', fake: true })
    expect(worker.state).toBe('ready')
    await worker.run(batch([0, 1]), VARIANT)
  })

  it('fails with the very error it was given', async () => {
    const { worker, script } = await started()
    const error = new StellaError('OVERLOADED', 'mine', { details: { retryAfterMs: 7 } })
    script.failRuns(error)
    expect(await failureOf(() => worker.run(batch([0, 1]), VARIANT))).toBe(error)
  })

  it('is INTERNAL where the test’s own function throws', async () => {
    const { worker } = await started({
      fail: () => {
        throw new RangeError('a mistake in the test')
      },
    })
    const error = await failureOf(() => worker.run(batch([0, 1]), VARIANT))
    expect(error.code).toBe('INTERNAL')
    expect(error.cause).toBeInstanceOf(RangeError)
  })
})

describe('a stop', () => {
  it('waits for the runs under way, and is told of but once', async () => {
    const { worker, script, lost } = await started({ latencyMs: 5 })
    const runs = [worker.run(batch([0, 1]), VARIANT), worker.run(batch([0, 2]), VARIANT)]
    const [first, second] = [worker.stop(), worker.stop()]
    expect(worker.state).toBe('evicting')
    await Promise.all([first, second])
    expect(worker.state).toBe('dead')
    for (const { slab } of await Promise.all(runs)) expect(slab).toHaveLength(256)
    expect(lost).toEqual([])
    expect(script.workers.size).toBe(0)
  })
})

describe('a loss', () => {
  it('fails the runs under way at once, then tells whoever watches, once', () =>
    withHeldClock(async () => {
      const order: string[] = []
      const script = new FakeScript({ latencyMs: 60_000 })
      const onLost = ({ code }: StellaError): void => void order.push(`lost ${code}`)
      const worker = new FakeWorker(STELLA_NANO, { weights: 'own', script, observer: { onLost } })
      const starting = worker.start()
      await vi.advanceTimersByTimeAsync(0)
      await starting
      const runs = [1, 2].map((number) =>
        failureOf(() => worker.run(batch([0, 1]), VARIANT)).then(({ code }) => order.push(`run ${number} ${code}`)),
      )
      await Promise.resolve()
      script.loseWorker('stella-nano')
      expect(worker.state).toBe('failed')
      await vi.runAllTimersAsync()
      await Promise.all(runs)
      expect(order).toEqual(['run 1 WORKER_LOST', 'run 2 WORKER_LOST', 'lost WORKER_LOST'])
      expect(worker.state).toBe('dead')
      expect(script.workers.size).toBe(0)
      expect(vi.getTimerCount()).toBe(0)
    }))

  it('of an idle worker is told, and later runs are refused with it', async () => {
    const { worker, script, lost } = await started()
    script.loseWorker('stella-nano')
    expect((await failureOf(() => worker.run(batch([0, 1]), VARIANT))).code).toBe('WORKER_LOST')
    await worker.stop()
    expect(worker.state).toBe('dead')
    expect(lost.map(({ code }) => code)).toEqual(['WORKER_LOST'])
  })

  it('by a run that is to fail with WORKER_LOST is a real one', async () => {
    const { worker, script, lost } = await started()
    script.failRuns('WORKER_LOST')
    expect((await failureOf(() => worker.run(batch([0, 1]), VARIANT))).code).toBe('WORKER_LOST')
    await worker.stop()
    expect(worker.state).toBe('dead')
    expect(lost).toHaveLength(1)
  })

  it('while it is being stopped is nobody’s business but the run’s', async () => {
    const { worker, script, lost } = await started({ latencyMs: 5 })
    script.failRuns('WORKER_LOST')
    const run = failureOf(() => worker.run(batch([0, 1]), VARIANT))
    await worker.stop()
    expect((await run).code).toBe('WORKER_LOST')
    expect(worker.state).toBe('dead')
    expect(lost).toEqual([])
  })
})
