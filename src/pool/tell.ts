/** How the parts of a pool tell of a model's events, without knowing who listens. */
import type { PoolEvents } from '../events.js'

/** Facts of an event, less the model's key. */
export type EventFacts<E extends keyof PoolEvents> = Omit<Parameters<PoolEvents[E]>[0], 'model'>

/** Tells of an event of a model. */
export type Tell = <E extends keyof PoolEvents>(event: E, facts: EventFacts<E>) => void
