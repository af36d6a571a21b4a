/**
 * A pool on a hand-made engine. When the test is over it is closed, and whatever the test did with it, nothing may be left:
 * no memory granted, no place taken in a queue, no worker.
 */
import { expect, onTestFinished } from 'vitest'

import { STELLA_NANO } from '../../registry/index.js'
import type { StellaModelInfo } from '../../registry/types.js'
import type { PoolEvents } from '../../src/events.js'
import { EmbeddingPool } from '../../src/pool/embedding-pool.js'
import type { PoolOptions } from '../../src/pool/pool-options.js'
import type { ModelStats } from '../../src/pool/pool-stats.js'
import type { Automatic, ManualRun, ManualWorker } from './manual-engine.js'
import { ManualEngine, until } from './manual-engine.js'

/** The model, and another that differs in its name. */
export const MODEL = STELLA_NANO
export const OTHER: StellaModelInfo = { ...STELLA_NANO, key: 'other', aliases: [] }

/** What a pool told, in its order: the event, and what came with it. */
export type Told = readonly [event: keyof PoolEvents, facts: Readonly<Record<string, unknown>>]

/** Every event there is. One that is missing does not compile. */
const EVENTS = {
  workerSpawning: true,
  workerReady: true,
  workerLost: true,
  workerEvicted: true,
  modelLoaded: true,
  modelEvicted: true,
  memoryPressure: true,
  requestQueued: true,
  requestRejected: true,
  batchCompleted: true,
  breakerOpened: true,
  breakerClosed: true,
} as const satisfies Record<keyof PoolEvents, true>

/** See the head of this file. */
export interface ManualPool {
  readonly pool: EmbeddingPool
  readonly engine: ManualEngine
  readonly told: Told[]
  /** Facts of every event of a name. */
  readonly tellings: (event: keyof PoolEvents) => readonly Told[1][]
  readonly stats: (model?: StellaModelInfo) => ModelStats
  readonly worker: (place: number) => ManualWorker
  /** A batch, once it is under way. */
  readonly running: (place?: number) => Promise<ManualRun>
}

/** Opens one. By default nothing leaves by itself, and a model has one worker. */
export async function openManual(
  options: PoolOptions & { readonly most?: number; readonly automatic?: Partial<Automatic> } = {},
): Promise<ManualPool> {
  const { most = 1, automatic, ...rest } = options
  const engine = new ManualEngine(most)
  Object.assign(engine.automatic, automatic)
  const pool = await EmbeddingPool.open(
    { memory: 1000, keepAliveMs: Infinity, idleTimeoutMs: Infinity, ...rest },
    () => engine,
  )
  const told: Told[] = []
  for (const event of Object.keys(EVENTS) as (keyof PoolEvents)[]) {
    pool.on(event, (facts: object) => told.push([event, { ...facts }]))
  }
  onTestFinished(async () => {
    engine.release()
    await pool.close()
    expectNothingLeft(pool, engine)
  })
  const stats = (model = MODEL): ModelStats => {
    const found = pool.stats().models.find(({ model: key }) => key === model.key)
    if (found === undefined) throw new Error(`the pool knows no ${model.key}`)
    return found
  }
  return {
    ...{ pool, engine, told, stats },
    tellings: (event) => told.flatMap(([name, facts]) => (name === event ? [facts] : [])),
    worker: (place) => at(engine.workers, place),
    running: async (place = 0) => {
      await until(() => engine.running.length > place)
      return at(engine.running, place)
    },
  }
}

/** What must hold of a pool that was closed. */
export function expectNothingLeft(pool: EmbeddingPool, engine: ManualEngine): void {
  const { closed, memory, models } = pool.stats()
  expect(closed).toBe(true)
  expect(memory.granted).toBe(0)
  for (const model of models) {
    expect(model).toMatchObject({
      ...{ state: 'unloaded', workers: 0, memory: 0 },
      ...{ waiting: { texts: 0, tokens: 0 }, running: { texts: 0, tokens: 0, batches: 0 } },
      queue: { texts: 0, tokens: 0, bytes: 0 },
    })
  }
  expect(engine.alive).toEqual([])
}

function at<T>(items: readonly T[], place: number): T {
  const item = items[place]
  if (item === undefined) throw new Error(`there is no ${place} of ${items.length}`)
  return item
}
