/** Asks a process of its own one question: an order goes in, one answer comes out. Knows neither. */
import type { ForkOptions } from 'node:child_process'
import { fork } from 'node:child_process'

import { abortedError, throwIfAborted } from './cancellation.js'

/** Most that is kept of what the process prints, in UTF-16 code units. */
const MAX_PRINTED = 10_000

/** How a process went that gave no answer. */
export interface ProcessEnd {
  readonly signal: NodeJS.Signals | null
  readonly code: number | null
  /** What it printed to standard error, or nothing. */
  readonly printed: string
}

/** What to ask, and how to read the answer. */
export interface Question<T> {
  /** The compiled module that the process runs. */
  readonly entry: URL
  readonly order: object
  /** @default 'json' */
  readonly serialization?: ForkOptions['serialization']
  /** What an aborted call was doing, for its error. */
  readonly doing: string
  readonly signal: AbortSignal | undefined
  /**
   * Reads a message. Undefined: no answer yet. Otherwise what to answer with, called when the process is gone; what it
   * throws is the answer, too, and so is what `read` itself throws, which ends the process.
   */
  readonly read: (message: unknown) => (() => T) | undefined
  /** The error of a process that ended without an answer. */
  readonly ended: (end: ProcessEnd) => Error
}

/**
 * Resolves when the process is gone, so that nothing of it still writes. Nothing overrules an answer, not even an abort.
 *
 * @throws {StellaError} ABORTED, and the process is gone by then.
 * @throws what `read`, its answer, or `ended` gives.
 */
export function askProcess<T>(question: Question<T>): Promise<T> {
  const { entry, order, serialization, doing, signal, read, ended } = question
  throwIfAborted(signal, doing)
  return new Promise((resolve, reject) => {
    // Neither a debugger's port nor a loader of this process is for that one.
    const child = fork(entry, { execArgv: [], serialization, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let printed = ''
    let answer: (() => T) | undefined
    const kill = (): void => {
      child.kill('SIGKILL')
    }
    signal?.addEventListener('abort', kill, { once: true })
    // It would go on until it next looked for messages, which is never while it works.
    process.once('exit', kill)
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(0, MAX_PRINTED)
    })
    child.on('message', (message: unknown) => {
      if (answer !== undefined) return
      try {
        answer = read(message)
      } catch (error) {
        answer = () => {
          throw error
        }
        kill()
      }
    })
    const settle = (otherwise: () => T): void => {
      signal?.removeEventListener('abort', kill)
      process.off('exit', kill)
      try {
        resolve((answer ?? otherwise)())
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    }
    child.on('error', (error) => {
      settle(() => {
        throw error
      })
    })
    child.on('close', (code, by) => {
      settle(() => {
        throw signal?.aborted === true
          ? abortedError(signal, doing)
          : ended({ signal: by, code, printed: printed.trim() })
      })
    })
    child.send(order, (error) => {
      // It ended before it could listen, and `close` tells why.
      if (error !== null) kill()
    })
  })
}
