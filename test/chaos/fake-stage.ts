/** Chaos with the fake engine in virtual time: the same seed plays the same again, and a minute's wait costs nothing. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'

import { STELLA_EN_400M_V5, STELLA_NANO } from '../../registry/index.js'
import type { StellaModelInfo } from '../../registry/types.js'
import type { PoolOptions } from '../../src/index.js'
import type { FakePool } from '../../src/fake/index.js'
import { createFakePool } from '../../src/fake/index.js'
import { Draws } from './draws.js'
import type { Actor, Mischief, Stage } from './stage.js'
import type { VirtualTime } from './virtual-time.js'

/** Words that no text of the game has. */
const POISONED = 'arsenic toadstool'
const LETHAL = 'guillotine scaffold'

/** Share of what is left when the machine has no memory. */
const HITS = new Map<string, number>()

/** Sets it up. */
export function fakeStage(seed: number, time: VirtualTime): Stage {
  const own = new Draws(seed ^ 0x5eed)
  // What the pool itself leaves to chance.
  Math.random = () => own.share()
  const machine = { short: false }
  readAtOnce()
  shortenMemory(machine)
  let pool: FakePool | undefined
  const repair = (): void => {
    machine.short = false
    if (pool === undefined) return
    pool.fake.reset()
    arm(pool)
  }
  return {
    actors: [actorOf(STELLA_NANO), actorOf(STELLA_EN_400M_V5)],
    mischiefs: mischiefsOf(machine),
    open: async ({ memory, ...options }: PoolOptions) => {
      const latencyMs = own.pick([0, 1, 8])
      pool = await createFakePool({
        ...options,
        // The larger model is charged what the real one takes.
        memory: memory === '4GB' ? '64GB' : memory,
        fake: { latencyMs: ({ tokens }) => latencyMs * (0.5 + tokens / 256), loadMs: own.pick([0, 5, 300]) },
      })
      arm(pool)
      return pool
    },
    rest: (milliseconds) => time.rest(milliseconds),
    // Longer than any timeout of a pool, and than a breaker stays open.
    longRestMs: 400_000,
    // A few turns of the event loop, and what a source takes for an item.
    promptMs: 10,
    mostRefusals: Number.POSITIVE_INFINITY,
    now: () => time.now,
    repair: () => {
      repair()
      return Promise.resolve()
    },
    markCalm: () => Promise.resolve(),
    leftovers: () => Promise.resolve([]),
    hits: () => Object.fromEntries(HITS),
    close: () => Promise.resolve(),
  }
}

function arm(pool: FakePool): void {
  pool.fake.failText(POISONED, 'INTERNAL')
  pool.fake.failText(LETHAL, 'WORKER_LOST')
}

function actorOf(info: StellaModelInfo): Actor {
  return { info, lethal: LETHAL, poisoned: POISONED }
}

function mischiefsOf(machine: { short: boolean }): readonly Mischief[] {
  const fake = (pool: unknown): FakePool => pool as FakePool
  const keys = [undefined, STELLA_NANO.key, STELLA_EN_400M_V5.key]
  const hit = (name: string): string => {
    HITS.set(name, (HITS.get(name) ?? 0) + 1)
    return name
  }
  return [
    {
      name: 'lose a worker',
      weight: 5,
      excuses: ['WORKER_LOST', 'BREAKER_OPEN'],
      make: (draws, pool) => {
        const ready = pool.stats().models.filter(({ workers }) => workers > 0)
        if (ready.length === 0) return 'nothing: none is ready'
        const { model } = draws.pick(ready)
        fake(pool).fake.loseWorker(model)
        return hit(`lost a worker of ${model}`)
      },
    },
    {
      name: 'lose workers in runs',
      weight: 3,
      excuses: ['WORKER_LOST', 'BREAKER_OPEN'],
      make: (draws, pool) => {
        fake(pool).fake.failRuns('WORKER_LOST', { count: draws.between(1, 8), model: draws.pick(keys) })
        return 'the next runs'
      },
    },
    {
      name: 'fail runs',
      weight: 3,
      excuses: ['INTERNAL', 'BREAKER_OPEN'],
      make: (draws, pool) => {
        fake(pool).fake.failRuns('INTERNAL', { count: draws.between(1, 8), model: draws.pick(keys) })
        return 'the next runs'
      },
    },
    ...(['MODEL_LOAD_FAILED', 'ARTEFACT_INVALID', 'STORAGE_FAILED'] as const).map((code): Mischief => ({
      name: `fail loads with ${code}`,
      weight: 1.5,
      excuses: [code, 'BREAKER_OPEN'],
      make: (draws, pool) => {
        fake(pool).fake.failLoads(code, { count: draws.between(1, 8), model: draws.pick(keys) })
        return 'the next loads'
      },
    })),
    {
      name: 'no memory left',
      weight: 2,
      excuses: [],
      make: () => {
        machine.short = true
        return hit('no memory left')
      },
    },
  ]
}

/** What the pool reads of the machine is there at once: how long a disk takes would change what happens next. */
function readAtOnce(): void {
  const { readFile } = fs.promises
  const isOfMachine = (path: unknown): path is string => typeof path === 'string' && /^\/(proc|sys)\//.test(path)
  fs.promises.readFile = ((path: string, options: 'utf8') => {
    if (!isOfMachine(path)) return readFile(path, options)
    return new Promise((resolve) => {
      resolve(fs.readFileSync(path, options))
    })
  }) as typeof readFile
  const original = fs.readFile
  fs.readFile = ((path: string, ...rest: [(error: unknown, data?: unknown) => void]) => {
    const done = rest.at(-1)
    if (!isOfMachine(path) || done === undefined) {
      original(path, ...rest)
      return
    }
    const data = fs.readFileSync(path)
    process.nextTick(done, null, data)
  }) as typeof original
  syncBuiltinESMExports()
}

function shortenMemory(machine: { readonly short: boolean }): void {
  const { freemem } = os
  os.freemem = () => (machine.short ? 0 : freemem())
  syncBuiltinESMExports()
}
