/**
 * Whether a pool is alive, and whether it can serve: two questions with two answers. Pure: the clock and the facts are
 * passed in, and whoever asks runs the probes.
 */
import type { BreakerState } from './breaker.js'
import type { ModelState } from './pool-stats.js'

/** Age up to which a forward pass shows that a model works, in milliseconds. As long as a breaker stays open. */
export const SUCCESS_AGE_LIMIT_MS = 60_000

/** Why a model cannot serve at once. */
export type NotReady = 'not-loaded' | 'breaker-open' | 'no-worker' | 'no-recent-success'

/** What is known of a model. */
export interface ModelFacts {
  readonly model: string
  readonly state: ModelState | 'failed'
  /** Whether the pool promised to keep it loaded. */
  readonly pinned: boolean
  readonly breaker: BreakerState
  /** Workers that have it loaded, at work or not. */
  readonly workers: number
  /** When a forward pass last came to its end, a probe's included; undefined when none did. */
  readonly lastSuccessAt: number | undefined
}

/** One model's health. */
export interface ModelHealth {
  /** Key of the model. */
  readonly model: string
  /** Whether a call would be served now, as far as can be told: loaded, not refused, and seen to work lately. */
  readonly ready: boolean
  /** Why it is not ready; undefined when it is. */
  readonly reason: NotReady | undefined
  /** Where it is on its way. */
  readonly state: ModelState | 'failed'
  /** Age of the last successful forward pass, in milliseconds; undefined when there was none. */
  readonly lastSuccessMs: number | undefined
  /** State of its breaker: `open` refuses calls. */
  readonly breaker: BreakerState
  /** Workers that have it loaded, at work or not. */
  readonly workers: number
}

/** A pool's health. */
export interface PoolHealth {
  /** Whether the pool can still come to serve without being made anew: false once it is closed. */
  readonly live: boolean
  /** Whether calls should be sent here: it is open, and every model that is loaded or pinned is ready. */
  readonly ready: boolean
  /** Every model that the pool has been asked for. */
  readonly models: readonly ModelHealth[]
}

export interface HealthOptions {
  /**
   * Age up to which a forward pass counts, in milliseconds.
   *
   * @default SUCCESS_AGE_LIMIT_MS
   */
  readonly maxAgeMs?: number
}

/** Health from the facts. A pool without any model is ready: models are loaded when they are first used. */
export function poolHealth(
  pool: 'open' | 'closing' | 'closed',
  facts: readonly ModelFacts[],
  now: number,
  options: HealthOptions = {},
): PoolHealth {
  const models = facts.map((of) => modelHealth(of, now, options))
  // A model that is loading, is leaving or failed to load does not keep the others from being served, unless pinned.
  const awaited = models.filter((model, index) => model.state === 'loaded' || facts[index]?.pinned === true)
  return { live: pool !== 'closed', ready: pool === 'open' && awaited.every(({ ready }) => ready), models }
}

/** Names of the models that one forward pass would make ready: all else about them is well. To be probed. */
export function modelsToProbe(
  facts: readonly ModelFacts[],
  now: number,
  options: HealthOptions = {},
): readonly string[] {
  return facts.map((of) => modelHealth(of, now, options)).flatMap(namesOfSilent)
}

function namesOfSilent({ model, reason }: ModelHealth): readonly string[] {
  return reason === 'no-recent-success' ? [model] : []
}

function modelHealth(facts: ModelFacts, now: number, { maxAgeMs = SUCCESS_AGE_LIMIT_MS }: HealthOptions): ModelHealth {
  const { model, state, breaker, workers, lastSuccessAt } = facts
  const lastSuccessMs = lastSuccessAt === undefined ? undefined : Math.max(0, now - lastSuccessAt)
  const reason = reasonOf(facts, lastSuccessMs, maxAgeMs)
  return { model, ready: reason === undefined, reason, state, lastSuccessMs, breaker, workers }
}

/** The first that holds, from what stands most in the way. */
function reasonOf(facts: ModelFacts, age: number | undefined, maxAgeMs: number): NotReady | undefined {
  if (facts.state !== 'loaded') return 'not-loaded'
  if (facts.breaker === 'open') return 'breaker-open'
  if (facts.workers === 0) return 'no-worker'
  return age === undefined || age > maxAgeMs ? 'no-recent-success' : undefined
}
