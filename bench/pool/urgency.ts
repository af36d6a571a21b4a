/** How long an urgent text waits while bulk has the pool to itself. */
import type { StellaModelInfo } from '../../src/index.js'
import { EmbeddingPool } from '../../src/index.js'
import { quantile } from '../support/statistics.js'
import type { PoolStepArguments, PoolStepResult } from './steps.js'
import { shortTexts } from './texts.js'

const CALLS = 60
const TEXT = 'Where does the river meet the sea?'

export async function measureUrgency(
  info: StellaModelInfo,
  { home, quick, precision }: PoolStepArguments,
): Promise<readonly PoolStepResult[]> {
  await using pool = await EmbeddingPool.open({ home, precision })
  await pool.preload(info)
  const calls = quick ? 5 : CALLS
  const idle = await latencies(pool, info, calls)
  const giveUp = new AbortController()
  const batches: number[] = []
  pool.on('batchCompleted', ({ lane, runMs }) => {
    if (lane === 'bulk') batches.push(runMs)
  })
  const bulk = endless(pool, info, giveUp.signal)
  await new Promise((resolve) => pool.once('batchCompleted', resolve))
  const busy = await latencies(pool, info, calls)
  giveUp.abort()
  await bulk
  const batch = quantile(batches, 0.5)
  const [bar, p95] = [batch + quantile(idle, 0.95), quantile(busy, 0.95)]
  return [
    {
      what: 'p95 of an urgent text while bulk saturates the pool',
      bar: `≤ one batch + idle: ${bar.toFixed(0)} ms (${batch.toFixed(0)} + ${(bar - batch).toFixed(0)})`,
      measured: `${p95.toFixed(0)} ms (p50 ${quantile(busy, 0.5).toFixed(0)})`,
      met: p95 <= bar,
    },
  ]
}

async function latencies(pool: EmbeddingPool, info: StellaModelInfo, calls: number): Promise<readonly number[]> {
  const times: number[] = []
  for (let call = 0; call < calls; call++) {
    const started = performance.now()
    await pool.embed(info, `${TEXT} ${call}`)
    times.push(performance.now() - started)
  }
  return times
}

/** Bulk texts until it is told to stop. */
async function endless(pool: EmbeddingPool, info: StellaModelInfo, signal: AbortSignal): Promise<void> {
  try {
    for (;;) await pool.batchEmbed(info, [...shortTexts(500)], { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
