/** How a process with a pool ends: always with the exit code it meant to, never by an abort of the engine. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { afterAll, describe, expect, it } from 'vitest'

import { temporaryFolder } from '../support/temp-folder.js'

const home = temporaryFolder()
afterAll(() => home.remove())

const PROGRAM = fileURLToPath(new URL('../fixtures/leaving.ts', import.meta.url))

async function exitOf(way: string, moment: string): Promise<{ code: unknown; signal: unknown; stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, home.path, way, moment], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code, signal] = (await once(child, 'close')) as [unknown, unknown]
  return { code, signal, stderr }
}

describe.each(['load', 'run'])('during a %s', (moment) => {
  it.each([
    ['process.exit(7)', 'exit', 7],
    ['an uncaught exception', 'throw', 1],
    ['a signal handler that exits', 'signal', 43],
    ['a pool that is closed', 'close', 0],
  ])('%s keeps its exit code', async (_, way, code) => {
    expect(await exitOf(way, moment)).toMatchObject({ code, signal: null })
  })
})

it('a loaded pool that is only dropped does not keep the process', async () => {
  expect(await exitOf('drop', 'run')).toMatchObject({ code: 0, signal: null })
})

it('a listener that throws fails no call, and its error is not lost', async () => {
  expect(await exitOf('listener', 'run')).toMatchObject({ code: 5, signal: null })
})

describe('a worker thread that dies', () => {
  const losing = fileURLToPath(new URL('../fixtures/losing.ts', import.meta.url))
  const killer = fileURLToPath(new URL('../fixtures/kill-worker.cjs', import.meta.url))

  it.each([
    ['start', 'exit', 'MODEL_LOAD_FAILED'],
    ['load', 'exit', 'MODEL_LOAD_FAILED'],
    ['load', 'throw', 'MODEL_LOAD_FAILED'],
    // A lost text goes once more, on another worker.
    ['run', 'exit', 'ok'],
    ['run', 'throw', 'ok'],
  ])('during its %s (%s) ends calls with what can be done, and the pool still closes', async (at, by, code) => {
    const env = { ...process.env, KILL_WORKER_AT: at, KILL_WORKER_BY: by }
    const args = ['--require', killer, '--import', 'tsx', losing, home.path]
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    const [exitCode] = (await once(child, 'close')) as [unknown]
    expect(exitCode).toBe(0)
    const { codes, lost, granted } = JSON.parse(stdout) as { codes: string[]; lost: number; granted: number }
    expect(codes).toContain(code)
    expect(lost > 0).toBe(at === 'run')
    expect(granted).toBe(0)
  })
})
