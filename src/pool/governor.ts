/**
 * Who may have how much memory: grants from one ledger in the order they are asked for, memory asked back from models that
 * nobody uses where the budget is short, and a watch over the machine. Knows models only as {@link Reclaimable}.
 */
import type { PressureLevel } from '../events.js'
import type { Logger } from '../inference/logger.js'
import { SILENT } from '../inference/logger.js'
import { readMachineMemory } from './machine-memory.js'
import type { MemoryArithmetic, MemoryGrant } from './memory-ledger.js'
import { MemoryLedger } from './memory-ledger.js'
import type { MachineMemory, PressureChange } from './pressure.js'
import { PressureMonitor } from './pressure-monitor.js'
import type { Reclaimable } from './reclaim.js'
import { Reclaimer, waitingFor } from './reclaimer.js'
import type { ResidentReading, ResidentReport } from './resident-memory.js'
import { ResidentMemory, readResident } from './resident-memory.js'
import { WaitingLine } from './waiting-line.js'

export type { Reclaim, Reclaimable } from './reclaim.js'

/** How to govern. */
export interface GovernorOptions {
  /** Bytes. */
  readonly budget: number
  /** @default silent */
  readonly logger?: Logger | undefined
  /** The level has changed. */
  readonly onPressure?: ((change: PressureChange) => void) | undefined
  /** For tests. @default the real machine */
  readonly readMachine?: (() => Promise<MachineMemory>) | undefined
  /** For tests. @default this process */
  readonly readResident?: (() => Promise<ResidentReading>) | undefined
}

/** What is behind a grant that was handed out. */
interface Held {
  readonly requester: Reclaimable
  readonly grant: MemoryGrant
}

/** See the head of this file. */
export class Governor {
  readonly #ledger: MemoryLedger
  readonly #line = new WaitingLine()
  /** Grants that were handed out and are live. */
  readonly #grants = new Map<MemoryGrant, Held>()
  readonly #reclaimer: Reclaimer
  readonly #resident: ResidentMemory
  readonly #monitor: PressureMonitor

  constructor(options: GovernorOptions) {
    const { logger = SILENT, onPressure } = options
    const ledger = new MemoryLedger(options.budget)
    this.#ledger = ledger
    this.#reclaimer = new Reclaimer({ ledger, logger, models: () => this.#models() })
    this.#resident = new ResidentMemory({ ledger, logger, read: options.readResident ?? readResident })
    this.#monitor = new PressureMonitor({
      ...{ ledger, logger, onChange: onPressure },
      readMachine: options.readMachine ?? readMachineMemory,
      relieve: (bytes) => this.relieve(bytes),
      measure: () => this.#resident.measure(),
    })
  }

  /** Bytes that may be granted. */
  get budget(): number {
    return this.#ledger.budget
  }

  /** Bytes held by live grants. */
  get granted(): number {
    return this.#ledger.granted
  }

  /** Bytes that can be had at once, with nobody asked to give any back. None while others wait for memory. */
  get available(): number {
    return this.#line.length > 0 ? 0 : this.#ledger.available
  }

  /** Bytes that `requester` could have beyond what it holds, if all were given back that nobody uses. */
  attainable(requester: Reclaimable): number {
    return this.#reclaimer.attainable(requester)
  }

  /** How much of what may be used is used: of the budget, or of the machine. */
  get pressure(): PressureLevel {
    return this.#monitor.level
  }

  /** Bytes that the process held beyond what it began with, when last measured; undefined before. */
  get measured(): number | undefined {
    return this.#resident.last?.measured
  }

  /** The last measurement, beside what was granted then. */
  get resident(): ResidentReport | undefined {
    return this.#resident.last
  }

  /** Measures now; see {@link readResident} for what it costs. Undefined where it cannot be had. */
  measure(): Promise<ResidentReport | undefined> {
    return this.#resident.measure()
  }

  /**
   * Takes `bytes` for `requester`. Requests are served one after the other, in the order they came, so that no two ask
   * the same model for the same memory. Where it does not fit, others are asked back what they do not use, as
   * `chooseSteps` has it; where even that would not do, nobody is asked and it is refused.
   *
   * The grant's own `resize` and `tryResize` take what is free and promised to nobody who waits; they ask nobody. For as
   * long as the grant is live, `requester` may be asked for memory in turn.
   *
   * @param arithmetic - What the bytes are made of, for the refusal.
   * @param signal - Ends the wait. What others have been asked to give back, they give back.
   * @throws {StellaError} MEMORY_EXHAUSTED with the arithmetic, who holds what, and why they keep it; ABORTED, or the
   * signal's own StellaError.
   */
  acquire(
    requester: Reclaimable,
    bytes: number,
    arithmetic: MemoryArithmetic,
    signal?: AbortSignal,
  ): Promise<MemoryGrant> {
    return this.#line.take(signal, waitingFor(requester), async () => {
      await this.#reclaimer.makeRoom({ requester, bytes, arithmetic, signal, mine: undefined })
      return this.#handOut(requester, this.#ledger.grant(requester.owner, bytes, arithmetic))
    })
  }

  /**
   * Has a grant of {@link Governor.acquire} give some back, at once, or take more when its turn comes, as that does.
   * Refused, it is as it was.
   *
   * @throws {StellaError} as {@link Governor.acquire}.
   */
  async resize(grant: MemoryGrant, bytes: number, arithmetic: MemoryArithmetic, signal?: AbortSignal): Promise<void> {
    const held = this.#grants.get(grant)
    if (held === undefined || bytes <= grant.bytes) {
      grant.resize(bytes, arithmetic)
      return
    }
    const { requester, grant: mine } = held
    await this.#line.take(signal, waitingFor(requester), async () => {
      await this.#reclaimer.makeRoom({ requester, bytes, arithmetic, signal, mine })
      mine.resize(bytes, arithmetic)
    })
  }

  /** Has models that nobody uses give back at least `bytes`, or all they can. Ends when they have. */
  async relieve(bytes: number): Promise<void> {
    await this.#line.take(undefined, 'relieving the machine', () => this.#reclaimer.relieve(bytes))
  }

  /** Ends the watch over the machine. Grants are as they were. */
  async close(): Promise<void> {
    await this.#monitor.close()
  }

  /** The ledger's grant, behind those who wait. */
  #handOut(requester: Reclaimable, held: MemoryGrant): MemoryGrant {
    const isTurn = (bytes: number): boolean => bytes <= held.bytes || this.#line.length === 0
    const grant: MemoryGrant = {
      owner: held.owner,
      get bytes() {
        return held.bytes
      },
      get live() {
        return held.live
      },
      resize: (bytes, arithmetic) => {
        if (!isTurn(bytes)) {
          throw this.#reclaimer.refusal({ requester, bytes, arithmetic, signal: undefined, mine: held }, 0)
        }
        held.resize(bytes, arithmetic)
      },
      tryResize: (bytes) => isTurn(bytes) && held.tryResize(bytes),
      release: () => {
        this.#grants.delete(grant)
        held.release()
      },
    }
    this.#grants.set(grant, { requester, grant: held })
    return grant
  }

  #models(): readonly Reclaimable[] {
    return [...new Set([...this.#grants.values()].map(({ requester }) => requester))]
  }
}
