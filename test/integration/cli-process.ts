/** Runs the compiled `stella` command in processes of its own, in a folder and an environment of their own. */
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** The compiled entry. */
export const MAIN = resolve(import.meta.dirname, '../../dist/src/cli/main.js')

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** A process under way. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  /** Resolves when standard error holds `text`. */
  readonly says: (text: string) => Promise<void>
}

/** Where processes run. */
export interface CliSandbox {
  /** Working folder. `home` in it is HOME, `stella` is STELLA_HOME. */
  readonly folder: string
  readonly start: (argv: readonly string[], variables?: NodeJS.ProcessEnv) => Running
  /** Runs to the end, with `input` as all of standard input. */
  readonly stella: (
    argv: readonly string[],
    options?: { readonly input?: string | Buffer; readonly env?: NodeJS.ProcessEnv },
  ) => Promise<Ended & { readonly text: string }>
  readonly remove: () => Promise<void>
}

/** An empty place to run the command in. */
export async function cliSandbox(): Promise<CliSandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'stella-cli-'))
  const env = { PATH: process.env['PATH'], HOME: join(folder, 'home'), STELLA_HOME: join(folder, 'stella') }
  const start: CliSandbox['start'] = (argv, variables = {}) => startIn(folder, argv, { ...env, ...variables })
  return {
    folder,
    start,
    stella: async (argv, options = {}) => {
      const { child, ended } = start(argv, options.env)
      child.stdin.end(options.input ?? '')
      const result = await ended
      return { ...result, text: result.stdout.toString('utf8') }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

function startIn(folder: string, argv: readonly string[], env: NodeJS.ProcessEnv): Running {
  const child = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, env })
  const stdout: Buffer[] = []
  let stderr = ''
  const listeners = new Set<() => void>()
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    for (const listener of listeners) listener()
  })
  // A child that ends early closes its standard input while the test still writes.
  child.stdin.on('error', () => undefined)
  const ended = new Promise<Ended>((fulfil, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      fulfil({ code, signal, stdout: Buffer.concat(stdout), stderr })
    })
  })
  const says = (text: string): Promise<void> => {
    const heard = new Promise<void>((fulfil) => {
      const listener = (): void => {
        if (stderr.includes(text)) fulfil()
      }
      listeners.add(listener)
      listener()
    })
    const silent = ended.then(({ code }) => {
      if (!stderr.includes(text)) throw new Error(`ended with ${code} and never said ${text}: ${stderr}`)
    })
    return Promise.race([heard, silent])
  }
  return { child, ended, says }
}
