/** A short form of `npm run chaos`, the same code: a pool is done all kinds of harm to, and nothing is wrong with it. */
import { describe, expect, it } from 'vitest'

import { readArguments } from './arguments.js'
import type { ChaosReport } from './run-seeds.js'
import { runSeeds } from './run-seeds.js'

/** A machine with much else to do takes several times as long as a quiet one. */
const TIMEOUT_MS = 240_000

function play(...args: readonly string[]): Promise<ChaosReport> {
  const options = readArguments(args)
  if (options === 'help') throw new Error('these are no arguments of a run')
  return runSeeds(options)
}

/** How often operations whose names begin so were played. */
function times({ counts }: ChaosReport, prefix: string): number {
  return Object.entries(counts)
    .filter(([name]) => name.startsWith(prefix))
    .flatMap(([, row]) => Object.values(row))
    .reduce((sum, count) => sum + count, 0)
}

// At once: each is a process of its own, and waits much.
describe.concurrent('whatever is done to a pool, every promise settles as documented and nothing is left over', () => {
  it('in 10,000 operations on the fake engine', { timeout: TIMEOUT_MS }, async () => {
    const report = await play('--fake', '--operations', '10000', '--per-seed', '5000', '--seed', '1')
    expect(report.bad).toEqual([])
    expect(report.played).toBeGreaterThanOrEqual(10_000)
    for (const kind of ['embed', 'batchEmbed', 'embedStream', 'preload', 'evict', 'harm', 'close']) {
      expect(times(report, kind), kind).toBeGreaterThan(50)
    }
    expect(report.counts['embed']).toMatchObject({
      ok: expect.any(Number) as number,
      WORKER_LOST: expect.any(Number) as number,
      MEMORY_EXHAUSTED: expect.any(Number) as number,
      BREAKER_OPEN: expect.any(Number) as number,
    })
  })

  it('in 70 operations on worker threads with models', { timeout: TIMEOUT_MS }, async () => {
    const report = await play('--operations', '70', '--per-seed', '70', '--seed', '4')
    expect(report.bad).toEqual([])
    expect(report.played).toBeGreaterThanOrEqual(70)
    expect(report.counts['embed, after all']?.['ok']).toBeGreaterThan(0)
    expect(times(report, 'harm')).toBeGreaterThan(0)
  })
})
