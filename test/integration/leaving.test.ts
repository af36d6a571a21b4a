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
