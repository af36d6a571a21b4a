/** Who holds how much of the budget. The sum of the live grants is the ledger: there is no second count to drift. */
import type { MemoryEstimate, WeightPrecision } from '../../registry/memory.js'
import { StellaError } from '../errors.js'

/** A held part of the budget. Releasing it twice gives it back once. */
export interface MemoryGrant {
  readonly owner: string
  readonly bytes: number
  /** False once it is released. */
  readonly live: boolean
  /**
   * Takes more or gives some back, or refuses and changes nothing.
   *
   * @throws {StellaError} MEMORY_EXHAUSTED as {@link MemoryLedger.grant}.
   */
  resize(bytes: number, arithmetic: MemoryArithmetic): void
  /** As {@link MemoryGrant.resize}, but says false where that refuses: for what is welcome and not needed. */
  tryResize(bytes: number): boolean
  release(): void
}

/** What the bytes of a grant are made of. */
export interface MemoryArithmetic extends MemoryEstimate {
  readonly workers: number
  readonly precision: WeightPrecision
}

/** Who holds how much, over all of its grants. */
export interface MemoryHolder {
  readonly owner: string
  readonly bytes: number
}

/** What a refusal can say beyond the sums. */
export interface RefusalFacts {
  /** Bytes of the grant that is to grow, which count as free for it. @default 0 */
  readonly mine?: number | undefined
  /** Bytes that are free, and not promised to others. @default what is not granted */
  readonly free?: number | undefined
  /** Why a holder cannot give its memory back: `busy`, `pinned`. @default nothing is said */
  readonly kept?: ((owner: string) => string | undefined) | undefined
  /** Bytes that could have been had from idle models, and do not suffice. @default 0 */
  readonly reclaimable?: number | undefined
}

/** A budget in bytes, and the grants on it. */
export class MemoryLedger {
  readonly budget: number
  readonly #grants = new Set<MemoryGrant>()
  readonly #listeners = new Set<() => void>()

  constructor(budget: number) {
    this.budget = budget
  }

  /** Bytes held by live grants. */
  get granted(): number {
    let sum = 0
    for (const grant of this.#grants) sum += grant.bytes
    return sum
  }

  /** Bytes that can still be granted. */
  get available(): number {
    return this.budget - this.granted
  }

  /** Owners of live grants, in the order in which they came. */
  get holders(): readonly MemoryHolder[] {
    const held = new Map<string, number>()
    for (const { owner, bytes } of this.#grants) held.set(owner, (held.get(owner) ?? 0) + bytes)
    return [...held].map(([owner, bytes]) => ({ owner, bytes }))
  }

  /**
   * Calls `listener` after each change of what is granted, and in the middle of whatever changed it: it must not throw.
   *
   * @returns ends it.
   */
  onChange(listener: () => void): () => void {
    // Of its own, so that one function may listen twice.
    const own = (): void => {
      listener()
    }
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  /**
   * Takes `bytes` for `owner`, or refuses and takes nothing.
   *
   * @param arithmetic - What the bytes are made of, for the refusal.
   * @throws {StellaError} MEMORY_EXHAUSTED with the arithmetic in message and details.
   */
  grant(owner: string, bytes: number, arithmetic: MemoryArithmetic): MemoryGrant {
    requireBytes(owner, bytes)
    if (bytes > this.available) throw this.refusal(owner, bytes, arithmetic)
    const grants = this.#grants
    let held = bytes
    const grant: MemoryGrant = {
      owner,
      get bytes() {
        return held
      },
      get live() {
        return grants.has(grant)
      },
      resize: (wanted, of) => {
        if (!grant.tryResize(wanted)) throw this.refusal(owner, wanted, of, { mine: held })
      },
      tryResize: (wanted) => {
        if (!grant.live) throw new Error(`${owner} resizes a grant it has released`)
        requireBytes(owner, wanted)
        if (wanted > held + this.available) return false
        held = wanted
        this.#changed()
        return true
      },
      release: () => {
        if (grants.delete(grant)) this.#changed()
      },
    }
    grants.add(grant)
    this.#changed()
    return grant
  }

  /** The refusal of `bytes` for `owner`, as things stand: what is asked for, of what it is made, and who has the rest. */
  refusal(owner: string, bytes: number, arithmetic: MemoryArithmetic, facts: RefusalFacts = {}): StellaError {
    const { mine = 0, free = this.available, kept, reclaimable = 0 } = facts
    const available = free + mine
    const holders = this.holders
      .map((holder) => (holder.owner === owner ? { ...holder, bytes: holder.bytes - mine } : holder))
      .filter((holder) => holder.bytes > 0)
      .map((holder) => ({ model: holder.owner, bytes: holder.bytes, kept: kept?.(holder.owner) }))
    const held = holders.map(({ model, bytes: of, kept: by }) => [model, formatBytes(of), by].filter(Boolean).join(' '))
    const more = reclaimable === 0 ? '' : `, and ${formatBytes(reclaimable)} can be had from idle models`
    return new StellaError(
      'MEMORY_EXHAUSTED',
      `${owner} needs ${formatBytes(bytes)}; ${formatBytes(available)} of the budget of ${formatBytes(this.budget)} ` +
        `are free${more}${held.length === 0 ? '' : ` (held: ${held.join(', ')})`}. It is made of ${sumOf(arithmetic)}. ` +
        'Raise `memory`, lower `workers` or `maxLength`, or evict another model',
      { details: { model: owner, needed: bytes, available, reclaimable, budget: this.budget, holders, ...arithmetic } },
    )
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

/** NaN would pass every comparison from here on, and the budget would be gone. */
function requireBytes(owner: string, bytes: number): void {
  if (!(bytes >= 0)) throw new Error(`${owner} asks for ${bytes} bytes`)
}

/** The formula of {@link MemoryEstimate.total}, with its numbers. */
function sumOf({ precision, workers, shared, once, weights, scratch, base }: MemoryArithmetic): string {
  const each = `${formatBytes(weights)} weights + ${formatBytes(scratch)} scratch + ${formatBytes(base)} thread`
  return `${formatBytes(shared)} shared + ${formatBytes(once)} process + ${workers} workers × (${each}), in ${precision}`
}

/** Bytes for people: `1.74 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}
