/** Lets time pass. Uses the global timers of the moment, so that a test runner's fake clock rules them, too. */

/**
 * Resolves after `milliseconds`, or soon after `signal` aborts; never at once, not even after 0.
 */
export function rest(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (milliseconds === 0 || signal?.aborted === true) {
    return new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, milliseconds)
    signal?.addEventListener('abort', finish, { once: true })
  })
}
