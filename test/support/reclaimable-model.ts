/** A model for tests of the governor: holds a grant, and gives memory back when the test says so. */
import type { MemoryArithmetic, MemoryGrant } from '../../src/pool/memory-ledger.js'
import type { Reclaim, Reclaimable } from '../../src/pool/reclaim.js'

/** What a grant is made of, where nobody looks. */
export const ANY_PARTS: MemoryArithmetic = {
  ...{ precision: 'int8', workers: 1, shared: 1, once: 0, weights: 2, scratch: 3, base: 4, total: 10 },
}

/** Something that was asked of a model and is to be ended by {@link ReclaimableModel.settle}. */
interface Asked {
  readonly kind: 'shrink' | 'evict'
  readonly bytes: number
  readonly done: Promise<void>
  readonly finish: (failure?: Error) => void
}

/** See the head of this file. */
export class ReclaimableModel implements Reclaimable {
  readonly owner: string
  lastUsed = 0
  busy = false
  pinned = false
  /** Bytes of idle workers that could end. */
  idle = 0
  grant: MemoryGrant | undefined
  /** Whether it was ever evicted while it was called or pinned. */
  wronged = false
  /** Everything that was ever begun. */
  readonly begun: string[] = []
  #shrinking: Asked | undefined
  #leaving: Asked | undefined

  constructor(owner: string, facts: Partial<Pick<ReclaimableModel, 'lastUsed' | 'busy' | 'pinned' | 'idle'>> = {}) {
    this.owner = owner
    Object.assign(this, facts)
  }

  get leaving(): boolean {
    return this.#leaving !== undefined
  }

  /** Whether something was asked of it that is not done. */
  get asked(): boolean {
    return this.#leaving !== undefined || this.#shrinking !== undefined
  }

  reclaimable(): Reclaim {
    if (this.grant === undefined) return { shrink: 0, evict: 0 }
    if (this.leaving) return { shrink: 0, evict: this.grant.bytes, leaving: true }
    const kept = this.busy ? 'busy' : this.pinned ? 'pinned' : undefined
    return { shrink: this.idle, evict: kept === undefined ? this.grant.bytes : 0, kept }
  }

  shrink(): Promise<void> {
    this.#shrinking ??= this.#begin('shrink', this.idle)
    return this.#shrinking.done
  }

  evict(): Promise<void> {
    if (!this.leaving && (this.busy || this.pinned)) this.wronged = true
    this.#leaving ??= this.#begin('evict', this.grant?.bytes ?? 0)
    return this.#leaving.done
  }

  /** What was asked first is done: the memory is back, or stays where it is. */
  settle(failure?: Error): void {
    const shrinking = this.#shrinking
    const asked = shrinking ?? this.#leaving
    if (asked === undefined) return
    if (asked === shrinking) this.#shrinking = undefined
    else this.#leaving = undefined
    if (failure === undefined && asked.kind === 'shrink') this.#giveBack(asked.bytes)
    if (failure === undefined && asked.kind === 'evict') this.release()
    asked.finish(failure)
  }

  release(): void {
    this.grant?.release()
    this.grant = undefined
    this.idle = 0
  }

  #giveBack(bytes: number): void {
    if (this.grant === undefined) return
    this.idle = Math.max(0, this.idle - bytes)
    this.grant.tryResize(Math.max(0, this.grant.bytes - bytes))
  }

  #begin(kind: Asked['kind'], bytes: number): Asked {
    this.begun.push(kind)
    let finish: Asked['finish'] = () => undefined
    const done = new Promise<void>((resolve, reject) => {
      finish = (failure) => {
        if (failure === undefined) resolve()
        else reject(failure)
      }
    })
    return { kind, bytes, done, finish }
  }
}
