/** Runs examples in processes of their own, as a reader would, in a home that is empty. Knows none of them. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { temporaryFolder } from '../support/temp-folder.js'

const ROOT = resolve(import.meta.dirname, '../..')

/** Where the examples are. */
export const EXAMPLES = join(ROOT, 'examples')

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process under way. */
export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with the first match of `pattern` in standard output; rejects if it ends without one. */
  readonly says: (pattern: RegExp) => Promise<RegExpExecArray>
}

/** How to start an example. */
export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv
  /** A program that is given the example's path, and imports it. */
  readonly through?: string
  /** Of Node itself. */
  readonly flags?: readonly string[]
}

/** A place to run examples in. */
export interface Sandbox {
  /** An empty folder. */
  readonly folder: string
  readonly start: (example: string, argv?: readonly string[], options?: StartOptions) => Running
  readonly run: (example: string, argv?: readonly string[], options?: StartOptions) => Promise<Ended>
  /** Ends what is still running, and removes the folder. */
  readonly remove: () => Promise<void>
}

/** Examples find their packages from the root, and nothing of this machine's user: no models, no tokens, no settings. */
export function sandbox(): Sandbox {
  const temporary = temporaryFolder()
  const folder = join(temporary.path, 'work')
  mkdirSync(folder)
  const home = join(temporary.path, 'home')
  mkdirSync(home)
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    TMPDIR: temporary.path,
    STELLA_HOME: join(temporary.path, 'stella'),
  }
  const children = new Set<ChildProcess>()
  const start: Sandbox['start'] = (example, argv = [], options = {}) => {
    const running = startIn(ROOT, example, argv, { ...options, env: { ...env, ...options.env } })
    children.add(running.child)
    running.child.once('close', () => children.delete(running.child))
    return running
  }
  return {
    folder,
    start,
    run: (...given) => start(...given).ended,
    remove: async () => {
      for (const child of children) child.kill('SIGKILL')
      await temporary.remove()
    },
  }
}

function startIn(cwd: string, example: string, argv: readonly string[], options: StartOptions): Running {
  const { env, through, flags = [] } = options
  const programs = [...(through === undefined ? [] : [through]), join(EXAMPLES, example)]
  // What `npx tsx` does, without the time of npx.
  const loader = example.endsWith('.js') ? [] : ['--import', 'tsx']
  const child = spawn(process.execPath, [...loader, ...flags, ...programs, ...argv], {
    ...{ cwd, env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let stdout = ''
  let stderr = ''
  const listeners = new Set<() => void>()
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const listener of listeners) listener()
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<Ended>((fulfil, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      fulfil({ code, signal, stdout, stderr })
    })
  })
  const says: Running['says'] = (pattern) => {
    const heard = new Promise<RegExpExecArray>((fulfil) => {
      const listener = (): void => {
        const match = pattern.exec(stdout)
        if (match !== null) fulfil(match)
      }
      listeners.add(listener)
      listener()
    })
    const silent = ended.then(({ code }): never => {
      throw new Error(`ended with ${code} and never said ${String(pattern)}: ${stdout}${stderr}`)
    })
    return Promise.race([heard, silent])
  }
  return { child, ended, says }
}
