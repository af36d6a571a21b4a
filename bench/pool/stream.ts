/** Whether a long stream stays flat in memory. */
import type { StellaModelInfo } from '../../src/index.js'
import { EmbeddingPool } from '../../src/index.js'
import { median } from '../support/statistics.js'
import type { PoolStepArguments, PoolStepResult } from './steps.js'
import { shortTexts } from './texts.js'

const MOST = 1.05

/** Readings of the resident set in each tenth. */
const READINGS = 20

export async function measureStream(
  info: StellaModelInfo,
  { home, texts, precision }: PoolStepArguments,
): Promise<readonly PoolStepResult[]> {
  await using pool = await EmbeddingPool.open({ home, precision })
  await pool.preload(info)
  const tenths: number[][] = Array.from({ length: 10 }, () => [])
  const every = Math.max(1, Math.floor(texts / 10 / READINGS))
  const started = performance.now()
  for await (const { index, embedding } of pool.embedStream(info, shortTexts(texts))) {
    if (embedding.length !== info.defaultDimensions) throw new Error(`text ${index} has no embedding`)
    if (index % every === 0) tenths[Math.floor((index / texts) * 10)]?.push(process.memoryUsage.rss() / 1e6)
  }
  const seconds = (performance.now() - started) / 1000
  const [second, last] = [median(tenths[1] ?? []), median(tenths[9] ?? [])]
  const ratio = last / second
  const speed = `${(texts / seconds).toFixed(0)} texts/s`
  const measured = `${ratio.toFixed(3)} (${second.toFixed(0)} → ${last.toFixed(0)} MB, ${speed})`
  return [
    {
      what: `resident memory of ${texts} streamed texts, last over second tenth`,
      bar: `≤ ${MOST}`,
      measured,
      met: ratio <= MOST,
    },
  ]
}
