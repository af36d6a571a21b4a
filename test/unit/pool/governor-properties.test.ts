/** The governor under any sequence of events, with everything asynchronous ending in any order. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { isStellaError } from '../../../src/errors.js'
import { Governor } from '../../../src/pool/governor.js'
import type { MemoryGrant } from '../../../src/pool/memory-ledger.js'
import { ANY_PARTS, ReclaimableModel } from '../../support/reclaimable-model.js'

const BUDGET = 100
const MODELS = 5

/** One event. `at` picks a model, a request or a pending end, whichever the event is about. */
interface Event {
  readonly kind: (typeof KINDS)[number]
  readonly at: number
  readonly bytes: number
}

const KINDS = [
  'acquire',
  'acquire',
  'grow',
  'tryResize',
  'idle',
  'call',
  'return',
  'pin',
  'unpin',
  'release',
  'abort',
  'settle',
  'settle',
  'settle',
  'relieve',
  'leave',
] as const

const anyEvents = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    at: fc.nat({ max: 30 }),
    bytes: fc.integer({ min: 0, max: 120 }),
  }),
  { minLength: 10, maxLength: 80, size: 'max' },
)

/** A request for memory, from its call to its end. */
interface Request {
  readonly number: number
  readonly model: ReclaimableModel
  readonly controller: AbortController
  outcome: 'granted' | 'refused' | 'aborted' | undefined
}

const quiet = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** A pool of models as the governor sees it, and what must hold at every moment. */
class World {
  readonly governor = new Governor({
    budget: BUDGET,
    readMachine: () => Promise.resolve({ available: 64e9, usable: 64e9 }),
    readResident: () => Promise.resolve({ bytes: 0, kind: 'pss' }),
  })
  readonly models = Array.from({ length: MODELS }, (_, index) => new ReclaimableModel(`m${index}`))
  readonly requests: Request[] = []
  readonly failing: boolean
  /** Requests that ended without being aborted, in that order. */
  readonly ended: number[] = []
  #relieving = 0
  #clock = 0

  constructor(failing: boolean) {
    this.failing = failing
  }

  get waiting(): readonly Request[] {
    return this.requests.filter(({ outcome }) => outcome === undefined)
  }

  apply({ kind, at, bytes }: Event): void {
    const model = this.models[at % MODELS]
    if (model === undefined) return
    const { grant } = model
    const mayAsk = !model.leaving && !this.waiting.some((request) => request.model === model)
    if (kind === 'acquire' && grant === undefined && mayAsk) this.#acquire(model, bytes)
    // Giving back waits for nobody, and is no request.
    if (kind === 'grow' && grant !== undefined && bytes > grant.bytes && mayAsk) this.#grow(model, grant, bytes)
    if (kind === 'tryResize' && grant !== undefined && !model.asked) {
      const free = this.governor.available
      const more = bytes - grant.bytes
      expect(grant.tryResize(bytes)).toBe(more <= Math.max(0, free))
      model.idle = Math.min(model.idle, bytes)
    }
    if (kind === 'idle' && grant !== undefined && !model.asked) model.idle = Math.floor((grant.bytes * (at % 4)) / 4)
    if (kind === 'call' && !model.leaving) model.busy = true
    if (kind === 'return' && model.busy) {
      model.busy = false
      model.lastUsed = this.#clock++
    }
    if (kind === 'pin') model.pinned = !model.leaving
    if (kind === 'unpin') model.pinned = false
    if (kind === 'release' && grant !== undefined && !model.asked && mayAsk) model.release()
    if (kind === 'leave' && grant !== undefined && mayAsk && !model.busy && !model.pinned) {
      model.evict().catch(() => undefined)
    }
    if (kind === 'abort') this.waiting[at % Math.max(1, this.waiting.length)]?.controller.abort()
    if (kind === 'relieve') {
      this.#relieving++
      void this.governor.relieve(bytes).finally(() => this.#relieving--)
    }
    if (kind === 'settle') this.settle(at, this.failing && bytes % 5 === 0)
  }

  /** One of those that were asked is done. False where none was. */
  settle(at: number, failing: boolean): boolean {
    const asked = this.models.filter((model) => model.asked)
    asked[at % Math.max(1, asked.length)]?.settle(failing ? new Error('does not end') : undefined)
    return asked.length > 0
  }

  #acquire(model: ReclaimableModel, bytes: number): void {
    this.#request(model, async (signal) => {
      model.grant = await this.governor.acquire(model, bytes, ANY_PARTS, signal)
      model.lastUsed = this.#clock++
    })
  }

  #grow(model: ReclaimableModel, grant: MemoryGrant, bytes: number): void {
    const before = grant.bytes
    this.#request(model, async (signal) => {
      try {
        await this.governor.resize(grant, bytes, ANY_PARTS, signal)
      } catch (error) {
        // It may have left, or shrunk, while it waited, and never holds more than before.
        expect(grant.bytes).toBeLessThanOrEqual(before)
        throw error
      }
    })
  }

  #request(model: ReclaimableModel, work: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController()
    const request: Request = { number: this.requests.length, model, controller, outcome: undefined }
    this.requests.push(request)
    work(controller.signal).then(
      () => {
        this.#end(request, 'granted')
      },
      (error: unknown) => {
        this.#refused(request, error)
      },
    )
  }

  #refused(request: Request, error: unknown): void {
    if (isStellaError(error) && error.code === 'ABORTED') this.#end(request, 'aborted')
    else if (error instanceof Error && error.message.includes('released')) this.#end(request, 'refused')
    else if (isStellaError(error) && error.code === 'MEMORY_EXHAUSTED') {
      const { needed, available, reclaimable } = error.details
      // Where nobody breaks a promise, only what could not have been had is refused.
      if (!this.failing) expect(Number(needed)).toBeGreaterThan(Number(available) + Number(reclaimable))
      this.#end(request, 'refused')
    } else throw error
  }

  #end(request: Request, outcome: NonNullable<Request['outcome']>): void {
    request.outcome = outcome
    if (outcome !== 'aborted') this.ended.push(request.number)
  }

  check(): void {
    const held = this.models.reduce((sum, { grant }) => sum + (grant?.bytes ?? 0), 0)
    expect(this.governor.granted).toBe(held)
    expect(held).toBeLessThanOrEqual(BUDGET)
    expect(this.models.filter(({ wronged }) => wronged)).toEqual([])
    expect(this.ended).toEqual([...this.ended].sort((a, b) => a - b))
  }

  /** Everything that is pending ends; nothing may wait for ever. */
  async finish(): Promise<void> {
    await quiet()
    while (this.settle(0, false)) {
      await quiet()
      this.check()
    }
    expect(this.waiting).toEqual([])
    expect(this.#relieving).toBe(0)
    for (const model of this.models) model.release()
    expect(this.governor.granted).toBe(0)
    expect(this.governor.available).toBe(BUDGET)
    await this.governor.close()
  }
}

describe('whatever happens, in whatever order it ends', () => {
  const run = async (events: readonly Event[], failing: boolean): Promise<World> => {
    const world = new World(failing)
    for (const event of events) {
      world.apply(event)
      // Some events come before the last one's consequences.
      if (event.at % 3 !== 0) await quiet()
      if (event.at % 3 !== 0) world.check()
    }
    await world.finish()
    return world
  }

  it('grants add up and fit, requests end in order and all of them, and nobody is evicted who is called or pinned', async () => {
    let granted = 0
    let refused = 0
    let evicted = 0
    await fc.assert(
      fc.asyncProperty(anyEvents, async (events) => {
        const world = await run(events, false)
        granted += world.requests.filter(({ outcome }) => outcome === 'granted').length
        refused += world.requests.filter(({ outcome }) => outcome === 'refused').length
        evicted += world.models.flatMap(({ begun }) => begun).length
      }),
      { numRuns: 300 },
    )
    // The property is about all of these: none is allowed to be rare.
    expect(Math.min(granted, refused, evicted)).toBeGreaterThan(100)
  })

  it('so also where models do not give what they promised', async () => {
    await fc.assert(
      fc.asyncProperty(anyEvents, async (events) => {
        await run(events, true)
      }),
      { numRuns: 200 },
    )
  })

  it('a refusal asks nobody for anything', async () => {
    const anyHolders = fc.array(
      fc.record({
        bytes: fc.integer({ min: 1, max: 40 }),
        idle: fc.nat({ max: 3 }),
        busy: fc.boolean(),
        pinned: fc.boolean(),
      }),
      { maxLength: MODELS },
    )
    await fc.assert(
      fc.asyncProperty(anyHolders, fc.integer({ min: 1, max: 150 }), async (holders, bytes) => {
        const world = new World(false)
        for (const [index, { bytes: held, idle, busy, pinned }] of holders.entries()) {
          const model = world.models[index]
          if (model === undefined || held > world.governor.available) continue
          model.grant = await world.governor.acquire(model, held, ANY_PARTS)
          Object.assign(model, { idle: Math.floor((held * idle) / 4), busy, pinned })
        }
        const requester = new ReclaimableModel('requester')
        const fits = bytes <= world.governor.attainable(requester)
        const request = world.governor.acquire(requester, bytes, ANY_PARTS)
        if (fits) {
          request.then((grant) => (requester.grant = grant)).catch(() => undefined)
        } else {
          await expect(request).rejects.toMatchObject({ code: 'MEMORY_EXHAUSTED' })
          expect(world.models.flatMap(({ begun }) => begun)).toEqual([])
        }
        await quiet()
        while (world.settle(0, false)) await quiet()
        expect(requester.grant !== undefined).toBe(fits)
        requester.release()
        await world.finish()
      }),
    )
  })
})
