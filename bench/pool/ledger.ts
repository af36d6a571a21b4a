/** What a pool has charged against what its process holds, at its peak. */
import type { StellaModelInfo } from '../../src/index.js'
import { EmbeddingPool } from '../../src/index.js'
import { processMemory } from '../stand-in.js'
import type { PoolStepArguments, PoolStepResult } from './steps.js'
import { shortTexts } from './texts.js'

const MOST = 1.3

/** Longest text that the pool is opened for. */
const MAX_LENGTH = 512

export async function measureLedger(
  info: StellaModelInfo,
  { home, precision, quick }: PoolStepArguments,
): Promise<readonly PoolStepResult[]> {
  const results: PoolStepResult[] = []
  const before = (await processMemory()).pss
  for (const workers of [1, 2]) {
    await using pool = await EmbeddingPool.open({ home, precision, workers, maxLength: MAX_LENGTH })
    await pool.preload(info)
    const longest = Array.from({ length: workers * 4 }, (_, text) => `word ${text} `.repeat(MAX_LENGTH))
    // Every worker its largest batches, of every head, until nothing new is held.
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      for (const { dimensions } of info.heads) {
        await pool.batchEmbed(info, longest, { dimensions, maxLength: MAX_LENGTH })
        await pool.batchEmbed(info, [...shortTexts(200)], { dimensions })
      }
    }
    const held = (await processMemory()).pss - before
    const granted = pool.stats().memory.granted / 1e6
    const ratio = granted / held
    results.push({
      what: `ledger over measured, ${workers} workers`,
      bar: `1 to ${MOST}`,
      measured: `${ratio.toFixed(2)} (${granted.toFixed(0)} over ${held.toFixed(0)} MB)`,
      met: ratio >= 1 && ratio <= MOST,
    })
  }
  return results
}
