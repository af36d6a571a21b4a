/** Has a graph run by `workers/run-graph.ts`: one process, one answer. */
import { fork } from 'node:child_process'

import type { GraphOrder, GraphOutputs } from '../../workers/graph-protocol.js'
import { isGraphMessage } from '../../workers/graph-protocol.js'
import { decodeError } from '../../workers/protocol.js'
import { StellaError } from '../errors.js'
import { abortedError, throwIfAborted } from '../files/cancellation.js'
import { clip } from '../show.js'

/** The compiled entry, from the sources and from `dist` alike. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/workers/run-graph.js' : '../../workers/run-graph.js',
  import.meta.url,
)

/** Most that is kept of what the process prints, in UTF-16 code units. */
const MAX_PRINTED = 10_000

/** What the caller may follow and stop. */
export interface GraphRunOptions {
  readonly signal?: AbortSignal | undefined
  /** Called after each run with the number done. */
  readonly onRun?: ((done: number) => void) | undefined
}

/**
 * Runs a graph in a process of its own.
 *
 * @throws {StellaError} ABORTED, and the process is gone by then; WORKER_LOST when it ended without an answer; what went
 * wrong in it.
 */
export function runGraphInProcess(order: GraphOrder, { signal, onRun }: GraphRunOptions = {}): Promise<GraphOutputs> {
  throwIfAborted(signal, 'converting')
  return new Promise((resolve, reject) => {
    // Neither a debugger's port nor a loader of this process is for that one.
    const child = fork(ENTRY, { execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let printed = ''
    let answer: (() => void) | undefined
    const kill = (): void => {
      child.kill('SIGKILL')
    }
    signal?.addEventListener('abort', kill, { once: true })
    // It would go on until it next looked for messages, which is after the run.
    process.once('exit', kill)
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(0, MAX_PRINTED)
    })
    child.on('message', (message: unknown) => {
      // Nothing overrules an answer: what was on its way when a listener threw still arrives.
      if (answer !== undefined || !isGraphMessage(message)) return
      if (message.kind === 'done') {
        answer = () => {
          resolve(message.outputs)
        }
      } else if (message.kind === 'failed') {
        answer = () => {
          reject(decodeError(message.error))
        }
      } else {
        try {
          onRun?.(message.done)
        } catch (thrown) {
          const error = thrown instanceof Error ? thrown : new Error(String(thrown))
          answer = () => {
            reject(error)
          }
          kill()
        }
      }
    })
    const settle = (otherwise: () => Error): void => {
      signal?.removeEventListener('abort', kill)
      process.off('exit', kill)
      if (answer !== undefined) answer()
      else if (signal?.aborted === true) reject(abortedError(signal, 'converting'))
      else reject(otherwise())
    }
    child.on('error', (error) => {
      settle(() => error)
    })
    child.on('close', (code, by) => {
      settle(() => ended(code, by, printed))
    })
    child.send(order, (error) => {
      // It ended before it could listen, and `close` tells why.
      if (error !== null) kill()
    })
  })
}

function ended(code: number | null, signal: NodeJS.Signals | null, printed: string): StellaError {
  const end = signal === null ? `with exit code ${String(code)}` : `by ${signal}`
  const said = printed.trim() === '' ? '' : `: ${clip(printed.trim())}`
  const hint = signal === 'SIGKILL' ? '. The system may have ended it for want of memory' : ''
  return new StellaError('WORKER_LOST', `The process that measures a conversion ended ${end}${said}${hint}`, {
    details: { signal, code },
  })
}
