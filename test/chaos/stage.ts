/** What chaos is played on: a pool's engine, and the harm that can be done to it. Knows no operation. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { StellaErrorCode } from '../../src/errors.js'
import type { EmbedInput, EmbeddingPool, PoolOptions } from '../../src/index.js'
import type { Draws } from './draws.js'

/** A model, and the inputs that hurt whoever runs them. */
export interface Actor {
  readonly info: StellaModelInfo
  /** Ends every thread that runs it. */
  readonly lethal: EmbedInput
  /** Fails every run that holds it. */
  readonly poisoned: EmbedInput
}

/** A way to do harm. */
export interface Mischief {
  readonly name: string
  readonly weight: number
  /** Codes that calls may fail with because of it. */
  readonly excuses: readonly StellaErrorCode[]
  /** Does it; says what it did, for the journal. */
  readonly make: (draws: Draws, pool: EmbeddingPool) => string | Promise<string>
}

/** The real engine, or the fake one. */
export interface Stage {
  readonly actors: readonly [Actor, Actor]
  readonly mischiefs: readonly Mischief[]
  open(options: PoolOptions): Promise<EmbeddingPool>
  /** Lets so many milliseconds pass. */
  rest(milliseconds: number): Promise<void>
  /** A wait that is long here, in milliseconds. */
  readonly longRestMs: number
  /** What counts as at once, in milliseconds. */
  readonly promptMs: number
  /** Refusals by an open breaker after which a pool is not worth going on with. */
  readonly mostRefusals: number
  /** Milliseconds of the clock that `rest` follows. */
  now(): number
  /** Puts everything right again: what calls that begin later fail with is no longer excused. */
  repair(): Promise<void>
  /** Notes what a process holds that has had a pool and closed it. */
  markCalm(): Promise<void>
  /** What is there beyond that, now that every pool is closed; each in words. */
  leftovers(): Promise<readonly string[]>
  /** How often harm was met, by name. */
  hits(): Readonly<Record<string, number>>
  /** Removes what it made. */
  close(): Promise<void>
}
