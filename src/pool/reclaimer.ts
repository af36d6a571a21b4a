/** Makes room in the ledger by asking models for memory, and waits until it is there. Knows no line and no machine. */
import type { StellaError } from '../errors.js'
import { messageOf } from '../errors.js'
import { throwIfAborted, untilAborted } from '../files/cancellation.js'
import type { Logger } from '../inference/logger.js'
import type { MemoryArithmetic, MemoryGrant, MemoryLedger } from './memory-ledger.js'
import type { Reclaimable, ReclaimKind, ReclaimStep } from './reclaim.js'
import { chooseSteps, reclaimableBytes } from './reclaim.js'
import { surfaced } from './surfaced.js'

/** Room that is wanted. */
export interface Want {
  readonly requester: Reclaimable
  readonly bytes: number
  readonly arithmetic: MemoryArithmetic
  readonly signal: AbortSignal | undefined
  /** The grant that is to grow to `bytes`; undefined for a new one. */
  readonly mine: MemoryGrant | undefined
}

/** What to work with. */
export interface ReclaimerOptions {
  readonly ledger: MemoryLedger
  readonly logger: Logger
  /** Who holds memory now. */
  readonly models: () => readonly Reclaimable[]
}

/** For one asker at a time. */
export class Reclaimer {
  readonly #options: ReclaimerOptions
  /** Steps that have been asked for and are not done. */
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: ReclaimerOptions) {
    this.#options = options
  }

  /** Bytes that could be had for `requester` beyond what it holds. */
  attainable(requester: Reclaimable): number {
    return this.#options.ledger.available + reclaimableBytes(this.#others(requester))
  }

  /**
   * Ends when what is wanted fits. Where it cannot, nobody is asked for anything.
   *
   * @throws {StellaError} MEMORY_EXHAUSTED; ABORTED, or the signal's own StellaError.
   */
  async makeRoom(want: Want): Promise<void> {
    const { requester, bytes, mine, signal } = want
    const { ledger } = this.#options
    const missing = (): number => bytes - heldBy(mine) - ledger.available
    const asked = new Map<Reclaimable, ReclaimKind>()
    for (;;) {
      throwIfAborted(signal, waitingFor(requester))
      // The ledger says what is wrong with a grant that is gone, or with bytes that are no number.
      if (!(missing() > 0) || mine?.live === false) return
      const others = this.#others(requester)
      const enough = missing() <= reclaimableBytes(others, asked)
      if (!enough && this.#underWay.size === 0) throw this.refusal(want, ledger.available)
      const steps = enough ? chooseSteps(others, missing(), asked) : []
      for (const { from, kind } of steps) asked.set(from, kind)
      // Not enough, but somebody who gave up had asked for more: that is still to come.
      const done = enough ? this.#ask(steps) : Promise.all(this.#underWay)
      await untilAborted(
        signal,
        this.#roomOr(() => missing() <= 0, done),
        waitingFor(requester),
      )
    }
  }

  /** Asks for `bytes`, or for all there is; ends when it has come. */
  async relieve(bytes: number): Promise<void> {
    await this.#ask(chooseSteps(this.#options.models(), bytes))
  }

  /** Why it cannot be had. `free`: bytes of the ledger that `requester` might take. */
  refusal({ requester, bytes, arithmetic, mine }: Want, free: number): StellaError {
    const kept = new Map(this.#options.models().map((model) => [model.owner, model.reclaimable().kept]))
    return this.#options.ledger.refusal(requester.owner, bytes, arithmetic, {
      ...{ mine: heldBy(mine), free, reclaimable: reclaimableBytes(this.#others(requester)) },
      kept: (owner) => kept.get(owner),
    })
  }

  /** Ends when it `fits`, or else when `done`. */
  #roomOr(fits: () => boolean, done: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        stop()
        resolve()
      }
      const stop = this.#options.ledger.onChange(() => {
        if (fits()) end()
      })
      void done.then(end)
    })
  }

  /** Begins all steps at once, before a call can come in between; ends when all are done. Never rejects. */
  async #ask(steps: readonly ReclaimStep[]): Promise<void> {
    await Promise.all(steps.map((step) => this.#start(step)))
  }

  #start(step: ReclaimStep): Promise<void> {
    const running = this.#run(step).finally(() => {
      this.#underWay.delete(running)
    })
    this.#underWay.add(running)
    return running
  }

  /** Whoever waits for the memory finds out whether it came. */
  async #run({ from, kind }: ReclaimStep): Promise<void> {
    try {
      await (kind === 'shrink' ? from.shrink() : from.evict('pressure'))
    } catch (error) {
      surfaced(() => {
        this.#options.logger.error({ model: from.owner, kind, error: messageOf(error) }, 'memory was not given back')
      })
    }
  }

  #others(requester: Reclaimable): readonly Reclaimable[] {
    return this.#options.models().filter((model) => model !== requester)
  }
}

/** What is being waited for, for messages. */
export function waitingFor({ owner }: Reclaimable): string {
  return `waiting for memory for ${owner}`
}

function heldBy(grant: MemoryGrant | undefined): number {
  return grant?.live === true ? grant.bytes : 0
}
