import { afterEach, describe, expect, it } from 'vitest'

import { Governor } from '../../../src/pool/governor.js'
import type { MachineMemory } from '../../../src/pool/pressure.js'
import { failureOf } from '../../support/failure.js'
import { ANY_PARTS, ReclaimableModel } from '../../support/reclaimable-model.js'

/** Lets everything run that is ready to. */
const quiet = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

const AMPLE = { available: 64e9, usable: 64e9 }

const open: Governor[] = []
afterEach(async () => {
  for (const governor of open.splice(0)) await governor.close()
})

function governorOf(budget: number, more: Partial<ConstructorParameters<typeof Governor>[0]> = {}): Governor {
  const readings = { readMachine: () => Promise.resolve(AMPLE), readResident: () => Promise.resolve(HELD) }
  const governor = new Governor({ budget, ...readings, ...more })
  open.push(governor)
  return governor
}

const HELD = { bytes: 1e6, kind: 'pss' } as const

/** A model that holds so much. */
async function holder(
  governor: Governor,
  owner: string,
  bytes: number,
  facts: ConstructorParameters<typeof ReclaimableModel>[1] = {},
): Promise<ReclaimableModel> {
  const model = new ReclaimableModel(owner, facts)
  model.grant = await governor.acquire(model, bytes, ANY_PARTS)
  return model
}

/** What has become of a promise, without waiting for it. */
function watched<T>(promise: Promise<T>): { readonly state: () => string } {
  let state = 'pending'
  promise.then(
    () => (state = 'granted'),
    (error: unknown) => (state = error instanceof Error && 'code' in error ? String(error.code) : 'failed'),
  )
  return { state: () => state }
}

describe('memory that is free', () => {
  it('is granted without asking anybody', async () => {
    const governor = governorOf(100)
    const idle = await holder(governor, 'idle', 60)
    const grant = await governor.acquire(new ReclaimableModel('m'), 40, ANY_PARTS)
    expect([grant.owner, grant.bytes, governor.granted, governor.available]).toEqual(['m', 40, 100, 0])
    expect(idle.begun).toEqual([])
  })

  // The origin's guards held copies of the counter, and a second pool had a second one.
  it('is all there again after any number of loads and evictions (origin bugs 1 and 7)', async () => {
    const governor = governorOf(100)
    for (let round = 0; round < 500; round++) {
      const grant = await governor.acquire(new ReclaimableModel('m'), 100, ANY_PARTS)
      grant.release()
      grant.release()
    }
    expect([governor.granted, governor.available]).toEqual([0, 100])
  })

  it('is what a grant grows into by itself, and no further', async () => {
    const governor = governorOf(100)
    const { grant } = await holder(governor, 'm', 40)
    await holder(governor, 'other', 30)
    expect(grant?.tryResize(70)).toBe(true)
    expect(grant?.tryResize(71)).toBe(false)
    expect(grant?.bytes).toBe(70)
    const error = await failureOf(() => grant?.resize(71, ANY_PARTS))
    expect(error.code).toBe('MEMORY_EXHAUSTED')
    expect(grant?.tryResize(10)).toBe(true)
    expect(governor.granted).toBe(40)
  })

  it.each([Number.NaN, -1])('is not to be had by asking for %s bytes', async (bytes) => {
    const governor = governorOf(100)
    await expect(governor.acquire(new ReclaimableModel('m'), bytes, ANY_PARTS)).rejects.toThrow('m asks for')
    expect(governor.granted).toBe(0)
    expect(await holder(governor, 'next', 100)).toBeDefined()
  })
})

describe('memory that is short', () => {
  // `get_eviction_queue` and its like had no callers: nothing was ever evicted for another's sake.
  it('is taken from the model used longest ago, and granted when it is back (origin bug 4)', async () => {
    const governor = governorOf(100)
    const old = await holder(governor, 'old', 50, { lastUsed: 1 })
    const recent = await holder(governor, 'recent', 50, { lastUsed: 2 })
    const wanted = watched(governor.acquire(new ReclaimableModel('m'), 40, ANY_PARTS))
    await quiet()
    expect([old.begun, recent.begun, wanted.state()]).toEqual([['evict'], [], 'pending'])
    // Its threads have not ended: what they hold cannot be granted to anybody.
    expect(governor.granted).toBe(100)
    old.settle()
    await quiet()
    expect([wanted.state(), governor.granted]).toEqual(['granted', 90])
  })

  it('is taken from idle workers before any model goes', async () => {
    const governor = governorOf(100)
    const busy = await holder(governor, 'busy', 60, { busy: true, idle: 30, lastUsed: 9 })
    const idle = await holder(governor, 'idle', 40, { lastUsed: 1 })
    const wanted = watched(governor.acquire(new ReclaimableModel('m'), 30, ANY_PARTS))
    await quiet()
    expect([busy.begun, idle.begun]).toEqual([['shrink'], []])
    busy.settle()
    await quiet()
    expect([wanted.state(), busy.grant?.bytes]).toEqual(['granted', 30])
  })

  it('is asked of all who are needed at once, so that none can be called in between', async () => {
    const governor = governorOf(90)
    const models = [await holder(governor, 'a', 30), await holder(governor, 'b', 30), await holder(governor, 'c', 30)]
    const wanted = watched(governor.acquire(new ReclaimableModel('m'), 60, ANY_PARTS))
    expect(models.map(({ begun }) => begun)).toEqual([['evict'], ['evict'], []])
    for (const model of models) model.settle()
    await quiet()
    expect(wanted.state()).toBe('granted')
  })

  it('is granted as soon as it is there, whoever gave it back', async () => {
    const governor = governorOf(100)
    const slow = await holder(governor, 'slow', 50, { lastUsed: 1 })
    const busy = await holder(governor, 'busy', 50, { busy: true })
    const wanted = watched(governor.acquire(new ReclaimableModel('m'), 50, ANY_PARTS))
    await quiet()
    busy.release()
    await quiet()
    expect([wanted.state(), slow.begun, governor.granted]).toEqual(['granted', ['evict'], 100])
    slow.settle()
    expect(governor.granted).toBe(50)
  })

  it('is waited for where a model is on its way out already', async () => {
    const governor = governorOf(100)
    const leaving = await holder(governor, 'leaving', 60)
    const idle = await holder(governor, 'idle', 40)
    void leaving.evict()
    const wanted = watched(governor.acquire(new ReclaimableModel('m'), 60, ANY_PARTS))
    await quiet()
    expect([wanted.state(), idle.begun, leaving.begun]).toEqual(['pending', [], ['evict']])
    leaving.settle()
    await quiet()
    expect(wanted.state()).toBe('granted')
  })

  it('is never asked of the model that wants it', async () => {
    const governor = governorOf(100)
    const model = await holder(governor, 'm', 80, { idle: 40 })
    expect(governor.attainable(model)).toBe(20)
    const error = await failureOf(() => governor.acquire(model, 50, ANY_PARTS))
    expect([error.code, model.begun]).toEqual(['MEMORY_EXHAUSTED', []])
  })

  it('is asked of others where one does not give what it promised', async () => {
    const logged: unknown[] = []
    const note = (...facts: unknown[]): number => logged.push(facts)
    const governor = governorOf(100, { logger: { debug: note, info: note, warn: note, error: note } })
    const broken = await holder(governor, 'broken', 50, { lastUsed: 1 })
    const sound = await holder(governor, 'sound', 50, { lastUsed: 2 })
    const wanted = watched(governor.acquire(new ReclaimableModel('m'), 50, ANY_PARTS))
    await quiet()
    broken.settle(new Error('a thread that does not end'))
    await quiet()
    expect([wanted.state(), broken.begun, sound.begun]).toEqual(['pending', ['evict'], ['evict']])
    sound.settle()
    await quiet()
    expect(wanted.state()).toBe('granted')
    expect(logged).toEqual([
      [{ model: 'broken', kind: 'evict', error: 'a thread that does not end' }, 'memory was not given back'],
    ])
  })

  it('is refused, and no longer waited for, where nobody gives what was promised', async () => {
    const governor = governorOf(100)
    const broken = await holder(governor, 'broken', 100)
    const wanted = watched(governor.acquire(new ReclaimableModel('m'), 50, ANY_PARTS))
    await quiet()
    broken.settle(new Error('no'))
    await quiet()
    expect([wanted.state(), broken.begun, governor.granted]).toEqual(['MEMORY_EXHAUSTED', ['evict'], 100])
  })

  it('is had for a grant that grows as for a new one', async () => {
    const governor = governorOf(100)
    const idle = await holder(governor, 'idle', 50)
    const { grant } = await holder(governor, 'm', 50)
    if (grant === undefined) throw new Error('no grant')
    const grown = watched(governor.resize(grant, 100, ANY_PARTS))
    await quiet()
    idle.settle()
    await quiet()
    expect([grown.state(), grant.bytes, governor.granted]).toEqual(['granted', 100, 100])
    await governor.resize(grant, 20, ANY_PARTS)
    expect(governor.granted).toBe(20)
  })

  it('is not granted to a grant that was released while it waited', async () => {
    const governor = governorOf(100)
    const idle = await holder(governor, 'idle', 50)
    const model = await holder(governor, 'm', 50)
    if (model.grant === undefined) throw new Error('no grant')
    const growing = expect(governor.resize(model.grant, 100, ANY_PARTS)).rejects.toThrow('released')
    await quiet()
    model.release()
    idle.settle()
    await growing
    expect(governor.granted).toBe(0)
  })
})

describe('those who wait', () => {
  it('are served in the order they came, also one that would fit at once', async () => {
    const governor = governorOf(100)
    const idle = await holder(governor, 'idle', 90)
    const large = watched(governor.acquire(new ReclaimableModel('large'), 80, ANY_PARTS))
    const small = watched(governor.acquire(new ReclaimableModel('small'), 10, ANY_PARTS))
    await quiet()
    expect([large.state(), small.state(), governor.available]).toEqual(['pending', 'pending', 0])
    idle.settle()
    await quiet()
    expect([large.state(), small.state()]).toEqual(['granted', 'granted'])
  })

  it('do not evict for the same memory twice', async () => {
    const governor = governorOf(100)
    const old = await holder(governor, 'old', 50, { lastUsed: 1 })
    const recent = await holder(governor, 'recent', 50, { lastUsed: 2 })
    const both = ['x', 'y'].map((owner) => watched(governor.acquire(new ReclaimableModel(owner), 25, ANY_PARTS)))
    await quiet()
    old.settle()
    await quiet()
    expect(both.map(({ state }) => state())).toEqual(['granted', 'granted'])
    expect(recent.begun).toEqual([])
  })

  it('are not overtaken by a grant that grows', async () => {
    const governor = governorOf(100)
    const growing = await holder(governor, 'growing', 10)
    const idle = await holder(governor, 'idle', 80)
    growing.busy = true
    const wanted = watched(governor.acquire(new ReclaimableModel('m'), 90, ANY_PARTS))
    await quiet()
    expect(growing.grant?.tryResize(20)).toBe(false)
    const error = await failureOf(() => growing.grant?.resize(20, ANY_PARTS))
    expect(error.message).toContain('growing needs 1 kB; 1 kB of the budget')
    expect(growing.grant?.tryResize(5)).toBe(true)
    idle.settle()
    await quiet()
    expect([wanted.state(), growing.grant?.tryResize(10)]).toEqual(['granted', true])
  })

  it('can give up; what was asked for their sake serves the next', async () => {
    const governor = governorOf(100)
    const idle = await holder(governor, 'idle', 100)
    const controller = new AbortController()
    const given = governor.acquire(new ReclaimableModel('m'), 60, ANY_PARTS, controller.signal)
    const next = watched(governor.acquire(new ReclaimableModel('next'), 70, ANY_PARTS))
    await quiet()
    controller.abort()
    const error = await failureOf(() => given)
    expect([error.code, error.message]).toEqual(['ABORTED', 'Aborted by the caller while waiting for memory for m'])
    await quiet()
    expect([next.state(), idle.begun]).toEqual(['pending', ['evict']])
    idle.settle()
    await quiet()
    expect([next.state(), governor.granted]).toEqual(['granted', 70])
  })

  it('are not refused while something comes back that one before them had asked for', async () => {
    const governor = governorOf(100)
    const model = await holder(governor, 'model', 100, { busy: true, idle: 60 })
    const controller = new AbortController()
    const first = watched(governor.acquire(new ReclaimableModel('m'), 60, ANY_PARTS, controller.signal))
    await quiet()
    controller.abort()
    // What is under way it no longer offers; the governor has not forgotten that it asked.
    model.idle = 0
    const next = watched(governor.acquire(new ReclaimableModel('next'), 60, ANY_PARTS))
    await quiet()
    expect([first.state(), next.state()]).toEqual(['ABORTED', 'pending'])
    model.settle()
    await quiet()
    expect(next.state()).toBe('granted')
  })

  it('who had given up before take nothing and ask nobody', async () => {
    const governor = governorOf(100)
    const idle = await holder(governor, 'idle', 100)
    const error = await failureOf(() =>
      governor.acquire(new ReclaimableModel('m'), 1, ANY_PARTS, AbortSignal.abort(new Error('late'))),
    )
    expect([error.code, idle.begun]).toEqual(['ABORTED', []])
  })
})

describe('a refusal', () => {
  it('asks nobody for anything', async () => {
    const governor = governorOf(100)
    const busy = await holder(governor, 'busy', 50, { busy: true, idle: 10 })
    const idle = await holder(governor, 'idle', 30)
    const error = await failureOf(() => governor.acquire(new ReclaimableModel('m'), 61, ANY_PARTS))
    expect(error.code).toBe('MEMORY_EXHAUSTED')
    expect([busy.begun, idle.begun, governor.granted]).toEqual([[], [], 80])
    expect(await holder(governor, 'next', 20)).toBeDefined()
  })

  it('says what is needed, of what it is made, what could be had, who has the rest, and why they keep it', async () => {
    const governor = governorOf(6e9)
    await holder(governor, 'served', 2e9, { busy: true })
    await holder(governor, 'kept', 1e9, { pinned: true })
    await holder(governor, 'idle', 1e9)
    const parts = { ...ANY_PARTS, workers: 2, shared: 1e9, once: 60e6, weights: 1e9, scratch: 250e6, base: 45e6 }
    const error = await failureOf(() => governor.acquire(new ReclaimableModel('m'), 3.59e9, parts))
    expect(error.message).toBe(
      'm needs 3.59 GB; 2.00 GB of the budget of 6.00 GB are free, and 1.00 GB can be had from idle models ' +
        '(held: served 2.00 GB busy, kept 1.00 GB pinned, idle 1.00 GB). ' +
        'It is made of 1.00 GB shared + 60 MB process + 2 workers × (1.00 GB weights + 250 MB scratch + 45 MB thread), in int8. ' +
        'Raise `memory`, lower `workers` or `maxLength`, or evict another model',
    )
    expect(error.details).toMatchObject({
      ...{ model: 'm', needed: 3.59e9, available: 2e9, reclaimable: 1e9, budget: 6e9 },
      holders: [
        { model: 'served', bytes: 2e9, kept: 'busy' },
        { model: 'kept', bytes: 1e9, kept: 'pinned' },
        { model: 'idle', bytes: 1e9 },
      ],
    })
  })

  it('of a grant that is to grow leaves it as it was', async () => {
    const governor = governorOf(100)
    const { grant } = await holder(governor, 'm', 40)
    await holder(governor, 'other', 40, { busy: true })
    if (grant === undefined) throw new Error('no grant')
    const error = await failureOf(() => governor.resize(grant, 70, ANY_PARTS))
    expect(error.details).toMatchObject({ needed: 70, available: 60, holders: [{ model: 'other', bytes: 40 }] })
    expect(grant.bytes).toBe(40)
  })
})

describe('a machine in need', () => {
  it('has idle models evicted, as many as it takes, and nobody who is called or pinned', async () => {
    let look: (found: MachineMemory) => void = () => undefined
    const machine = new Promise<MachineMemory>((resolve) => {
      look = resolve
    })
    const levels: string[] = []
    const governor = governorOf(60e9, {
      readMachine: () => machine,
      onPressure: ({ level, available }) => levels.push(`${level} ${available ?? 0}`),
    })
    const models = [
      await holder(governor, 'busy', 1e9, { busy: true, lastUsed: 1 }),
      await holder(governor, 'pinned', 1e9, { pinned: true, lastUsed: 2 }),
      await holder(governor, 'old', 1e9, { lastUsed: 3 }),
      await holder(governor, 'recent', 1e9, { lastUsed: 4 }),
    ]
    look({ available: 100e6, usable: 64e9 })
    await quiet()
    expect(models.map(({ begun }) => begun)).toEqual([[], [], ['evict'], []])
    expect([governor.pressure, levels]).toEqual(['critical', ['critical 100000000']])
    // A load in the meantime waits, and does not evict the next.
    const load = watched(governor.acquire(new ReclaimableModel('m'), 1e9, ANY_PARTS))
    await quiet()
    expect(load.state()).toBe('pending')
    models[2]?.settle()
    await quiet()
    expect([load.state(), models[3]?.begun]).toEqual(['granted', []])
  })
})

describe('a governor', () => {
  it('tells the level of its budget, up to critical and back', async () => {
    const levels: string[] = []
    const governor = governorOf(100, { onPressure: ({ level, before }) => levels.push(`${before} > ${level}`) })
    const { grant } = await holder(governor, 'm', 10)
    for (const bytes of [50, 70, 85, 100, 10]) {
      await quiet()
      grant?.tryResize(bytes)
    }
    await quiet()
    expect(levels).toEqual(['low > normal', 'normal > high', 'high > critical', 'critical > low'])
  })

  it('measures what the process holds beyond what it began with', async () => {
    const readings = [1e9, 3e9]
    const governor = governorOf(4e9, {
      readResident: () => Promise.resolve({ bytes: readings.shift() ?? 0, kind: 'pss' }),
    })
    await holder(governor, 'm', 2.2e9)
    await quiet()
    expect(governor.resident).toEqual({ measured: 2e9, granted: 2.2e9, ratio: 1.1, kind: 'pss' })
    expect(governor.measured).toBe(2e9)
  })
})
