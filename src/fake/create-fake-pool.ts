/** A pool with a fake engine, for the tests of programs that use a pool. */
import { EmbeddingPool } from '../pool/embedding-pool.js'
import type { PoolOptions } from '../pool/pool-options.js'
import { FakeBackend } from './fake-backend.js'
import type { FakeControls } from './fake-controls.js'
import { FakeScript } from './fake-controls.js'
import type { FakeOptions } from './fake-options.js'
import { checkFakeOptions } from './fake-options.js'

/**
 * How to open a fake pool: any option of a pool, and those of its engine. `precision`, `maxLength`, `workers` and
 * `sharedWeights` change the memory that models are charged; `home`, `hub` and `download` are checked and have no effect.
 */
export interface FakePoolOptions extends PoolOptions {
  /** How its engine behaves. @default answers at once, and fails nothing */
  readonly fake?: FakeOptions | undefined
}

/** A pool like any other, but for the engine; and its controls. */
export interface FakePool extends EmbeddingPool {
  /** No real pool has this. */
  readonly isFake: true
  /** What a test can do to its engine. */
  readonly fake: FakeControls
}

/**
 * Opens a pool whose vectors mean nothing: the real queue, limits, memory budget, events and errors, with an engine that
 * loads no native code, starts no thread, and reads neither disk nor network. Any descriptor is a model of it.
 *
 * - The same text has the same vector always and everywhere; texts that share words are closer than texts that do not.
 *   Prompts count as words. Tokens are not those of the real model.
 * - Models are charged what the real ones take: on a small machine raise `memory`, or use a small model.
 * - The engine waits with the global timers only, so that a test runner's fake clock rules it.
 *
 * ```ts
 * await using pool = await createFakePool({ fake: { latencyMs: 5 } })
 * pool.fake.failText('poison')
 * await pool.embed('stella-nano', 'hello')
 * ```
 *
 * @throws {StellaError} OPTION_INVALID naming the option and what is accepted.
 */
export async function createFakePool(options: FakePoolOptions = {}): Promise<FakePool> {
  const { fake = {}, ...rest } = options
  const script = new FakeScript(checkFakeOptions(fake))
  const pool = await EmbeddingPool.open(rest, (resolved) => new FakeBackend(resolved, script))
  return Object.assign(pool, { isFake: true as const, fake: script })
}
