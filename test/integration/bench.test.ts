/** The benchmark commands from end to end, on the embedded model. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { expect, it } from 'vitest'

import { parseResults } from '../../bench/support/results.js'
import { packageRoot } from '../../src/files/package-root.js'

async function bench(command: string, ...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const all = ['--import', 'tsx', join('bench', `${command}.ts`), ...args]
  return await promisify(execFile)(process.execPath, all, { cwd: packageRoot() })
}

it('npm run bench measures every part', { timeout: 60_000 }, async () => {
  const narrow = ['--precisions', 'fp32', '--shapes', '1x32,mixed,equal', '--threads', '1', '--workers', '1']
  const { stdout } = await bench('table', '--quick', '--json', ...narrow)
  const results = parseResults(stdout)
  if (results.kind !== 'table') throw new Error(`results of kind ${results.kind}`)
  expect(results).toMatchObject({
    model: 'stella-nano',
    speed: [
      { shape: '1×32', tokens: 32, precision: 'fp32', overFp32: { median: 1 } },
      { shape: 'mixed', tokens: 2400 },
      { shape: 'equal', tokens: 2400 },
    ],
    mixed: [{ precision: 'fp32', threads: 1 }],
    precisions: [{ precision: 'fp32', fidelity: null, refused: null }],
    latency: [{ tokens: 26 }],
    loading: [{ precision: 'fp32', laterLoads: 1 }],
    memory: [{ precision: 'fp32', workers: 1 }],
    long: [{ tokens: 2048 }],
  })
  for (const { runs, tokens, bareShare } of results.speed) {
    expect(runs.reduce((sum, run) => sum + run, 0)).toBe(tokens)
    expect(bareShare?.median).toBeGreaterThan(0)
  }
})

it('npm run bench:peers says which peers are not there, and how to get them', { timeout: 60_000 }, async () => {
  const empty = await mkdtemp(join(tmpdir(), 'stella-pool-test-'))
  try {
    const places = ['--python', join(empty, 'python'), '--transformers-js', empty]
    const { stdout } = await bench('peers', '--quick', '--precisions', 'fp32', ...places)
    expect(stdout).toMatch(/Not compared with sentence-transformers: .*--python/)
    expect(stdout).toMatch(/Not compared with transformers\.js: .*--transformers-js/)
  } finally {
    await rm(empty, { recursive: true })
  }
})

it('a command used wrongly ends with 2 and says what is accepted', async () => {
  const failed = await bench('table', '--rounds', 'many').catch((error: unknown) => error)
  expect(failed).toMatchObject({ code: 2, stdout: '' })
  expect((failed as { stderr: string }).stderr).toMatch(/--rounds.*an integer from 1; got `many`[\s\S]*usage:/)
})
