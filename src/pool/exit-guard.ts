/**
 * Lets the process leave while workers run. Ending a thread inside the engine aborts the process (exit code 134 for
 * whatever code was meant), so a leaving process forbids new runs and waits for those under way.
 */
import { SHARED } from '../../workers/protocol.js'

/** Longest wait for runs under way. A run cannot be cancelled; the longest, one of 8,192 tokens, takes seconds. */
const EXIT_WAIT_MS = 30_000

/**
 * Guards a group of workers.
 *
 * @returns takes the guard away again.
 */
export function guardExit(shared: Int32Array<SharedArrayBuffer>): () => void {
  const onExit = (): void => {
    Atomics.store(shared, SHARED.closing, 1)
    const deadline = performance.now() + EXIT_WAIT_MS
    for (;;) {
      const busy = Atomics.load(shared, SHARED.busy)
      const left = deadline - performance.now()
      if (busy === 0 || left <= 0) return
      Atomics.wait(shared, SHARED.busy, busy, left)
    }
  }
  process.on('exit', onExit)
  return () => process.off('exit', onExit)
}
