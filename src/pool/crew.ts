/**
 * The workers of one loaded model: starts them, hands each out while it has room, adds one while all are busy and there
 * is memory, lets one go that has been idle, replaces one that was lost. Knows batches only as something a worker runs.
 */
import type { StellaError } from '../errors.js'
import type { PackedTexts } from '../packed/packing.js'
import type { PoolWorker, RunResult, Variant, WorkerFacts } from './backend.js'
import type { CrewMember, CrewOptions } from './crew-contract.js'
import { asLoadFailure } from './crew-failures.js'
import { RespawnPause } from './respawn-pause.js'
import type { WorkerState } from './worker-state.js'
import { acceptsWork } from './worker-state.js'

/** Batches that a worker may hold: the one it runs, and one more where runs are short. */
export const WORKER_BATCHES = 2

interface Member {
  readonly worker: PoolWorker
  facts: WorkerFacts | undefined
  /** When it was ready, on the monotonic clock. */
  since: number
  /** Batches handed over and not answered. */
  batches: number
  /** Whether it may be handed no other. */
  alone: boolean
  idleTimer: NodeJS.Timeout | undefined
}

/** See the head of this file. */
export class Crew {
  readonly #options: CrewOptions
  readonly #pause: RespawnPause
  /** In the order they were started; one that is being stopped, or was lost, is no member. */
  readonly #members = new Set<Member>()
  /** Those being stopped, until their memory is given back. */
  readonly #leaving = new Map<Member, Promise<void>>()
  #loads = 0
  #starting: Promise<void> | undefined
  #filling: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: CrewOptions) {
    this.#options = options
    this.#pause = new RespawnPause(options.backoff, () => {
      if (this.size < options.least) this.#startOne()
      options.observer.onRoom()
    })
  }

  /** Threads that were ever told to load. */
  get loads(): number {
    return this.#loads
  }

  /** Live workers. */
  get size(): number {
    return this.#ready().length
  }

  /** Workers with nothing to do. */
  get idle(): number {
    return this.#ready().filter(({ batches }) => batches === 0).length
  }

  /** Workers that could leave without being missed. */
  get spare(): number {
    return Math.max(0, Math.min(this.idle, this.size - this.#options.least))
  }

  /** Workers on their way out. */
  get leaving(): number {
    return this.#leaving.size
  }

  /** `shared` as long as all workers map one copy of the weights. */
  get weights(): 'shared' | 'own' {
    const ready = this.#ready()
    if (ready.length === 0) return this.#options.model.weights
    return ready.every(({ facts }) => facts?.weights === 'shared') ? 'shared' : 'own'
  }

  /** Workers in each state. */
  get states(): Readonly<Partial<Record<WorkerState, number>>> {
    const counts: Partial<Record<WorkerState, number>> = {}
    for (const { worker } of this.#members) counts[worker.state] = (counts[worker.state] ?? 0) + 1
    return counts
  }

  /**
   * Starts workers until there are so many.
   *
   * @throws {StellaError} MODEL_LOAD_FAILED with the first one's reason, once all have been heard: they load the same
   * files, and a thread cannot be stopped while it does.
   */
  async start(workers: number): Promise<void> {
    const missing = workers - this.#members.size
    const outcomes = await Promise.allSettled(Array.from({ length: missing }, () => this.#add()))
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw asLoadFailure(outcome.reason, { workers, loads: this.#loads })
    }
  }

  /**
   * The worker to take the next batch: one with nothing to do.
   *
   * @param prefetch - Whether one that is running something will do, where none is free.
   */
  next(prefetch: boolean): CrewMember | undefined {
    const open = this.#ready().filter(({ alone }) => !alone)
    const [least] = open.sort((one, other) => one.batches - other.batches)
    if (least === undefined || least.batches >= (prefetch ? WORKER_BATCHES : 1)) return undefined
    return {
      worker: least.facts?.worker ?? 0,
      idle: least.batches === 0,
      run: (batch, variant, alone) => this.#run(least, batch, variant, alone),
    }
  }

  /** Says that there is more to do than the workers have room for. */
  press(): void {
    this.#pause.await()
    this.#startOne()
  }

  #startOne(): void {
    const { most, charge } = this.#options
    if (this.#closing !== undefined || this.#starting !== undefined || this.#pause.active) return
    // One that is ending will be heard of, and what comes after it waits as long as the back-off has it.
    if (this.#losing() > 0 || this.#members.size >= most || !charge(this.#held() + 1)) return
    this.#starting = this.#grow().finally(() => {
      this.#starting = undefined
    })
  }

  /**
   * Starts all workers that there is memory for; ends when all have loaded. Calls at once are one.
   *
   * @throws {StellaError} MODEL_LOAD_FAILED; the workers that are there stay.
   */
  fill(): Promise<void> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined
    })
    return this.#filling
  }

  /** Lets the idle workers go that are to spare; ends when their memory is free, and that of those on their way out. */
  async shrink(): Promise<void> {
    const idle = this.#ready().filter(({ batches }) => batches === 0)
    for (const member of idle.slice(idle.length - this.spare)) void this.#retire(member)
    await Promise.all(this.#leaving.values())
  }

  /** Waits for the runs under way, then stops all. */
  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  async #stop(): Promise<void> {
    this.#pause.end()
    for (const member of this.#members) void this.#dismiss(member)
    await Promise.allSettled([this.#starting, this.#filling])
    await Promise.all(this.#leaving.values())
  }

  async #fill(): Promise<void> {
    await this.#starting
    if (this.#isClosing()) return
    const { most, charge } = this.#options
    const losing = this.#losing()
    let wanted = this.#members.size
    while (wanted - losing < most && charge(wanted + this.#leaving.size + 1)) wanted++
    try {
      await this.start(wanted)
    } catch (error) {
      // Texts may wait for a worker that could not be started while these were: somebody must try again.
      if (!this.#isClosing()) this.#pause.begin(0)
      throw error
    } finally {
      if (!this.#isClosing()) charge(this.#held())
    }
  }

  /** A method, as it changes while others are awaited. */
  #isClosing(): boolean {
    return this.#closing !== undefined
  }

  #ready(): readonly Member[] {
    return [...this.#members].filter(({ facts, worker }) => facts !== undefined && acceptsWork(worker.state))
  }

  /** Threads that are ending and have not been told of as lost: members that will not work again. */
  #losing(): number {
    return [...this.#members].filter(({ facts, worker }) => facts !== undefined && !acceptsWork(worker.state)).length
  }

  /** Workers that hold memory. */
  #held(): number {
    return this.#members.size + this.#leaving.size
  }

  async #add(): Promise<void> {
    const { model, threads, observer } = this.#options
    const onLost = (error: StellaError): void => {
      this.#lose(member, error)
    }
    const member: Member = {
      worker: model.createWorker(threads, { onLost }),
      ...{ facts: undefined, since: 0, batches: 0, alone: false, idleTimer: undefined },
    }
    this.#members.add(member)
    this.#loads++
    observer.onSpawning()
    try {
      const facts = await member.worker.start()
      if (!this.#members.has(member)) return
      member.facts = facts
      member.since = performance.now()
    } catch (error) {
      this.#members.delete(member)
      throw error
    }
    this.#pause.came()
    observer.onReady(member.facts)
    this.#restOf(member)
    observer.onRoom()
  }

  /** One more, of which nobody waits for the outcome. */
  async #grow(): Promise<void> {
    const { charge, observer } = this.#options
    try {
      await this.#add()
    } catch (error) {
      charge(this.#held())
      if (this.#closing !== undefined) return
      // With others at work this is no emergency: they go on, and the next attempt comes after a pause.
      this.#pause.begin(0)
      // One that is loading may still come.
      if (this.#members.size === 0) observer.onStranded(asLoadFailure(error, { workers: 1, loads: this.#loads }))
    }
  }

  async #run(member: Member, batch: PackedTexts, variant: Variant, alone: boolean): Promise<RunResult> {
    member.batches++
    member.alone = alone
    clearTimeout(member.idleTimer)
    try {
      return await member.worker.run(batch, variant)
    } finally {
      member.batches--
      member.alone = false
      this.#restOf(member)
    }
  }

  /** Starts the clock of a worker that has nothing to do. */
  #restOf(member: Member): void {
    const { idleTimeoutMs, least } = this.#options
    // Whoever heard that it is ready may have given it work by now.
    if (member.batches > 0) return
    clearTimeout(member.idleTimer)
    if (idleTimeoutMs === Number.POSITIVE_INFINITY || !this.#members.has(member)) return
    member.idleTimer = setTimeout(() => {
      if (member.batches === 0 && this.size > least) void this.#retire(member)
    }, idleTimeoutMs).unref()
  }

  async #retire(member: Member): Promise<void> {
    await this.#dismiss(member)
    if (this.#closing !== undefined) return
    if (member.facts !== undefined) this.#options.observer.onRetired(member.facts.worker)
    // Its memory may be what another was waiting for.
    this.#options.observer.onRoom()
  }

  /** Stops one; ends when its memory is given back. */
  #dismiss(member: Member): Promise<void> {
    clearTimeout(member.idleTimer)
    this.#members.delete(member)
    const gone = member.worker.stop().then(() => {
      this.#leaving.delete(member)
      // Of a crew that closes, all is given back at once, by whoever closes it.
      if (this.#closing === undefined) this.#options.charge(this.#held())
    })
    this.#leaving.set(member, gone)
    return gone
  }

  #lose(member: Member, error: StellaError): void {
    clearTimeout(member.idleTimer)
    if (!this.#members.delete(member)) return
    const { observer, charge } = this.#options
    charge(this.#held())
    this.#pause.begin(member.facts === undefined ? 0 : performance.now() - member.since)
    observer.onLost(member.facts?.worker ?? 0, error)
  }
}
