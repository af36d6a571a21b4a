/** One signal for work that either of two parties can end. Knows nothing of the work. */
import { withOwnSignal } from '../files/cancellation.js'

/**
 * Runs `work` with a signal that aborts when `callers` or `ours` does, with that one's reason. Neither carries a listener
 * once `work` has settled, and the caller's carries one at most, however often it is given.
 *
 * @param ours - Has to bear many listeners.
 */
export function withEitherSignal<T>(
  callers: AbortSignal | undefined,
  ours: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withOwnSignal(callers, async (own) => {
    if (own === undefined) return work(ours)
    const controller = new AbortController()
    const parties = [own, ours].map((signal) => ({
      signal,
      abort: (): void => {
        controller.abort(signal.reason)
      },
    }))
    for (const { signal, abort } of parties) {
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort)
    }
    try {
      return await work(controller.signal)
    } finally {
      for (const { signal, abort } of parties) signal.removeEventListener('abort', abort)
    }
  })
}
