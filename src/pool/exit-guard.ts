/**
 * Lets the process leave while workers run. Ending a thread inside the engine aborts the process (exit code 134 for
 * whatever code was meant), so a leaving process forbids new runs and waits for those under way.
 */
import type { SharedCounts } from '../../workers/shared-counts.js'
import { forbidRuns, waitUntilIdle } from '../../workers/shared-counts.js'

/** Longest wait for runs under way. A run cannot be cancelled; the longest, one of 8,192 tokens, takes seconds. */
const EXIT_WAIT_MS = 30_000

/** What is guarded in this process: one listener serves all workers of all pools. */
const guarded = new Set<SharedCounts>()

function onExit(): void {
  const deadline = performance.now() + EXIT_WAIT_MS
  for (const shared of guarded) forbidRuns(shared)
  // A thread that dies from now on cannot be heard of, as this one does not return to its event loop: it takes its own
  // count back, unless it was killed for want of memory.
  for (const shared of guarded) waitUntilIdle(shared, Math.max(0, deadline - performance.now()))
}

/**
 * Guards a worker.
 *
 * @returns takes the guard away again.
 */
export function guardExit(shared: SharedCounts): () => void {
  if (guarded.size === 0) process.on('exit', onExit)
  guarded.add(shared)
  return () => {
    guarded.delete(shared)
    if (guarded.size === 0) process.off('exit', onExit)
  }
}
