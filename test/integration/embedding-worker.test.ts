/** One worker with a real thread on the embedded model: its states, its answers, and its end. */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { STELLA_NANO } from '../../registry/index.js'
import { LoadedStellaModel } from '../../src/inference/loaded-stella-model.js'
import type { PackedTexts } from '../../src/packed/packing.js'
import type { EmbeddingWorkerSetup } from '../../src/pool/embedding-worker.js'
import { failureOf } from '../support/failure.js'
import { temporaryFolder } from '../support/temp-folder.js'
import { VARIANT, codeOf, longBatch, nanoBatch, nanoSetup, nanoWorker } from '../support/workers.js'

const home = temporaryFolder()
let setup: EmbeddingWorkerSetup

/** Threads that the test at hand has started. */
let threads: Worker[] = []
const remember = (thread: Worker): void => void threads.push(thread)

beforeAll(async () => {
  setup = await nanoSetup(home.path)
  process.on('worker', remember)
})
beforeEach(() => (threads = []))
afterAll(async () => {
  process.off('worker', remember)
  await home.remove()
})

/** A worker that is ready, and stops at the end of the test. */
async function ready() {
  const { worker, losses } = nanoWorker(setup)
  const facts = await worker.start()
  return { worker, losses, facts, [Symbol.asyncDispose]: () => worker.stop() }
}

/** The batch after somebody else has been given it. */
function handedOver(batch: PackedTexts): PackedTexts {
  structuredClone(batch, { transfer: [batch.ids.buffer, batch.lengths.buffer] as ArrayBuffer[] })
  return batch
}

/** Lets microtasks and what hangs on them pass. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a worker', () => {
  it('loads once, says what it is, and goes through its states', async () => {
    const { worker, losses } = nanoWorker(setup)
    expect(worker.state).toBe('spawning')
    const starting = worker.start()
    expect(worker.state).toBe('spawning')
    await vi.waitUntil(() => worker.state !== 'spawning', { interval: 1 })
    const facts = await starting
    expect(worker.state).toBe('ready')
    expect(facts).toEqual({ worker: threads[0]?.threadId, loadMs: expect.any(Number) as number, weights: 'own' })
    const run = worker.run(nanoBatch(2, 8), VARIANT)
    expect(worker.state).toBe('processing')
    await run
    expect(worker.state).toBe('ready')
    const stopping = worker.stop()
    expect(worker.state).toBe('evicting')
    await stopping
    expect(worker.state).toBe('dead')
    expect({ loads: worker.loads, threads: threads.length, losses }).toEqual({ loads: 1, threads: 1, losses: [] })
  })

  it('gives what the model gives in this thread, for any head, without loading again', async () => {
    await using model = await LoadedStellaModel.load(STELLA_NANO, { home: home.path, threads: 1 })
    await using one = await ready()
    for (const variant of [VARIANT, { dimensions: 512, normalize: false }]) {
      const here = await model.embedTokens(nanoBatch(3, 20), variant)
      const { slab, runMs } = await one.worker.run(nanoBatch(3, 20), variant)
      expect(slab).toEqual(here)
      expect(runMs).toBeGreaterThan(0)
    }
    expect(one.worker.loads).toBe(1)
  })

  it('takes the batch’s buffers instead of copying them', async () => {
    await using one = await ready()
    const batch = nanoBatch(1, 8)
    const run = one.worker.run(batch, VARIANT)
    expect([batch.ids.length, batch.lengths.length]).toEqual([0, 0])
    await run
  })

  it('tells errors with their codes, and goes on', async () => {
    await using one = await ready()
    const outside = { ids: Int32Array.of(STELLA_NANO.architecture.vocab), lengths: Int32Array.of(1) }
    const error = await failureOf(() => one.worker.run(outside, VARIANT))
    expect(error).toMatchObject({ code: 'INPUT_INVALID' })
    expect(error.message).toContain('token id 24576')
    expect(error.cause).toMatchObject({ message: expect.stringContaining('in a worker thread') as string })
    const unknown = one.worker.run(nanoBatch(1, 8), { dimensions: 3, normalize: true })
    expect(await codeOf(unknown)).toBe('DIMENSIONS_UNSUPPORTED')
    expect(one.worker.state).toBe('ready')
    expect((await one.worker.run(nanoBatch(1, 8), VARIANT)).slab).toHaveLength(256)
  })

  it.each([
    ['was handed over before', handedOver],
    ['holds nothing', () => ({ ids: new Int32Array(), lengths: new Int32Array() })],
    ['lies in one buffer', ({ ids }: PackedTexts) => ({ ids: ids.subarray(1), lengths: ids.subarray(0, 1) })],
    ['lies in shared memory', () => ({ ids: new Int32Array(new SharedArrayBuffer(4)), lengths: Int32Array.of(1) })],
  ])('fails a batch that %s, and goes on', async (_, spoilt) => {
    await using one = await ready()
    const error = await failureOf(() => one.worker.run(spoilt(nanoBatch(1, 8)), VARIANT))
    expect(error).toMatchObject({ code: 'INTERNAL', details: { model: 'stella-nano' } })
    expect(one.worker.state).toBe('ready')
    expect((await one.worker.run(nanoBatch(1, 8), VARIANT)).slab).toHaveLength(256)
    expect(one.losses).toEqual([])
  })
})

describe('a second batch', () => {
  it('runs after the first, a third is refused, and each place is free as soon as its batch is answered', async () => {
    await using one = await ready()
    const { worker } = one
    const answered: string[] = []
    const run = async (name: string): Promise<void> => {
      await worker.run(name === 'long' ? longBatch() : nanoBatch(1, 8), VARIANT)
      answered.push(name)
    }
    const [long, short] = [run('long'), run('short')]
    expect(await failureOf(() => run('third'))).toMatchObject({ code: 'INTERNAL', details: { state: 'processing' } })
    await long
    const next = run('next')
    await Promise.all([short, next])
    expect(answered).toEqual(['long', 'short', 'next'])
    expect(worker.state).toBe('ready')
  })

  it('is begun by the thread itself, however busy the main thread is', async () => {
    await using one = await ready()
    const { runMs } = await one.worker.run(longBatch(), VARIANT)
    const both = [one.worker.run(longBatch(1), VARIANT), one.worker.run(longBatch(2), VARIANT)] as const
    const blockedUntil = performance.now() + 10 * runMs
    while (performance.now() < blockedUntil);
    const freed = performance.now()
    const [, second] = await Promise.all(both)
    // Begun only now, it would take all of its time from now on.
    expect(performance.now() - freed).toBeLessThan(second.runMs)
  })

  it('that fails spoils neither its neighbour nor the next', async () => {
    await using one = await ready()
    const bad = { ids: Int32Array.of(-1), lengths: Int32Array.of(1) }
    const codes = [codeOf(one.worker.run(bad, VARIANT)), codeOf(one.worker.run(nanoBatch(1, 8), VARIANT))]
    expect(await Promise.all(codes)).toEqual(['INPUT_INVALID', 'ok'])
    expect(await codeOf(one.worker.run(nanoBatch(1, 8), VARIANT))).toBe('ok')
  })
})

describe('a worker that cannot load', () => {
  it.each([
    ['without an artefact', (): object => ({ artefact: join(home.path, 'nowhere') }), 'ARTEFACT_INVALID'],
    ['from another artefact than was meant', (): object => ({ fingerprint: 'another' }), 'ARTEFACT_INVALID'],
    ['with options that make no sense', (): object => ({ threads: 0 }), 'OPTION_INVALID'],
  ])('%s says why, and its thread is gone', async (_, wrong, reason) => {
    const { worker, losses } = nanoWorker({ ...setup, ...wrong() })
    const error = await failureOf(() => worker.start())
    expect(error).toMatchObject({ code: 'MODEL_LOAD_FAILED', details: { model: 'stella-nano', reason } })
    expect({ state: worker.state, threads: threads.map(({ threadId }) => threadId) }).toEqual({
      state: 'dead',
      threads: [-1],
    })
    await worker.stop()
    expect(losses).toEqual([])
  })

  it('because no thread can be started says so, and leaves no promise behind', async () => {
    const rejected = vi.fn()
    process.on('unhandledRejection', rejected)
    const module = createRequire(import.meta.url)('node:worker_threads') as { Worker: unknown }
    const { Worker: original } = module
    module.Worker = function () {
      throw new Error('no more threads')
    }
    const { worker } = nanoWorker(setup)
    try {
      const error = await failureOf(() => worker.start())
      expect(error).toMatchObject({ code: 'MODEL_LOAD_FAILED', details: { reason: 'INTERNAL' } })
      expect(error.message).toContain('no more threads')
    } finally {
      module.Worker = original
    }
    await worker.stop()
    await turn()
    process.off('unhandledRejection', rejected)
    expect(worker.state).toBe('dead')
    expect(rejected).not.toHaveBeenCalled()
  })
})

describe('a worker that is misused', () => {
  it('refuses a batch before it is ready, and a second start', async () => {
    const { worker } = nanoWorker(setup)
    expect(await codeOf(worker.run(nanoBatch(1, 8), VARIANT))).toBe('INTERNAL')
    const starting = worker.start()
    expect(await codeOf(worker.run(nanoBatch(1, 8), VARIANT))).toBe('INTERNAL')
    expect(await codeOf(worker.start())).toBe('INTERNAL')
    await starting
    await worker.stop()
    expect(threads).toHaveLength(1)
  })

  it('starts no thread once it was stopped', async () => {
    const { worker } = nanoWorker(setup)
    await worker.stop()
    expect(worker.state).toBe('dead')
    expect(await codeOf(worker.start())).toBe('POOL_CLOSED')
    expect(threads).toHaveLength(0)
  })
})

describe('stop', () => {
  it('serves the batches it was given, refuses others, and may be repeated', async () => {
    const { worker } = await ready()
    const runs = [worker.run(longBatch(), VARIANT), worker.run(nanoBatch(1, 8), VARIANT)].map(codeOf)
    const stops = [worker.stop(), worker.stop()]
    expect(await codeOf(worker.run(nanoBatch(1, 8), VARIANT))).toBe('POOL_CLOSED')
    await Promise.all(stops)
    expect(await Promise.all(runs)).toEqual(['ok', 'ok'])
    await worker.stop()
    expect(await codeOf(worker.run(nanoBatch(1, 8), VARIANT))).toBe('POOL_CLOSED')
    expect({ threads: threads.length, state: worker.state }).toEqual({ threads: 1, state: 'dead' })
  })

  it('while the thread starts makes the start fail, and nothing is loaded', async () => {
    const { worker, losses } = nanoWorker(setup)
    const starting = codeOf(worker.start())
    await worker.stop()
    expect(await starting).toBe('POOL_CLOSED')
    expect({ loads: worker.loads, state: worker.state, losses }).toEqual({ loads: 0, state: 'dead', losses: [] })
  })

  it('leaves no listener on the process, however many workers there were', async () => {
    const before = process.listenerCount('exit')
    const workers = await Promise.all([ready(), ready()])
    expect(process.listenerCount('exit')).toBe(before + 1)
    await Promise.all(workers.map(({ worker }) => worker.stop()))
    expect(process.listenerCount('exit')).toBe(before)
  })
})

describe('a thread that is ended while it is idle', () => {
  it('is heard of once, with its exit code; batches are refused, and no other thread takes its place', async () => {
    const { worker, losses } = await ready()
    const [thread] = threads
    const exited = once(thread ?? process, 'exit')
    void thread?.terminate()
    await exited
    await turn()
    expect(worker.state).toBe('dead')
    expect(losses).toEqual([expect.objectContaining({ code: 'WORKER_LOST' })])
    expect(losses).toMatchObject([
      { details: { model: 'stella-nano', worker: expect.any(Number) as number, exitCode: 1 } },
    ])
    expect(await codeOf(worker.run(nanoBatch(1, 8), VARIANT))).toBe('WORKER_LOST')
    await worker.stop()
    expect({ threads: threads.length, losses: losses.length }).toEqual({ threads: 1, losses: 1 })
  })

  it('rejects a batch that was handed over before anybody knew', async () => {
    const { worker, losses } = await ready()
    void threads[0]?.terminate()
    const runs = [worker.run(nanoBatch(1, 8), VARIANT), worker.run(nanoBatch(1, 8), VARIANT)]
    const told: string[] = []
    for (const run of runs) run.catch(() => told.push(`rejected, ${losses.length} losses told`))
    expect(await Promise.all(runs.map(codeOf))).toEqual(['WORKER_LOST', 'WORKER_LOST'])
    await turn()
    expect(told).toEqual(['rejected, 0 losses told', 'rejected, 0 losses told'])
    expect({ threads: threads.length, losses: losses.length }).toEqual({ threads: 1, losses: 1 })
  })

  it('and stopped at the same time is not waited for in vain', async () => {
    const { worker } = await ready()
    void threads[0]?.terminate()
    await worker.stop()
    expect(worker.state).toBe('dead')
  })
})
