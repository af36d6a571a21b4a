/** What an operation is: something drawn at random and done to a pool, and how it may end. */
import type { StellaErrorCode } from '../../src/errors.js'
import type { EmbeddingPool } from '../../src/index.js'
import type { Draws } from './draws.js'
import type { Stage } from './stage.js'
import type { Texts } from './texts.js'

/** One pool's life. */
export interface Session {
  readonly pool: EmbeddingPool
  /** Its options, for the journal. */
  readonly what: string
  /** Codes that any call may fail with: of how it was opened, and of the harm done since. */
  readonly excuses: Set<StellaErrorCode>
  /** Once `close` was called. */
  closing: boolean
}

/** What an operation works with. */
export interface Scene {
  readonly stage: Stage
  readonly draws: Draws
  readonly texts: Texts
  readonly session: Session
}

/** One operation under way. */
export interface Play {
  /** For the journal. */
  readonly what: string
  /** Codes that it may fail with by its own doing. */
  readonly may?: readonly StellaErrorCode[]
  /** It must not end well. */
  readonly mustFail?: boolean
  /** When it must have settled, in milliseconds from its beginning, give or take what the stage calls prompt. */
  readonly overAfterMs?: number | undefined
  /** Whether `close` waits for it. */
  readonly isAwaited?: boolean
  /** Rejects with what the pool rejected with, or with what is wrong with the result. */
  readonly done: Promise<unknown>
}

/** A kind of operation. */
export interface Operation {
  readonly name: string
  readonly weight: number
  readonly play: (scene: Scene) => Play
}
