/** Runs `workers/pack-weights.ts`: one process, one answer. */
import { fork } from 'node:child_process'

import type { PackCheck, PackOrder } from '../../workers/pack-protocol.js'
import { isPackOutcome } from '../../workers/pack-protocol.js'
import { decodeError } from '../../workers/protocol.js'
import { abortedError, throwIfAborted } from '../files/cancellation.js'
import { clip } from '../show.js'

/** The compiled entry, from the sources and from `dist` alike. */
const PACKER_ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/workers/pack-weights.js' : '../../workers/pack-weights.js',
  import.meta.url,
)

/** Signals of a process that broke by itself. Any other end, such as the kernel's for want of memory, may not recur. */
const CRASHES: readonly (NodeJS.Signals | null)[] = ['SIGSEGV', 'SIGILL', 'SIGFPE']

/** Most that is kept of what the process prints, in UTF-16 code units. */
const MAX_PRINTED = 10_000

/** The process ended without an answer. */
export class PackingEnded extends Error {
  /** Whether it crashed, and would again. */
  readonly crashed: boolean

  constructor(signal: NodeJS.Signals | null, code: number | null, printed: string) {
    const end = signal === null ? `with exit code ${String(code)}` : `by ${signal}`
    const said = printed.trim() === '' ? '' : `: ${clip(printed.trim())}`
    super(`the process that packs weights ended ${end}${said}`)
    this.crashed = CRASHES.includes(signal)
  }
}

/**
 * Has weights packed in a process of their own.
 *
 * @throws {PackingEnded} when it ends without an answer; what went wrong in it; ABORTED, and the process is gone by then.
 */
export function packInProcess(order: PackOrder, signal: AbortSignal): Promise<PackCheck> {
  throwIfAborted(signal, 'packing weights')
  return new Promise((resolve, reject) => {
    // Neither a debugger's port nor a loader of this process is for that one.
    const child = fork(PACKER_ENTRY, { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let printed = ''
    let answer: (() => void) | undefined
    const kill = (): void => {
      child.kill('SIGKILL')
    }
    signal.addEventListener('abort', kill, { once: true })
    // It would go on until it next looked for messages, which is never while it packs.
    process.once('exit', kill)
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(0, MAX_PRINTED)
    })
    child.on('message', (message) => {
      if (!isPackOutcome(message)) return
      answer = () => {
        if (message.ok) resolve(message.check)
        else reject(decodeError(message.error))
      }
    })
    const settle = (otherwise: () => Error): void => {
      signal.removeEventListener('abort', kill)
      process.off('exit', kill)
      if (signal.aborted) reject(abortedError(signal, 'packing weights'))
      else if (answer !== undefined) answer()
      else reject(otherwise())
    }
    child.on('error', (error) => {
      settle(() => error)
    })
    // Not before it is gone: it may still be writing.
    child.on('close', (code, by) => {
      settle(() => new PackingEnded(by, code, printed))
    })
    child.send(order, (error) => {
      // It ended before it could listen, and `close` tells why.
      if (error !== null) kill()
    })
  })
}
