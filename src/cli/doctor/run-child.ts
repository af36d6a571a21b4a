/**
 * Runs a module in a process of its own and tells how it went, whatever happens: it crashes, it hangs, it cannot be
 * started. Knows no check.
 */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'

import { messageOf } from '../../errors.js'
import { abortedError, throwIfAborted } from '../../files/cancellation.js'

/** Most that is kept of what the process prints, in UTF-16 code units: its end, where the reason is. */
const MAX_PRINTED = 4000

/** Wait for a process that was killed, in milliseconds. One that waits for a disk in the kernel does not go. */
const KILL_WAIT_MS = 2000

/** What to run. */
export interface ChildOrder {
  /** The compiled module. */
  readonly entry: URL
  readonly args?: readonly string[]
  /** Sent once the process runs, if there is one. */
  readonly order?: object | undefined
  readonly env: NodeJS.ProcessEnv
  /** Longest silence, in milliseconds: each message begins a new one. */
  readonly limitMs: number
  readonly signal: AbortSignal
  /** Hears each message. @returns whether that was the last: the process is then ended. */
  readonly onMessage?: (message: unknown) => boolean
}

/** How it went. */
export interface ChildEnd {
  /** Whether it was ended after its last message. */
  readonly finished: boolean
  /** Whether it was ended because it was silent for too long. */
  readonly timedOut: boolean
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What it printed to standard output. */
  readonly stdout: string
  /** What it printed to standard error; or why it could not be started. */
  readonly stderr: string
}

/**
 * Resolves when the process is gone, or cannot be made to go.
 *
 * @throws {StellaError} ABORTED, and the process has been killed by then.
 */
export function runChild({ entry, args = [], order, env, limitMs, signal, onMessage }: ChildOrder): Promise<ChildEnd> {
  const doing = 'looking at this machine'
  throwIfAborted(signal, doing)
  return new Promise((resolve, reject) => {
    const child = start(entry, args, env)
    if (typeof child === 'string') {
      resolve({ finished: false, timedOut: false, code: null, signal: null, stdout: '', stderr: child })
      return
    }
    const printed = { stdout: '', stderr: '' }
    let finished = false
    let timedOut = false
    let settled = false
    const settle = (code: number | null, by: NodeJS.Signals | null): void => {
      if (settled) return
      settled = true
      clearTimeout(clock)
      clearTimeout(patience)
      signal.removeEventListener('abort', kill)
      process.off('exit', kill)
      letGo(child)
      if (signal.aborted && !finished) reject(abortedError(signal, doing))
      else resolve({ finished, timedOut, code, signal: by, ...printed })
    }
    let patience: NodeJS.Timeout | undefined
    const kill = (): void => {
      child.kill('SIGKILL')
      patience ??= setTimeout(settle, KILL_WAIT_MS, null, 'SIGKILL')
    }
    const giveUp = (): void => {
      timedOut = true
      kill()
    }
    let clock = setTimeout(giveUp, limitMs)
    signal.addEventListener('abort', kill, { once: true })
    // It would outlive this process otherwise.
    process.once('exit', kill)
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        printed[name] = (printed[name] + text).slice(-MAX_PRINTED)
      })
    }
    child.on('message', (message: unknown) => {
      if (finished || timedOut) return
      clearTimeout(clock)
      clock = setTimeout(giveUp, limitMs)
      finished = onMessage?.(message) === true
      if (finished) kill()
    })
    child.on('error', (error) => {
      printed.stderr = `${printed.stderr}${messageOf(error)}`.slice(-MAX_PRINTED)
      settle(null, null)
    })
    child.on('close', settle)
    // One that ended before it could listen tells why by its end.
    if (order !== undefined) child.send(order, () => undefined)
  })
}

/** The process, or why it cannot be started. */
function start(entry: URL, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess | string {
  try {
    // Neither a debugger's port nor a loader of this process is for that one.
    return fork(entry, args, {
      execArgv: [],
      // Before the engine is loaded, or it reports to its maker (src/runtime/telemetry.ts).
      env: { ORT_DISABLE_TELEMETRY: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
  } catch (error) {
    return messageOf(error)
  }
}

/** Nothing of a process that does not go may keep this one from ending. */
function letGo(child: ChildProcess): void {
  child.removeAllListeners()
  child.on('error', () => undefined)
  child.stdout?.destroy()
  child.stderr?.destroy()
  if (child.connected) child.disconnect()
  child.unref()
}

/** How a process ended, in words: `by SIGSEGV`, `with exit code 1`. */
export function endText({ code, signal, stderr }: ChildEnd): string {
  const end = signal !== null ? `by ${signal}` : code === null ? 'before it began' : `with exit code ${code}`
  const said = lastLines(stderr)
  return said === '' ? end : `${end}: ${said}`
}

/** Lines that say something, without a stack. */
const SHOWN_LINES = 3

function lastLines(text: string): string {
  const lines = text.split('\n').map((line) => line.trim())
  const telling = lines.filter((line) => line !== '' && !/^(at |node:internal|Node\.js v|\^|throw )/.test(line))
  const [first, ...rest] = telling.slice(-SHOWN_LINES)
  // An error's own line says most, wherever it stands.
  const error = telling.find((line) => /^(\w*Error|\[?\w+)\b.*: /.test(line))
  return error ?? [first, ...rest].filter((line) => line !== undefined).join(' ')
}
