/** The workers of one model: how many there are, who takes a batch, and what happens when one is lost. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { STELLA_NANO } from '../../../registry/index.js'
import { StellaError } from '../../../src/errors.js'
import { packTexts } from '../../../src/packed/packing.js'
import { RESPAWN_BASE_MS, RESPAWN_STABLE_MS, RespawnBackoff } from '../../../src/pool/backoff.js'
import type { RunResult } from '../../../src/pool/backend.js'
import { Crew } from '../../../src/pool/crew.js'
import type { CrewOptions } from '../../../src/pool/crew-contract.js'
import { failureOf } from '../../support/failure.js'
import type { Automatic, ManualWorker } from '../../support/manual-engine.js'
import { ManualEngine, loadFailure, lost, settled } from '../../support/manual-engine.js'

const VARIANT = { dimensions: 256, normalize: true }

/** What each delay is of its upper bound. */
const DELAY = 0.5

interface Play {
  readonly crew: Crew
  readonly engine: ManualEngine
  /** What the observer was told, in order. */
  readonly told: string[]
  /** Workers that are charged, and most that may be. */
  readonly memory: { charged: number; room: number }
  readonly backoff: RespawnBackoff
  readonly worker: (place: number) => ManualWorker
  readonly run: (prefetch?: boolean, alone?: boolean) => Promise<RunResult>
}

async function play(
  options: Partial<Pick<CrewOptions, 'least' | 'most' | 'idleTimeoutMs'>> & {
    readonly room?: number
    readonly automatic?: Partial<Automatic>
  } = {},
): Promise<Play> {
  const { least = 1, most = 1, idleTimeoutMs = Number.POSITIVE_INFINITY, room = Infinity, automatic } = options
  const engine = new ManualEngine(most)
  Object.assign(engine.automatic, { run: false, ...automatic })
  const model = await engine.prepare(STELLA_NANO, { dimensions: undefined, signal: new AbortController().signal })
  const memory = { charged: least, room }
  const told: string[] = []
  const backoff = new RespawnBackoff(() => DELAY)
  const crew = new Crew({
    ...{ model, threads: 1, least, most, idleTimeoutMs, backoff },
    charge: (workers) => {
      // As the ledger: what a load starts with stays charged, and giving back never fails.
      const wanted = Math.max(workers, least)
      if (wanted > memory.charged && wanted > memory.room) return false
      memory.charged = wanted
      return true
    },
    observer: {
      onSpawning: () => told.push('spawning'),
      onReady: ({ worker }) => told.push(`ready ${worker}`),
      onLost: (worker) => told.push(`lost ${worker}`),
      onRetired: (worker) => told.push(`retired ${worker}`),
      onRoom: () => told.push('room'),
      onStranded: ({ code }) => told.push(`stranded ${code}`),
    },
  })
  const worker = (place: number): ManualWorker => {
    const found = engine.workers[place]
    if (found === undefined) throw new Error(`no worker ${place} of ${engine.workers.length}`)
    return found
  }
  const run = (prefetch = false, alone = false): Promise<RunResult> => {
    const member = crew.next(prefetch)
    if (member === undefined) throw new Error('no worker has room')
    const running = member.run(packTexts([new Int32Array([1, 2, 3])]), VARIANT, alone)
    running.catch(() => undefined)
    return running
  }
  return { crew, engine, told, memory, backoff, worker, run }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  await settled()
}

describe('starting', () => {
  it('loads so many workers at once, and says when each is ready', async () => {
    const { crew, told, memory } = await play({ least: 3, most: 3 })
    await crew.start(3)
    expect(crew).toMatchObject({ size: 3, idle: 3, loads: 3, spare: 0, states: { ready: 3 } })
    expect(told).toEqual(['spawning', 'spawning', 'spawning', 'ready 1', 'room', 'ready 2', 'room', 'ready 3', 'room'])
    expect(memory.charged).toBe(3)
  })

  it('fails with the first failure, once all have been heard, and tells how often it loaded', async () => {
    const { crew, engine, worker } = await play({ least: 2, most: 2, automatic: { load: false } })
    let failed = false
    const start = failureOf(() => crew.start(2)).finally(() => (failed = true))
    worker(0).failLoad(new StellaError('ARTEFACT_INVALID', 'it is cut', { details: { file: 'backbone.onnx' } }))
    await settled()
    expect(failed).toBe(false)
    worker(1).ready()
    expect(await start).toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      message: 'it is cut',
      details: { reason: 'ARTEFACT_INVALID', file: 'backbone.onnx', workers: 2, loads: 2 },
    })
    await crew.close()
    expect(engine.alive).toEqual([])
  })

  it('says of weights what its workers say, and before there are any what the model says', async () => {
    const { crew, engine } = await play({ most: 2 })
    engine.weights = 'own'
    expect(crew.weights).toBe('shared')
    await crew.start(1)
    expect(crew.weights).toBe('own')
  })
})

describe('handing out', () => {
  it('takes whoever has nothing to do, then nobody', async () => {
    const { crew, run } = await play({ least: 2, most: 2 })
    await crew.start(2)
    void run()
    expect(crew).toMatchObject({ idle: 1, states: { processing: 1, ready: 1 } })
    expect(crew.next(false)?.worker).toBe(2)
    void run()
    expect(crew.next(false)).toBeUndefined()
  })

  it('takes one more for each when it may hand over ahead, and never a third', async () => {
    const { crew, run, worker } = await play({ least: 2, most: 2 })
    await crew.start(2)
    for (let batch = 0; batch < 4; batch++) void run(true)
    expect(worker(0).runs).toHaveLength(2)
    expect(worker(1).runs).toHaveLength(2)
    expect(crew.next(true)).toBeUndefined()
  })

  it('leaves a worker alone with a batch that is to run alone', async () => {
    const { crew, run, worker } = await play({ least: 2, most: 2 })
    await crew.start(2)
    const running = run(true, true)
    expect(crew.next(true)).toMatchObject({ worker: 2, idle: true })
    void run(true)
    void run(true)
    expect([worker(0).runs.length, worker(1).runs.length]).toEqual([1, 2])
    expect(crew.next(true)).toBeUndefined()
    worker(0).runs[0]?.answer()
    await running
    expect(crew.next(true)?.worker).toBe(1)
  })

  it('gives a batch to no worker that is loading (origin 13) or whose thread is ending (origin 15)', async () => {
    const { crew, run, worker } = await play({ least: 2, most: 2, automatic: { load: false } })
    const start = crew.start(2)
    expect(crew.next(true)).toBeUndefined()
    worker(0).ready()
    worker(1).ready()
    await start
    void run()
    worker(0).lose()
    expect(crew.size).toBe(1)
    expect(crew.next(true)?.worker).toBe(2)
  })
})

describe('growing', () => {
  it('is by one at a time, while the last one asked for loads (origin 14)', async () => {
    const { crew, worker, memory } = await play({ most: 4, automatic: { load: false } })
    const start = crew.start(1)
    worker(0).ready()
    await start
    for (let press = 0; press < 10; press++) crew.press()
    expect(crew.loads).toBe(2)
    expect(memory.charged).toBe(2)
    worker(1).ready()
    await settled()
    crew.press()
    expect(crew.loads).toBe(3)
  })

  it('is never above the plan (origin 14)', async () => {
    const { crew, memory } = await play({ most: 2 })
    await crew.start(1)
    for (let press = 0; press < 5; press++) {
      crew.press()
      await settled()
    }
    expect(crew.loads).toBe(2)
    expect(memory.charged).toBe(2)
  })

  it('takes the memory before the thread is started, and starts none without', async () => {
    const { crew, memory } = await play({ most: 3, room: 2 })
    await crew.start(1)
    crew.press()
    expect(memory.charged).toBe(2)
    await settled()
    crew.press()
    await settled()
    expect(crew.loads).toBe(2)
    memory.room = 3
    crew.press()
    await settled()
    expect(crew.size).toBe(3)
  })

  it('that fails gives the memory back, leaves the others at work, and comes again after a pause', async () => {
    const { crew, engine, memory, told } = await play({ most: 2 })
    await crew.start(1)
    engine.loadFailures.push(loadFailure())
    crew.press()
    await settled()
    expect(memory.charged).toBe(1)
    expect(crew.size).toBe(1)
    expect(told).not.toContain('stranded MODEL_LOAD_FAILED')
    crew.press()
    expect(crew.loads).toBe(2)
    await pass(DELAY * RESPAWN_BASE_MS)
    crew.press()
    await settled()
    expect(crew.size).toBe(2)
  })
})

describe('filling', () => {
  it('starts all that there is memory for, and ends when they have loaded', async () => {
    const { crew, memory } = await play({ most: 4, room: 3 })
    await crew.start(1)
    await crew.fill()
    expect(crew.size).toBe(3)
    expect(memory.charged).toBe(3)
  })

  it('asked for twice at once loads once, and both wait for it', async () => {
    const { crew, worker } = await play({ most: 2, automatic: { load: false } })
    const start = crew.start(1)
    worker(0).ready()
    await start
    let filled = 0
    const fills = [crew.fill(), crew.fill()].map((fill) => fill.then(() => filled++))
    await settled()
    expect([filled, crew.loads]).toEqual([0, 2])
    worker(1).ready()
    await Promise.all(fills)
    expect([filled, crew.loads]).toEqual([2, 2])
  })

  it('waits for a worker that is on its way anyhow', async () => {
    const { crew, worker } = await play({ most: 2, automatic: { load: false } })
    const start = crew.start(1)
    worker(0).ready()
    await start
    crew.press()
    const fill = crew.fill()
    worker(1).ready()
    await fill
    expect(crew).toMatchObject({ size: 2, loads: 2 })
  })

  it('that fails gives back what it took, and keeps the workers there are', async () => {
    const { crew, engine, memory } = await play({ most: 3 })
    await crew.start(1)
    engine.loadFailures.push(undefined, loadFailure())
    expect(await failureOf(() => crew.fill())).toMatchObject({ code: 'MODEL_LOAD_FAILED' })
    expect(crew.size).toBe(2)
    expect(memory.charged).toBe(2)
  })

  it('of a crew that was closed starts nothing', async () => {
    const { crew, engine } = await play({ most: 3 })
    await crew.start(1)
    const closing = crew.close()
    await crew.fill()
    crew.press()
    await closing
    expect(engine.workers).toHaveLength(1)
  })
})

describe('idle workers', () => {
  it('beyond the least leave after a while, and give their memory back once they are gone', async () => {
    const { crew, worker, memory, told } = await play({ most: 3, idleTimeoutMs: 1000, automatic: { stop: false } })
    await crew.start(1)
    await crew.fill()
    await pass(999)
    expect(crew.size).toBe(3)
    await pass(1)
    expect(crew).toMatchObject({ size: 1, leaving: 2 })
    expect(memory.charged).toBe(3)
    worker(0).leave()
    await settled()
    expect(memory.charged).toBe(2)
    worker(1).leave()
    await settled()
    expect(memory.charged).toBe(1)
    expect(told.filter((event) => event.startsWith('retired'))).toEqual(['retired 1', 'retired 2'])
    await pass(10_000)
    expect(crew.size).toBe(1)
  })

  it('count their idle time from the end of a run, not from its start (origin 19)', async () => {
    const { crew, run, worker } = await play({ most: 2, idleTimeoutMs: 1000 })
    await crew.start(1)
    await crew.fill()
    void run()
    void run()
    await pass(5000)
    expect(crew.size).toBe(2)
    worker(0).runs[0]?.answer()
    worker(1).runs[0]?.answer()
    await pass(900)
    expect(crew.size).toBe(2)
    await pass(100)
    expect(crew.size).toBe(1)
  })

  it('stay for ever where they are told to, and those that every load starts stay anyhow', async () => {
    const forever = await play({ most: 2 })
    await forever.crew.start(1)
    await forever.crew.fill()
    await pass(1e9)
    expect(forever.crew.size).toBe(2)
    const fixed = await play({ least: 2, most: 2, idleTimeoutMs: 10 })
    await fixed.crew.start(2)
    await pass(1e6)
    expect(fixed.crew.size).toBe(2)
  })

  it('are all let go at once when their memory is wanted, but neither the busy nor the last', async () => {
    const { crew, run, memory, worker } = await play({ most: 4, automatic: { stop: false } })
    await crew.start(1)
    await crew.fill()
    void run()
    expect(crew.spare).toBe(3)
    let shrunk = 0
    const shrinking = [crew.shrink(), crew.shrink()].map((shrink) => shrink.then(() => shrunk++))
    expect(crew).toMatchObject({ size: 1, spare: 0, leaving: 3 })
    for (const place of [1, 2]) worker(place).leave()
    await settled()
    expect(shrunk).toBe(0)
    worker(3).leave()
    await Promise.all(shrinking)
    expect(memory.charged).toBe(1)
    expect(crew.states).toEqual({ processing: 1 })
  })

  it('that leave make room for another only once they are gone', async () => {
    const { crew, memory, told, worker } = await play({ most: 2, room: 2, automatic: { stop: false } })
    await crew.start(1)
    await crew.fill()
    const shrink = crew.shrink()
    crew.press()
    expect(crew.loads).toBe(2)
    told.length = 0
    worker(1).leave()
    await shrink
    await settled()
    expect(told).toEqual(['retired 2', 'room'])
    crew.press()
    await settled()
    expect(crew.size).toBe(2)
    expect(memory.charged).toBe(2)
  })
})

describe('a lost worker', () => {
  it('that was idle is replaced after a pause, without being asked for', async () => {
    const { crew, worker, told, memory } = await play()
    await crew.start(1)
    told.length = 0
    worker(0).lose()
    await settled()
    expect(told).toEqual(['lost 1'])
    expect(memory.charged).toBe(1)
    await pass(DELAY * RESPAWN_BASE_MS)
    expect(told).toEqual(['lost 1', 'spawning', 'room', 'ready 2', 'room'])
    expect(crew).toMatchObject({ size: 1, loads: 2 })
  })

  it('beyond the least gives its memory back, and is replaced only when asked for', async () => {
    const { crew, worker, memory } = await play({ most: 2 })
    await crew.start(1)
    await crew.fill()
    worker(1).lose()
    await settled()
    expect(memory.charged).toBe(1)
    await pass(60_000)
    expect(crew.loads).toBe(2)
    crew.press()
    await settled()
    expect(crew.size).toBe(2)
  })

  it('is not replaced at once, however often one is asked for: not even before its end is known', async () => {
    const { crew, run, worker } = await play({ most: 4 })
    await crew.start(1)
    void run()
    worker(0).lose()
    crew.press()
    await settled()
    crew.press()
    await settled()
    expect(crew.loads).toBe(1)
    await pass(DELAY * RESPAWN_BASE_MS)
    expect(crew.loads).toBe(2)
  })

  it('that is lost again and again is replaced ever more slowly, until one has lived for long', async () => {
    const { crew, worker } = await play()
    await crew.start(1)
    for (let loss = 0; loss < 4; loss++) {
      worker(loss).lose()
      await settled()
      await pass(DELAY * RESPAWN_BASE_MS * 2 ** loss - 1)
      expect(crew.loads).toBe(loss + 1)
      await pass(1)
      expect(crew.loads).toBe(loss + 2)
    }
    await pass(RESPAWN_STABLE_MS)
    worker(4).lose()
    await settled()
    await pass(DELAY * RESPAWN_BASE_MS)
    expect(crew.loads).toBe(6)
  })

  it('fails all batches it had', async () => {
    const { crew, run, worker } = await play()
    await crew.start(1)
    const runs = [failureOf(() => run(true)), failureOf(() => run(true))]
    await settled()
    worker(0).lose(lost())
    for (const { code } of await Promise.all(runs)) expect(code).toBe('WORKER_LOST')
  })

  it('keeps the process for what comes after it only where somebody waits for that', async () => {
    for (const presses of [false, true]) {
      const { crew, worker, run } = await play()
      await crew.start(1)
      const set = vi.spyOn(globalThis, 'setTimeout')
      void run()
      worker(0).lose()
      // As it comes: the batch is heard of before the thread is.
      if (presses) crew.press()
      await settled()
      const timer = set.mock.results.at(-1)?.value as NodeJS.Timeout
      set.mockRestore()
      expect(timer.hasRef()).toBe(presses)
      crew.press()
      expect(timer.hasRef()).toBe(true)
      await crew.close()
    }
  })

  it('that was the last, and cannot be started again, leaves the crew stranded', async () => {
    const { crew, engine, worker, told, memory } = await play()
    await crew.start(1)
    engine.loadFailures.push(loadFailure())
    worker(0).lose()
    await settled()
    await pass(DELAY * RESPAWN_BASE_MS)
    expect(told.at(-1)).toBe('stranded MODEL_LOAD_FAILED')
    expect(memory.charged).toBe(1)
    await crew.close()
    await pass(60_000)
    expect(crew.loads).toBe(2)
  })
})

describe('closing', () => {
  it('waits for runs and loads under way, and leaves no thread and no timer', async () => {
    const { crew, engine, run, worker } = await play({ most: 2, idleTimeoutMs: 1000, automatic: { load: false } })
    const start = crew.start(1)
    worker(0).ready()
    await start
    const running = run()
    crew.press()
    let closed = false
    const closing = crew.close().finally(() => (closed = true))
    await settled()
    expect(closed).toBe(false)
    worker(0).runs[0]?.answer()
    await running
    await settled()
    expect(closed).toBe(false)
    worker(1).ready()
    await closing
    expect(engine.alive).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
    expect(crew).toMatchObject({ size: 0, states: {} })
  })

  it('twice is once; with a worker lost and one leaving it ends, too', async () => {
    const { crew, engine, worker } = await play({ most: 3, automatic: { stop: false } })
    await crew.start(1)
    await crew.fill()
    worker(0).lose()
    void crew.shrink()
    const closings = [crew.close(), crew.close()]
    expect(closings[0]).toBe(closings[1])
    for (const place of [1, 2]) worker(place).leave()
    await Promise.all(closings)
    expect(engine.alive).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends no thread before its load is over, and tells of no worker that became ready too late', async () => {
    const { crew, worker, told } = await play({ automatic: { load: false } })
    const start = failureOf(() => crew.start(1))
    const closing = crew.close()
    await settled()
    expect(worker(0).state).toBe('evicting')
    worker(0).ready()
    await closing
    expect((await start).code).toBe('MODEL_LOAD_FAILED')
    expect(told).toEqual(['spawning'])
  })
})
