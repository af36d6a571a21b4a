/** How long `stella embed` takes as a process, with nothing converted yet and with everything there. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

/** Seconds of each start. */
export interface StartTimes {
  readonly cold: readonly number[]
  readonly warm: readonly number[]
}

/** Starts it `rounds` times each way, in turns. */
export async function startTimes(rounds: number): Promise<StartTimes> {
  const cold: number[] = []
  const warm: number[] = []
  for (let round = 0; round < rounds; round++) {
    const home = await mkdtemp(join(tmpdir(), 'stella-nano-'))
    try {
      cold.push(await embedOnce(home))
      warm.push(await embedOnce(home))
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  }
  return { cold, warm }
}

async function embedOnce(home: string): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, [CLI, 'embed', 'a text', '--quiet'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, STELLA_HOME: home },
  })
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (status !== 0) throw new Error(`stella embed ended with ${String(status)}`)
  return (performance.now() - started) / 1000
}
