/** What the way through a worker adds to one warm call, against the same model in the calling thread. */
import type { StellaModelInfo } from '../../src/index.js'
import { EmbeddingPool, LoadedStellaModel } from '../../src/index.js'
import { median } from '../support/statistics.js'
import type { PoolStepArguments, PoolStepResult } from './steps.js'

const TEXT = 'What is the best way to water a garden in the summer?'
const CALLS = 400
const BAR_MS = 1

export async function measureOverhead(
  info: StellaModelInfo,
  { home, quick, precision }: PoolStepArguments,
): Promise<readonly PoolStepResult[]> {
  // One thread each: more would let the runs differ in what they wait for.
  await using pool = await EmbeddingPool.open({ home, precision, workers: 1, threads: 1 })
  await using model = await LoadedStellaModel.load(info, { home, precision, threads: 1 })
  const [direct, pooled]: [number[], number[]] = [[], []]
  await pool.embed(info, TEXT)
  for (let call = 0; call < (quick ? 5 : CALLS); call++) {
    const started = performance.now()
    await model.embed(`${TEXT} ${call}`)
    const between = performance.now()
    await pool.embed(info, `${TEXT} ${call}`)
    direct.push(between - started)
    pooled.push(performance.now() - between)
  }
  const added = median(pooled) - median(direct)
  const measured = `${added.toFixed(2)} ms (${median(direct).toFixed(2)} → ${median(pooled).toFixed(2)} ms)`
  return [{ what: 'added to one warm call, at the median', bar: `≤ ${BAR_MS} ms`, measured, met: added <= BAR_MS }]
}
