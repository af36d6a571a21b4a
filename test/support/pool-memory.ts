/**
 * A process with a pool: loads a model, embeds on every worker, and prints what the process holds each time a line comes
 * in. Ends with its input. Linux only.
 */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'

import { EmbeddingPool, describeCheckpoint } from '../../src/index.js'

/** What a process holds, in bytes. Pss counts a shared page once over all processes that have it. */
export interface PoolMemory {
  readonly pss: number
  readonly anonymous: number
  readonly weights: string
}

const [, , checkpoint = '', home = '', workers = '', shared = ''] = process.argv

async function memory(): Promise<Omit<PoolMemory, 'weights'>> {
  const rollup = await readFile('/proc/self/smaps_rollup', 'utf8')
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]) * 1024
  return { pss: of('Pss'), anonymous: of('Anonymous') }
}

const info = await describeCheckpoint(checkpoint, { key: 'mid-size' })
const options = {
  home,
  workers: Number(workers),
  threads: 1,
  memory: '8GB',
  precision: 'fp32',
  sharedWeights: shared === 'shared',
} as const
await using pool = await EmbeddingPool.open(options)
// Calls of their own are runs of their own, so that every worker gets some.
const texts = Array.from({ length: 4 * options.workers }, () => new Int32Array(32).fill(7))
await Promise.all(texts.map((text) => pool.embed(info, text)))
const weights = pool.stats().models[0]?.weights
process.stdout.write('loaded\n')
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'measure') throw new Error(`expected "measure", got "${line}"`)
  process.stdout.write(`${JSON.stringify({ ...(await memory()), weights })}\n`)
}
