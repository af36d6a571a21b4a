/**
 * Throughput of one worker with all cores against one worker per core, on the same texts in turns: what a second copy
 * of the weights buys.
 *
 *   npm run build && npm run bench:workers -- [model] [folder]
 */
import { availableParallelism } from 'node:os'

import { EmbeddingPool } from '../src/index.js'
import { interleaved, someTexts, standIn } from './stand-in.js'

const ROUNDS = 3
const SHAPES = [
  { name: '16 × 32', lengths: Array.from({ length: 16 }, () => 32) },
  { name: '16 × 64', lengths: Array.from({ length: 16 }, () => 64) },
  { name: '4 × 512', lengths: Array.from({ length: 4 }, () => 512) },
  { name: '16 of 8 to 512', lengths: Array.from({ length: 16 }, (_, i) => 8 + Math.floor((504 * i) / 15)) },
]

const [name = 'stella-en-400m-v5', folder] = process.argv.slice(2)
const { info, home } = await standIn(name, folder)
const cores = availableParallelism()
const settings = { home, maxLength: 512, memory: '20GB' }
await using one = await EmbeddingPool.open({ ...settings, workers: 1, threads: cores })
await using many = await EmbeddingPool.open({ ...settings, workers: cores, threads: 1 })
await Promise.all([one.preload(info), many.preload(info)])

console.log(`| texts | 1 × ${cores} tokens/s | ${cores} × 1 tokens/s | ratio |\n|---|---|---|---|`)
for (const { name: shape, lengths } of SHAPES) {
  const texts = () => lengths.map((length) => someTexts([length]).ids)
  const tokens = lengths.reduce((sum, length) => sum + length, 0)
  const times = await interleaved(
    [one, many].map((pool) => () => pool.batchEmbed(info, texts())),
    ROUNDS,
  )
  const [all = NaN, each = NaN] = times.map((ms) => (tokens * 1000) / ms)
  console.log(`| ${shape} | ${all.toFixed(0)} | ${each.toFixed(0)} | ${(each / all).toFixed(2)} |`)
}
