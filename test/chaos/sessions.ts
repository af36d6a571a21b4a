/** Opens pools in all shapes, and remembers what each may be excused. */
import type { StellaErrorCode } from '../../src/errors.js'
import type { PoolOptions } from '../../src/index.js'
import type { Draws } from './draws.js'
import type { Session } from './play.js'
import type { Stage } from './stage.js'

/** Room for all that two small models may want. */
const ROOMY = '4GB'

/** A queue that a few calls fill. */
const SMALL_QUEUE = { texts: 40 }

/** Opens a pool; whether it has room for one model only, and for how many calls, is drawn. */
export async function openSession(
  stage: Stage,
  draws: Draws,
  tightBytes: number,
  excuses: readonly StellaErrorCode[],
): Promise<Session> {
  const isTight = draws.chance(0.4)
  const isShort = draws.chance(0.25)
  const workers = draws.pick([undefined, 1, 1, 2])
  const options: PoolOptions = {
    memory: isTight ? tightBytes : ROOMY,
    workers: isTight && draws.chance(0.8) ? undefined : workers,
    threads: draws.pick([undefined, 1]),
    idleTimeoutMs: draws.pick([0, 50, 60_000]),
    keepAliveMs: draws.pick([20, 300, 300_000, 300_000, Number.POSITIVE_INFINITY]),
    precision: 'fp32',
    ...(isShort ? { queue: SMALL_QUEUE } : {}),
  }
  const pool = await stage.open(options)
  const own: StellaErrorCode[] = [
    ...(isTight ? ['MEMORY_EXHAUSTED' as const] : []),
    ...(isShort ? ['OVERLOADED' as const] : []),
  ]
  return { pool, what: JSON.stringify(options), excuses: new Set([...own, ...excuses]), closing: false }
}
