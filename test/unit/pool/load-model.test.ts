/** A load takes its memory first, starts its workers, and leaves nothing behind in whatever way it fails. */
import { describe, expect, it } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { RespawnBackoff } from '../../../src/pool/backoff.js'
import { Governor } from '../../../src/pool/governor.js'
import { loadModel } from '../../../src/pool/load-model.js'
import { ModelMeters } from '../../../src/pool/model-meters.js'
import { resolvePoolOptions } from '../../../src/pool/pool-options.js'
import type { ServedModel } from '../../../src/pool/served-model.js'
import { failureOf } from '../../support/failure.js'
import type { Automatic } from '../../support/manual-engine.js'
import { ManualEngine, SHARED_BYTES, WORKER_BYTES, loadFailure, settled, until } from '../../support/manual-engine.js'
import { MODEL } from '../../support/manual-pool.js'
import { ANY_PARTS, ReclaimableModel } from '../../support/reclaimable-model.js'

/** With so many workers. */
const bytesOf = (workers: number): number => SHARED_BYTES + workers * WORKER_BYTES

async function play(
  options: {
    readonly budget?: number
    readonly most?: number
    readonly workers?: number
    readonly automatic?: Partial<Automatic>
  } = {},
) {
  const { budget = 1000, most = 1, workers } = options
  const engine = new ManualEngine(most)
  Object.assign(engine.automatic, options.automatic)
  const governor = new Governor({
    budget,
    readMachine: () => Promise.resolve({ available: 1e12, usable: 1e12 }),
    readResident: () => Promise.resolve({ bytes: 0, kind: 'rss' }),
  })
  const resolved = await resolvePoolOptions({ memory: budget, workers })
  const requester = new ReclaimableModel(MODEL.key)
  const told: string[] = []
  const giveUp = new AbortController()
  const load = (): Promise<ServedModel> =>
    loadModel(MODEL, {
      ...{ backend: engine, governor, options: resolved, requester, meters: new ModelMeters() },
      ...{ backoff: new RespawnBackoff(() => 0), tell: (event) => told.push(event) },
      ...{ dimensions: [256], signal: giveUp.signal, onStranded: () => undefined },
      onCommitted: () => told.push('committed'),
    })
  return { engine, governor, requester, told, giveUp, load }
}

type Play = Awaited<ReturnType<typeof play>>

/** What is so when nothing was left behind. */
async function expectNothingLeft({ engine, governor }: Play): Promise<void> {
  expect(governor.granted).toBe(0)
  expect(engine.alive).toEqual([])
  await governor.close()
}

describe('a load', () => {
  it('takes the memory of the workers it starts, and of no others; each that joins takes its own', async () => {
    const { governor, load } = await play({ most: 3 })
    const served = await load()
    expect(served.crew.size).toBe(1)
    expect(governor.granted).toBe(bytesOf(1))
    await served.fill(256, undefined)
    expect(governor.granted).toBe(bytesOf(3))
    await served.crew.shrink()
    expect(governor.granted).toBe(bytesOf(1))
    await served.close()
    expect(governor.granted).toBe(0)
  })

  it('starts all workers that were asked for by number, and keeps their memory through a loss', async () => {
    const { engine, governor, load } = await play({ workers: 2, most: 2 })
    const served = await load()
    expect(served.crew.size).toBe(2)
    engine.workers[0]?.lose()
    await settled()
    expect(governor.granted).toBe(bytesOf(2))
    await served.close()
  })

  it('charges what the artefact takes, not what was expected of it', async () => {
    const { engine, governor, load } = await play({ automatic: { prepare: false } })
    const loading = load()
    await until(() => engine.preparing.length === 1)
    expect(governor.granted).toBe(bytesOf(1))
    engine.estimate = () => ({
      ...{ workers: 1, threads: 1, precision: 'int8' },
      memory: { shared: 20, once: 0, weights: 5, scratch: 0, base: 0, total: 25 },
    })
    engine.preparing[0]?.open()
    const served = await loading
    expect(governor.granted).toBe(25)
    await served.close()
  })

  it('grows no further than memory goes, and gives another model’s memory no thought', async () => {
    const { governor, load } = await play({ most: 4, budget: bytesOf(2) + WORKER_BYTES / 2 })
    const served = await load()
    await served.fill(256, undefined)
    expect(served.crew.size).toBe(2)
    expect(governor.granted).toBe(bytesOf(2))
    await served.close()
  })

  it('tells of each worker as it starts and as it is ready', async () => {
    const { told, load } = await play({ workers: 2, most: 2 })
    const served = await load()
    expect(told).toEqual(['committed', 'workerSpawning', 'workerSpawning', 'workerReady', 'workerReady'])
    await served.close()
  })
})

describe('nothing is left behind by a load', () => {
  it('that has no memory to begin with: nothing is read for it', async () => {
    const all = await play({ budget: bytesOf(1) - 1 })
    expect(await failureOf(all.load)).toMatchObject({
      code: 'MEMORY_EXHAUSTED',
      details: { needed: bytesOf(1), workers: 1, shared: SHARED_BYTES },
    })
    expect(all.engine.prepares).toBe(0)
    await expectNothingLeft(all)
  })

  it('whose engine cannot say what it will take', async () => {
    const all = await play()
    all.engine.estimate = () => {
      throw new StellaError('CHECKPOINT_INVALID', 'no such shape')
    }
    expect((await failureOf(all.load)).code).toBe('CHECKPOINT_INVALID')
    await expectNothingLeft(all)
  })

  it('whose artefact cannot be made', async () => {
    const all = await play({ automatic: { prepare: false } })
    const load = failureOf(all.load)
    await until(() => all.engine.preparing.length === 1)
    all.engine.preparing[0]?.fail(new StellaError('STORAGE_FAILED', 'the disk is full'))
    expect((await load).code).toBe('STORAGE_FAILED')
    await expectNothingLeft(all)
  })

  it('whose artefact takes more than there is', async () => {
    const all = await play({ automatic: { prepare: false }, budget: 200 })
    const load = failureOf(all.load)
    await until(() => all.engine.preparing.length === 1)
    all.engine.estimate = () => ({
      ...{ workers: 1, threads: 1, precision: 'fp32' },
      memory: { shared: 300, once: 0, weights: 5, scratch: 0, base: 0, total: 305 },
    })
    all.engine.preparing[0]?.open()
    expect(await load).toMatchObject({ code: 'MEMORY_EXHAUSTED', details: { needed: 305 } })
    expect(all.engine.workers).toEqual([])
    expect(all.engine.closed).toBe(1)
    await expectNothingLeft(all)
  })

  it('of whose workers one cannot load: the others are ended first', async () => {
    const all = await play({ workers: 3, most: 3, automatic: { load: false, stop: false } })
    const load = failureOf(all.load)
    await until(() => all.engine.workers.length === 3)
    all.engine.workers[0]?.ready()
    all.engine.workers[1]?.failLoad(loadFailure())
    all.engine.workers[2]?.ready()
    await settled()
    expect(all.governor.granted).toBe(bytesOf(3))
    all.engine.workers[0]?.leave()
    all.engine.workers[2]?.leave()
    expect(await load).toMatchObject({ code: 'MODEL_LOAD_FAILED', details: { workers: 3, loads: 3 } })
    expect(all.engine.closed).toBe(1)
    await expectNothingLeft(all)
  })

  it('that was given up while it waited for memory, or for its artefact', async () => {
    const waiting = await play({ budget: bytesOf(1) })
    const holder = new ReclaimableModel('holder')
    holder.grant = await waiting.governor.acquire(holder, bytesOf(1), ANY_PARTS)
    const load = failureOf(waiting.load)
    await settled()
    waiting.giveUp.abort()
    expect((await load).code).toBe('ABORTED')
    expect(holder.begun).toEqual(['evict'])
    holder.settle()
    await settled()
    await expectNothingLeft(waiting)

    const preparing = await play({ automatic: { prepare: false } })
    const other = failureOf(preparing.load)
    await until(() => preparing.engine.preparing.length === 1)
    preparing.giveUp.abort()
    expect((await other).code).toBe('ABORTED')
    await expectNothingLeft(preparing)
  })
})
