/** What a model's slot works with, and what it knows of a load. Types only. */
import type { Backend } from './backend.js'
import type { Governor } from './governor.js'
import type { MemoryGrant } from './memory-ledger.js'
import type { ResolvedPoolOptions } from './pool-options.js'
import type { ServedModel } from './served-model.js'
import type { Tell } from './tell.js'

/** What a slot works with. */
export interface SlotParts {
  readonly backend: Backend
  readonly governor: Governor
  readonly options: ResolvedPoolOptions
  readonly tell: Tell
}

/** A load, from its first call to its eviction. */
export interface Load {
  readonly served: Promise<ServedModel>
  readonly giveUp: AbortController
  /** Calls that wait for it, or that it serves. */
  readonly calls: Set<Promise<unknown>>
  /** Calls that wait for it. */
  waiting: number
  /** Whether it goes on to its end, whoever gives up: it is as good as loaded, and the next call will want it. */
  committed: MemoryGrant | undefined
  loaded: ServedModel | undefined
}
