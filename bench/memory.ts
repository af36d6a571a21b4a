/**
 * What a loaded model holds against what `estimateMemory` charges for it: with 1 and 2 workers, after the largest run
 * of short texts and after one text of the model's limit.
 *
 *   npm run build && npm run bench:memory -- [model] [folder]
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { EmbeddingPool } from '../src/index.js'
import { processMemory, someTexts, standIn } from './stand-in.js'

const [name = 'stella-en-400m-v5', folder = '', workers, maxLength] = process.argv.slice(2)
const { info, home } = await standIn(name, folder === '' ? undefined : folder)

if (workers === undefined) {
  console.log('| workers | longest text | measured MB (Pss) | charged MB | charged / measured |\n|---|---|---|---|---|')
  const cases = [1, 2].flatMap((count) => [info.tokens.recommended, info.tokens.max].map((length) => [count, length]))
  for (const one of cases) {
    const self = fileURLToPath(import.meta.url)
    const args = ['--import', 'tsx', self, name, folder, ...one.map(String)]
    process.stdout.write((await promisify(execFile)(process.execPath, args)).stdout)
  }
} else {
  const before = await processMemory()
  const [count, longest] = [Number(workers), Number(maxLength)]
  await using pool = await EmbeddingPool.open({ home, workers: count, maxLength: longest, threads: 1, memory: '20GB' })
  // Enough texts that every worker gets a full run of each kind.
  const short = Array.from({ length: 16 * count }, () => someTexts([64]).ids)
  await pool.batchEmbed(info, short)
  const long = Array.from({ length: 2 * count }, () => someTexts([longest]).ids)
  await pool.batchEmbed(info, long, { maxLength: longest })
  const measured = (await processMemory()).pss - before.pss
  const charged = pool.stats().memory.granted / 1e6
  const row = [count, longest, measured.toFixed(0), charged.toFixed(0), (charged / measured).toFixed(2)]
  console.log(`| ${row.join(' | ')} |`)
}
