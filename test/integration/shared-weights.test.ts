/** Memory of a pool whose workers share their weights, measured as Pss. Linux only: nowhere else is it told. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { EmbeddingPool } from '../../src/index.js'
import { makeCheckpoint } from '../../tools/checkpoints/make-checkpoint.js'
import type { CheckpointSpec } from '../../tools/checkpoints/spec.js'
import { CHECKPOINT_SPECS } from '../../tools/checkpoints/specs.js'
import type { PoolMemory } from '../support/pool-memory.js'
import { temporaryFolder } from '../support/temp-folder.js'

const POOL_MEMORY = fileURLToPath(new URL('../support/pool-memory.ts', import.meta.url))

/** 101 MB of matrices: more than is shared at least, and made in a second. */
const MID_SIZE: CheckpointSpec = {
  ...CHECKPOINT_SPECS['random-nano'],
  name: 'mid-size',
  architecture: {
    ...CHECKPOINT_SPECS['random-nano'].architecture,
    layers: 6,
    heads: 8,
    headDim: 64,
    hidden: 512,
    intermediate: 2048,
  },
  heads: [256],
  dtype: 'F32',
}

/** Matrices of {@link MID_SIZE}, in bytes: 4 of hidden², 3 of hidden × intermediate, in each layer. */
const WEIGHT_BYTES = 6 * (4 * 512 * 512 + 3 * 512 * 2048) * 4

/**
 * What a further worker may add, in bytes: a thread's isolate, the engine's tables, an arena, and what the allocator
 * keeps of the matrices that a load packs and throws away. 33 to 67 MB were measured; a copy of the weights would add
 * 101 MB to that.
 */
const WORKER_BYTES = 90e6

const temporary = temporaryFolder()
const checkpoint = join(temporary.path, 'checkpoint')
const home = join(temporary.path, 'home')

/** Those of a test that failed are still there at the end. */
const children: ChildProcess[] = []

/** A process with a pool of so many workers, loaded. */
async function start(workers: number, weights: 'shared' | 'own') {
  const args = ['--import', 'tsx', POOL_MEMORY, checkpoint, home, String(workers), weights]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const line = await lines.next()
    if (line.done === true) throw new Error('the process ended without an answer')
    return line.value
  }
  expect(await next()).toBe('loaded')
  return {
    measure: async (): Promise<PoolMemory> => {
      child.stdin.write('measure\n')
      return JSON.parse(await next()) as PoolMemory
    },
    end: () =>
      new Promise<void>((resolve) => {
        child.once('exit', () => {
          resolve()
        })
        child.stdin.end()
      }),
  }
}

async function memoryOf(workers: number, weights: 'shared' | 'own'): Promise<PoolMemory> {
  const pool = await start(workers, weights)
  const memory = await pool.measure()
  await pool.end()
  expect(memory.weights).toBe(weights)
  return memory
}

it('a pool is opened with sharedWeights as true or false, and nothing else', async () => {
  const options = { sharedWeights: 'no' as unknown as boolean }
  await expect(EmbeddingPool.open(options)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
})

describe.skipIf(process.platform !== 'linux')('a pool that shares weights', () => {
  beforeAll(async () => {
    await makeCheckpoint(checkpoint, MID_SIZE)
    // Converts and packs: neither is to be in what the others hold.
    await memoryOf(1, 'shared')
  })
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await temporary.remove()
  })

  it('holds them once for 1, 2 and 4 workers', async () => {
    const one = await memoryOf(1, 'shared')
    for (const workers of [2, 4]) {
      const more = await memoryOf(workers, 'shared')
      const perWorker = (more.pss - one.pss) / (workers - 1)
      expect(perWorker, `bytes for each of ${workers} workers after the first`).toBeLessThan(WORKER_BYTES)
    }
  })

  it('holds them once for two processes', async () => {
    const first = await start(1, 'shared')
    const alone = await first.measure()
    const second = await start(1, 'shared')
    const both = [await first.measure(), await second.measure()]
    await first.end()
    await second.end()
    const mapped = both.reduce((sum, { pss, anonymous }) => sum + pss - anonymous, 0)
    expect(alone.pss - alone.anonymous).toBeGreaterThan(WEIGHT_BYTES)
    expect(mapped).toBeLessThan(alone.pss - alone.anonymous + WEIGHT_BYTES / 2)
    // Half: Node's own heap differs by a quarter of it from process to process, and a copy would add all of it.
    for (const { anonymous } of both) expect(anonymous).toBeLessThan(alone.anonymous + WEIGHT_BYTES / 2)
  })

  it('packed them once, whoever came first', async () => {
    const artefacts = join(home, 'artefacts', 'mid-size')
    const [name = ''] = await readdir(artefacts)
    expect(await readdir(join(artefacts, name, 'packed'))).toHaveLength(1)
  })

  it('holds what one that does not share holds once for each worker: the tests above would notice', async () => {
    const [one, two] = [await memoryOf(1, 'own'), await memoryOf(2, 'own')]
    expect(two.pss - one.pss).toBeGreaterThan(WEIGHT_BYTES)
    const shared = await memoryOf(1, 'shared')
    expect(one.anonymous - shared.anonymous).toBeGreaterThan(WEIGHT_BYTES / 2)
  })
})
