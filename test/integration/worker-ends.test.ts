/**
 * The ends of a worker that a process of its own must show: a thread that dies, a process that leaves, a stop at any
 * moment. Workers run from `dist`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { temporaryFolder } from '../support/temp-folder.js'
import { nanoSetup } from '../support/workers.js'

const home = temporaryFolder()
// Converted once, for all of them.
beforeAll(() => nanoSetup(home.path))
afterAll(() => home.remove())

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

/** Runs a program to its end. */
async function outcomeOf(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: unknown; readonly signal: unknown; readonly stdout: string; readonly stderr: string }> {
  const preload = Object.keys(env).length === 0 ? [] : ['--require', fixture('kill-worker.cjs')]
  const all = [...preload, '--import', 'tsx', fixture(program), home.path, ...args]
  const child = spawn(process.execPath, all, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const texts = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text))
  const [code, signal] = (await once(child, 'close')) as [unknown, unknown]
  return { code, signal, ...texts }
}

describe('a thread that dies', () => {
  const byExit = { exitCode: 3, message: 'exit code 3' }
  const byThrow = { exitCode: 1, message: 'meant to end the thread' }

  it.each([
    ['start', 'exit', { ...byExit, loads: 0 }],
    ['load', 'exit', { ...byExit, loads: 1 }],
    ['load', 'throw', { ...byThrow, loads: 1 }],
    ['load', 'terminate', { exitCode: 1, message: 'exit code 1', loads: 1 }],
  ])('at its %s (%s) fails the start; nothing is pending, and no other thread is started', async (at, by, expected) => {
    const { code, stdout, stderr } = await outcomeOf('losing-worker.ts', [], { KILL_WORKER_AT: at, KILL_WORKER_BY: by })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { exitCode, message, loads } = expected
    expect(JSON.parse(stdout)).toMatchObject({
      start: {
        code: 'MODEL_LOAD_FAILED',
        message: expect.stringContaining(message) as string,
        details: { model: 'stella-nano', reason: 'WORKER_LOST', exitCode },
      },
      stateAfterStart: 'dead',
      // Nobody had it yet: the start's failure is all there is to tell.
      ...{ losses: [], loads, threads: 1, stopped: 'ok', state: 'dead', exitListeners: 0 },
    })
  })

  it.each([
    ['exit', byExit],
    ['throw', byThrow],
    // It cannot take its busy count back itself, and a stop would wait for ever.
    ['terminate', { exitCode: 1, message: 'exit code 1' }],
  ])('during a run (%s) fails what it had, is told once, and is not replaced', async (by, { exitCode, message }) => {
    const env = { KILL_WORKER_AT: 'run', KILL_WORKER_BY: by }
    const { code, stdout, stderr } = await outcomeOf('losing-worker.ts', [], env)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lost = {
      code: 'WORKER_LOST',
      message: expect.stringContaining(message) as string,
      details: { model: 'stella-nano', worker: expect.any(Number) as number, exitCode },
    }
    const told = JSON.parse(stdout) as { readonly runs: readonly unknown[] }
    expect(told).toMatchObject({
      ...{ start: 'ok', stateAfterStart: 'ready', stateAfterRuns: 'dead', later: lost, losses: [lost] },
      ...{ loads: 1, threads: 1, stopped: 'ok', state: 'dead', exitListeners: 0 },
    })
    // It dies in the second batch; whether the answer to the first gets out before that is chance.
    expect(told.runs.at(-1)).toMatchObject(lost)
    for (const run of told.runs) expect(['ok', lost]).toContainEqual(run)
  })
})

describe('a process that leaves', () => {
  const ways = [
    ['process.exit(7)', 'exit', 7],
    ['an uncaught exception', 'throw', 1],
    ['a signal handler that exits', 'signal', 43],
  ] as const

  it.each(
    ['spawning', 'loading', 'run', 'idle'].flatMap((moment) =>
      ways.map(([name, way, code]) => ({ moment, name, way, code })),
    ),
  )('by $name while a worker is at its $moment keeps its exit code', async ({ moment, way, code }) => {
    expect(await outcomeOf('leaving-worker.ts', [way, moment])).toMatchObject({ code, signal: null })
  })

  it('because there is nothing left to do is not kept by an idle worker, but by a load and a run', async () => {
    for (const moment of ['loading', 'run', 'idle']) {
      expect(await outcomeOf('leaving-worker.ts', ['drop', moment])).toMatchObject({
        code: 0,
        signal: null,
        stderr: '',
      })
    }
  })

  it('does not wait for a thread that dies while it waits', async () => {
    const env = { KILL_WORKER_AT: 'run', KILL_WORKER_BY: 'late exit' }
    const started = performance.now()
    expect(await outcomeOf('leaving-worker.ts', ['exit', 'run'], env)).toMatchObject({ code: 7, signal: null })
    // The guard's own limit is 30 s.
    expect(performance.now() - started).toBeLessThan(15_000)
  })
})

/** For more than a dozen workers one after the other, on a machine that does other things, too. */
const MANY_STARTS_MS = 120_000

it(
  'stopped at any moment of its start it never aborts the process, and leaves no thread',
  async () => {
    const times = 6
    const { code, signal, stdout, stderr } = await outcomeOf('stopping-worker.ts', [String(times)])
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    const told = JSON.parse(stdout) as { readonly outcomes: readonly string[]; readonly states: readonly string[] }
    expect(told).toMatchObject({ losses: [], threads: 2 * times + 1, live: 0 })
    for (const outcome of told.outcomes) expect(['ok', 'POOL_CLOSED']).toContain(outcome)
    // The test is worth something only if it met these.
    expect(told.states).toContain('spawning')
    expect(told.states).toContain('loading')
    expect(new Set(told.outcomes)).toEqual(new Set(['ok', 'POOL_CLOSED']))
  },
  MANY_STARTS_MS,
)
