/** How long the main thread is held while the workers have more than they can do. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

import type { StellaModelInfo } from '../../src/index.js'
import { EmbeddingPool } from '../../src/index.js'
import type { PoolStepArguments, PoolStepResult } from './steps.js'
import { shortTexts } from './texts.js'

const BAR_MS = 5
const SECONDS = 20

/** The histogram counts the timer's own period, in milliseconds. */
const RESOLUTION_MS = 1

export async function measureSaturation(
  info: StellaModelInfo,
  { home, quick, precision }: PoolStepArguments,
): Promise<readonly PoolStepResult[]> {
  await using pool = await EmbeddingPool.open({ home, precision })
  await pool.preload(info)
  const end = performance.now() + (quick ? 0.5 : SECONDS) * 1000
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const texts = [...shortTexts(2000)]
  let next = 0
  let long = 0
  const caller = async (size: number): Promise<void> => {
    while (performance.now() < end) {
      const some = Array.from({ length: size }, () => texts[next++ % texts.length] ?? '')
      // Every so often one of 400 tokens and more.
      if (long++ % 10 === 0) some.push('and so it goes on '.repeat(100))
      await pool.batchEmbed(info, some)
    }
  }
  delays.enable()
  await Promise.all([8, 8, 16, 32, 64, 1, 1, 1].map(caller))
  delays.disable()
  const ms = (nanoseconds: number): string => (nanoseconds / 1e6).toFixed(1)
  const p99 = delays.percentile(99) / 1e6 - RESOLUTION_MS
  const measured = `${p99.toFixed(1)} ms (p50 ${ms(delays.percentile(50) - 1e6)}, most ${ms(delays.max)})`
  return [
    {
      what: 'event-loop delay of the main thread at saturation, p99',
      bar: `≤ ${BAR_MS} ms`,
      measured,
      met: p99 <= BAR_MS,
    },
  ]
}
