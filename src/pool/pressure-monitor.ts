/**
 * Watches the ledger and the machine while anything is granted, tells of changes of level, and has memory given back
 * where the machine is in need. Knows neither models nor who gives.
 */
import { messageOf } from '../errors.js'
import type { PressureLevel } from '../events.js'
import type { Logger } from '../inference/logger.js'
import type { MemoryLedger } from './memory-ledger.js'
import type { MachineMemory, Pressure, PressureChange } from './pressure.js'
import { NO_PRESSURE, assessPressure, missingBytes } from './pressure.js'
import { surfaced } from './surfaced.js'

/** From one look at the machine to the next, in milliseconds: `pressure_check_interval` of the Rust design. */
export const PRESSURE_INTERVAL_MS = 5_000

/** Looks from one measurement of what is held to the next, where nothing else calls for one: a minute. */
export const LOOKS_PER_MEASUREMENT = 12

/** What to watch, and what to do. */
export interface PressureMonitorOptions {
  readonly ledger: Pick<MemoryLedger, 'budget' | 'granted' | 'onChange'>
  readonly logger: Logger
  readonly readMachine: () => Promise<MachineMemory>
  /** Has so many bytes given back, or what there is; ends when they are. */
  readonly relieve: (bytes: number) => Promise<void>
  /** Holds the ledger against what is really held. */
  readonly measure: () => Promise<unknown>
  readonly onChange: ((change: PressureChange) => void) | undefined
}

/** Starts and stops by itself; runs nothing while nothing is granted, and keeps no process alive. */
export class PressureMonitor {
  readonly #options: PressureMonitorOptions
  readonly #unsubscribe: () => void
  #pressure: Pressure = NO_PRESSURE
  #machine: MachineMemory | undefined
  #timer: NodeJS.Timeout | undefined
  #look: Promise<void> | undefined
  /** Granted when last measured, and looks since then. */
  #measured = { granted: 0, looks: 0 }
  /** Whether a look has found what there is to know of the machine, be it nothing. */
  #looked = false
  /** Failures that were told, each of them once and not every five seconds. */
  readonly #told = new Set<string>()
  #noted = false
  #closed = false

  constructor(options: PressureMonitorOptions) {
    this.#options = options
    this.#unsubscribe = options.ledger.onChange(() => {
      this.#follow()
    })
  }

  /** The level now. */
  get level(): PressureLevel {
    return this.#pressure.level
  }

  /** Looks no more; ends with the look that is under way. */
  async close(): Promise<void> {
    this.#closed = true
    this.#unsubscribe()
    clearTimeout(this.#timer)
    await this.#look
  }

  /** The ledger has changed. Told later: a listener must not run in the midst of a grant. */
  #follow(): void {
    if (this.#noted) return
    this.#noted = true
    queueMicrotask(() => {
      this.#noted = false
      if (!this.#closed) this.#update()
    })
  }

  #update(): void {
    if (this.#options.ledger.granted > 0) {
      // The first look is at once; until it is done nothing is known of the machine.
      if (this.#look === undefined && this.#timer === undefined) this.#start()
      else if (this.#looked) this.#assess()
      return
    }
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#measured = { granted: 0, looks: 0 }
    this.#assess()
    this.#machine = undefined
    this.#looked = false
  }

  /** One look, and the next when it is over: two never overlap. */
  #start(): void {
    const look = this.#lookOnce().finally(() => {
      this.#look = undefined
      if (this.#closed || this.#options.ledger.granted === 0) return
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#start()
      }, PRESSURE_INTERVAL_MS).unref()
    })
    this.#look = look
  }

  async #lookOnce(): Promise<void> {
    const { ledger, relieve } = this.#options
    const machine = await this.#trying(this.#options.readMachine)
    if (this.#closed || ledger.granted === 0) return
    this.#machine = machine
    this.#looked = true
    this.#assess()
    if (machine !== undefined && this.#pressure.machine === 'critical') {
      await this.#trying(() => relieve(missingBytes(machine)))
    }
    await this.#trying(() => this.#measure())
  }

  /** Undefined where it fails: a look that fails is no reason not to look again. */
  async #trying<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      const problem = messageOf(error)
      if (!this.#told.has(problem)) this.#warn({ error: problem }, 'cannot watch over memory')
      this.#told.add(problem)
      return undefined
    }
  }

  /** After loads and evictions, and now and then under load: reading costs milliseconds for each GB. */
  async #measure(): Promise<void> {
    const { granted } = this.#options.ledger
    this.#measured.looks++
    if (granted === 0 || (granted === this.#measured.granted && this.#measured.looks < LOOKS_PER_MEASUREMENT)) return
    this.#measured = { granted, looks: 0 }
    await this.#options.measure()
  }

  #assess(): void {
    const { ledger, onChange } = this.#options
    const { granted, budget } = ledger
    const before = this.#pressure
    // With nothing granted nothing of this pool's presses on the machine.
    const machine = granted > 0 ? this.#machine : undefined
    this.#pressure = assessPressure({ granted, budget, machine }, before)
    const { level } = this.#pressure
    const facts = { ledger: granted / budget, available: this.#machine?.available }
    if (level !== before.level) surfaced(() => onChange?.({ level, before: before.level, ...facts }))
    if (this.#pressure.machine === 'critical' && before.machine !== 'critical') {
      this.#warn(facts, 'the machine is short of memory: models that nobody uses are evicted')
    }
  }

  #warn(facts: object, message: string): void {
    surfaced(() => {
      this.#options.logger.warn(facts, message)
    })
  }
}
