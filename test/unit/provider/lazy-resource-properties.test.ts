/**
 * A lazy resource under any schedule of uses, aborts, loads that end well or badly or take no notice of an abort, and a
 * close: every use settles as it must, there is never more than one resource, and nothing is left.
 */
import { getEventListeners } from 'node:events'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { isStellaError } from '../../../src/errors.js'
import { LazyResource } from '../../../src/provider/lazy-resource.js'
import type { Gate } from '../../support/manual-engine.js'
import { gate, settled } from '../../support/manual-engine.js'

/** One event. `at` picks a use, or how a load ends, whichever the event is about. */
interface Event {
  readonly kind: (typeof KINDS)[number]
  readonly at: number
  /** Microtasks to let pass afterwards; the most means until nothing moves. */
  readonly pass: number
}

const KINDS = [
  'use',
  'use',
  'use',
  'use without a signal',
  'abort',
  'abort',
  'abort',
  'load',
  'load',
  'fail',
  'finish',
  'finish',
  'fail to dispose',
  'turn',
  'close',
] as const

/** After as many microtasks everything that follows from an event has. */
const QUIET = 6

const anyEvents = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    at: fc.nat({ max: 20 }),
    pass: fc.oneof(fc.nat({ max: QUIET }), fc.constant(QUIET)),
  }),
  { minLength: 5, maxLength: 60, size: 'max' },
)

/** What was loaded. */
interface Resource {
  readonly number: number
  users: number
  disposed: number
}

/** A load, from its call to its end. */
interface Load {
  readonly number: number
  readonly signal: AbortSignal
  /** Whether it ends by itself when it is aborted. */
  readonly heeds: boolean
  readonly end: Gate<Resource>
  over: boolean
  /** Whether there ever may have been a moment in which nobody waited. */
  lonely: boolean
}

/** A use, from its call to its end. */
interface Use {
  readonly controller: AbortController | undefined
  /** Failures of which somebody had been told when it came: not one of those is its own. */
  readonly staleFailures: readonly unknown[]
  readonly closedBefore: boolean
  readonly work: Gate<void>
  resource: Resource | undefined
  outcome: { readonly value: Resource } | { readonly error: unknown } | undefined
}

/** A resource, all that is done to it, and what must hold at every moment. */
class World {
  readonly loads: Load[] = []
  readonly resources: Resource[] = []
  readonly uses: Use[] = []
  readonly failures: unknown[] = []
  readonly stuck: unknown[] = []
  readonly unheard: unknown[] = []
  closing: Promise<void> | undefined
  closed = false
  #failNextDisposal = false
  /** Whether a load has ended of which not everybody may have heard: who waits for the next is not certain. */
  #travelling = false
  #heeds: (number: number) => boolean
  readonly resource: LazyResource<Resource>

  constructor(heeds: (number: number) => boolean) {
    this.#heeds = heeds
    this.resource = new LazyResource<Resource>({
      name: 'the thing',
      open: (signal) => this.#open(signal),
      dispose: (resource) => this.#dispose(resource),
      onUnheard: (error) => this.unheard.push(error),
    })
  }

  /** Uses that wait for the resource and have not given up. */
  get waiting(): readonly Use[] {
    return this.uses.filter(
      ({ resource, outcome, controller }) =>
        resource === undefined && outcome === undefined && controller?.signal.aborted !== true,
    )
  }

  get loading(): Load | undefined {
    return this.loads.find(({ over }) => !over)
  }

  get live(): readonly Resource[] {
    return this.resources.filter(({ disposed }) => disposed === 0)
  }

  apply({ kind, at }: Event): void {
    const pick = <T>(items: readonly T[]): T | undefined => items[at % Math.max(1, items.length)]
    if (kind === 'use') this.#use(new AbortController())
    if (kind === 'use without a signal') this.#use(undefined)
    if (kind === 'abort') pick(this.uses)?.controller?.abort()
    if (kind === 'load') this.endLoad()
    if (kind === 'fail') this.failLoad()
    if (kind === 'finish') pick(this.uses.filter(({ resource }) => resource !== undefined))?.work.open()
    if (kind === 'fail to dispose') this.#failNextDisposal = true
    if (kind === 'close') this.close()
    this.check()
  }

  endLoad(): void {
    const load = this.loading
    if (load === undefined) return
    load.over = true
    this.#travelling = true
    const resource = { number: load.number, users: 0, disposed: 0 }
    this.resources.push(resource)
    load.end.open(resource)
  }

  failLoad(): void {
    const load = this.loading
    if (load === undefined) return
    load.over = true
    this.#travelling = true
    const failure = new Error(`load ${load.number} failed`)
    this.failures.push(failure)
    load.end.fail(failure)
  }

  close(): void {
    this.closing ??= this.resource
      .close()
      .catch((error: unknown) => {
        expect(this.stuck).toContain(error)
      })
      .then(() => {
        this.closed = true
        // Nothing is left of it, nor on its way.
        expect([this.loading, this.live]).toEqual([undefined, []])
      })
  }

  /** What must hold at any moment, whatever is still on its way. */
  check(): void {
    expect(this.loads.filter(({ over }) => !over).length + this.live.length).toBeLessThanOrEqual(1)
    for (const { disposed } of this.resources) expect(disposed).toBeLessThanOrEqual(1)
    if (this.loading !== undefined && (this.waiting.length === 0 || this.#travelling)) this.loading.lonely = true
    for (const { signal, lonely } of this.loads) if (signal.aborted) expect(lonely).toBe(true)
  }

  /** What must hold when nothing moves. */
  checkQuiet(): void {
    this.#travelling = false
    this.check()
    const { loading, waiting } = this
    // Whoever waits is getting somewhere, and nothing is loaded for nobody.
    if (waiting.length > 0) expect(loading).toBeDefined()
    if (loading !== undefined && waiting.length === 0) expect(loading.signal.aborted).toBe(true)
    for (const { controller, resource, outcome } of this.uses) {
      if (controller?.signal.aborted === true && resource === undefined) expect(outcome).toBeDefined()
    }
  }

  /** Lets everything end, closes, and looks at what is left. */
  async end(): Promise<void> {
    this.close()
    for (let round = 0; round < 4; round++) {
      await settled(1)
      this.endLoad()
      for (const { work } of this.uses) work.open()
    }
    await this.closing
    expect(this.closed).toBe(true)
    expect(this.live).toEqual([])
    expect(this.loading).toBeUndefined()
    for (const use of this.uses) this.#checkOutcome(use)
    for (const error of this.unheard) expect([...this.failures, ...this.stuck]).toContain(error)
  }

  #checkOutcome({ controller, outcome, closedBefore, staleFailures }: Use): void {
    if (outcome === undefined) throw new Error('a use has not settled')
    if (controller !== undefined) expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    if ('value' in outcome) {
      expect(closedBefore).toBe(false)
      return
    }
    const { error } = outcome
    const code = isStellaError(error) ? error.code : undefined
    if (closedBefore) expect(code).toBe('POOL_CLOSED')
    else if (code === 'ABORTED') expect(controller?.signal.aborted).toBe(true)
    else expect(this.failures.filter((failure) => !staleFailures.includes(failure))).toContain(error)
  }

  #told(): readonly unknown[] {
    return this.uses.flatMap(({ outcome }) => (outcome !== undefined && 'error' in outcome ? [outcome.error] : []))
  }

  #use(controller: AbortController | undefined): void {
    const use: Use = {
      ...{ controller, staleFailures: this.#told(), closedBefore: this.closing !== undefined },
      ...{ work: gate(), resource: undefined, outcome: undefined },
    }
    this.uses.push(use)
    const work = async (resource: Resource): Promise<Resource> => {
      expect(resource.disposed).toBe(0)
      // What comes of a load that everybody had given up is nobody's.
      expect(this.loads[resource.number]?.signal.aborted).toBe(false)
      use.resource = resource
      resource.users++
      await use.work.promise
      resource.users--
      return resource
    }
    this.resource.use(work, controller?.signal).then(
      (value) => {
        use.outcome = { value }
      },
      (error: unknown) => {
        use.outcome = { error }
      },
    )
  }

  #open(signal: AbortSignal): Promise<Resource> {
    expect(signal.aborted).toBe(false)
    expect(this.live).toEqual([])
    const number = this.loads.length
    const lonely = this.waiting.length === 0 || this.#travelling
    const load: Load = {
      ...{ number, signal, heeds: this.#heeds(number), end: gate<Resource>(), over: false, lonely },
    }
    this.loads.push(load)
    signal.addEventListener('abort', () => {
      if (!load.heeds || load.over) return
      load.over = true
      this.#travelling = true
      load.end.fail(signal.reason)
    })
    return load.end.promise
  }

  #dispose(resource: Resource): Promise<void> {
    expect(resource.users).toBe(0)
    resource.disposed++
    if (!this.#failNextDisposal) return Promise.resolve()
    this.#failNextDisposal = false
    const failure = new Error(`resource ${resource.number} is stuck`)
    this.stuck.push(failure)
    return Promise.reject(failure)
  }
}

async function pass(microtasks: number): Promise<void> {
  if (microtasks === QUIET) await settled(1)
  else for (let done = 0; done < microtasks; done++) await Promise.resolve()
}

describe('a lazy resource', () => {
  it.each([
    ['that end when they are aborted', () => true],
    ['that take no notice of an abort', () => false],
    ['of both kinds', (number: number) => number % 2 === 0],
  ])('under any schedule, with loads %s', { timeout: 120_000 }, async (_, heeds) => {
    await fc.assert(
      fc.asyncProperty(anyEvents, async (events) => {
        const world = new World(heeds)
        for (const event of events) {
          world.apply(event)
          await pass(event.pass)
          if (event.pass === QUIET) world.checkQuiet()
        }
        await settled(1)
        world.checkQuiet()
        await world.end()
      }),
      { numRuns: 400 },
    )
  })
})
