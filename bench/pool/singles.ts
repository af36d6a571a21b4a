/** A thousand calls of one text against one call of a thousand. */
import type { StellaModelInfo } from '../../src/index.js'
import { EmbeddingPool } from '../../src/index.js'
import { median } from '../support/statistics.js'
import type { PoolStepArguments, PoolStepResult } from './steps.js'
import { shortTexts } from './texts.js'

const BAR = 0.9

export async function measureSingles(
  info: StellaModelInfo,
  { home, quick, rounds, precision }: PoolStepArguments,
): Promise<readonly PoolStepResult[]> {
  await using pool = await EmbeddingPool.open({ home, precision })
  await pool.preload(info)
  const texts = [...shortTexts(quick ? 50 : 1000)]
  const ratios: number[] = []
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const started = performance.now()
    await Promise.all(texts.map((text) => pool.embed(info, text)))
    const between = performance.now()
    await pool.batchEmbed(info, texts)
    if (round > 0) ratios.push((performance.now() - between) / (between - started))
  }
  const ratio = median(ratios)
  const what = `tokens/s of ${texts.length} calls of one text over one call of ${texts.length}`
  return [{ what, bar: `≥ ${BAR}`, measured: ratio.toFixed(2), met: ratio >= BAR }]
}
