/** Who holds how much of the budget. The sum of the live grants is the ledger: there is no second count to drift. */
import type { MemoryEstimate, WeightPrecision } from '../../registry/memory.js'
import { StellaError } from '../errors.js'

/** A held part of the budget. Releasing it twice gives it back once. */
export interface MemoryGrant {
  readonly owner: string
  readonly bytes: number
  /**
   * Takes more or gives some back, or refuses and changes nothing.
   *
   * @throws {StellaError} MEMORY_EXHAUSTED as {@link MemoryLedger.grant}.
   */
  resize(bytes: number, arithmetic: MemoryArithmetic): void
  release(): void
}

/** What the bytes of a grant are made of. */
export interface MemoryArithmetic extends MemoryEstimate {
  readonly workers: number
  readonly precision: WeightPrecision
}

/** A budget in bytes, and the grants on it. */
export class MemoryLedger {
  readonly budget: number
  readonly #grants = new Set<MemoryGrant>()

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

  /**
   * Takes `bytes` for `owner`, or refuses and takes nothing.
   *
   * @param arithmetic - What the bytes are made of, for the refusal.
   * @throws {StellaError} MEMORY_EXHAUSTED with the arithmetic in message and details.
   */
  grant(owner: string, bytes: number, arithmetic: MemoryArithmetic): MemoryGrant {
    this.#require(owner, bytes, arithmetic)
    const grants = this.#grants
    let held = bytes
    const grant: MemoryGrant = {
      owner,
      get bytes() {
        return held
      },
      resize: (wanted, of) => {
        if (!grants.has(grant)) throw new Error(`${owner} resizes a grant it has released`)
        this.#require(owner, wanted, of, grant)
        held = wanted
      },
      release() {
        grants.delete(grant)
      },
    }
    grants.add(grant)
    return grant
  }

  /** @param mine - Given back for these bytes. */
  #require(owner: string, bytes: number, arithmetic: MemoryArithmetic, mine?: MemoryGrant): void {
    // NaN would pass every comparison from here on, and the budget would be gone.
    if (!(bytes >= 0)) throw new Error(`${owner} asks for ${bytes} bytes`)
    const available = this.available + (mine?.bytes ?? 0)
    if (bytes <= available) return
    const others = [...this.#grants].filter((grant) => grant !== mine)
    const held = others.map((grant) => `${grant.owner} ${formatBytes(grant.bytes)}`)
    throw new StellaError(
      'MEMORY_EXHAUSTED',
      `${owner} needs ${formatBytes(bytes)}; ${formatBytes(available)} of the budget of ${formatBytes(this.budget)} ` +
        `are free${held.length === 0 ? '' : ` (held: ${held.join(', ')})`}. It is made of ${sumOf(arithmetic)}. ` +
        'Raise `memory`, lower `workers` or `maxLength`, or evict another model',
      { details: { model: owner, needed: bytes, available, budget: this.budget, ...arithmetic } },
    )
  }
}

/** The formula of {@link MemoryEstimate.total}, with its numbers. */
function sumOf({ precision, workers, shared, weights, scratch, base }: MemoryArithmetic): string {
  const each = `${formatBytes(weights)} weights + ${formatBytes(scratch)} scratch + ${formatBytes(base)} thread`
  return `${formatBytes(shared)} shared + ${workers} workers × (${each}), in ${precision}`
}

/** Bytes for people: `1.74 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}
