/** A call's signal: the caller's own, and the end of the time that the caller gave. */
import { setMaxListeners } from 'node:events'

import { StellaError } from '../errors.js'
import { withOwnSignal } from '../files/cancellation.js'

/**
 * Runs `work` with a signal that follows the caller's, and aborts with TIMEOUT after `deadlineMs`. Neither timer nor
 * listener outlives the call.
 */
export function withDeadline<T>(
  signal: AbortSignal | undefined,
  deadlineMs: number | undefined,
  work: (own: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  return withOwnSignal(signal, async (own) => {
    if (deadlineMs === undefined) return work(own)
    const controller = new AbortController()
    setMaxListeners(0, controller.signal)
    const follow = (): void => {
      controller.abort(own?.reason)
    }
    if (own?.aborted === true) follow()
    else own?.addEventListener('abort', follow, { once: true })
    const timer = setTimeout(() => {
      controller.abort(timeoutError(deadlineMs))
    }, deadlineMs)
    try {
      return await work(controller.signal)
    } finally {
      clearTimeout(timer)
      own?.removeEventListener('abort', follow)
    }
  })
}

function timeoutError(deadlineMs: number): StellaError {
  return new StellaError('TIMEOUT', `Not done within the ${deadlineMs} ms that \`deadlineMs\` gave`, {
    details: { deadlineMs },
  })
}
