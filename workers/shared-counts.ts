/**
 * Counts that the main thread and one worker thread share: how often a model was loaded, whether the thread may still
 * enter the engine, and whether it is inside. Each worker has counts of its own, so that those of a thread that died
 * can be taken back.
 */

/** int32: loads, closing, busy. */
export type SharedCounts = Int32Array<SharedArrayBuffer>

const LOADS = 0
const CLOSING = 1
const BUSY = 2
const LENGTH = 3

/** Fresh counts. */
export function sharedCounts(): SharedCounts {
  return new Int32Array(new SharedArrayBuffer(LENGTH * Int32Array.BYTES_PER_ELEMENT))
}

/** Times a thread began to load: more than one, and something loads twice. */
export function loadsOf(shared: SharedCounts): number {
  return Atomics.load(shared, LOADS)
}

/** Counts a load. */
export function countLoad(shared: SharedCounts): void {
  Atomics.add(shared, LOADS, 1)
}

/** Marks the thread busy; false, and not busy, once runs are forbidden. */
export function tryBegin(shared: SharedCounts): boolean {
  Atomics.store(shared, BUSY, 1)
  // A leaving process reads `busy` after it sets `closing`: either it sees this run, or this run sees it.
  if (Atomics.load(shared, CLOSING) === 0) return true
  end(shared)
  return false
}

/** Marks the thread idle. Called for a thread that has ended, too, where it cannot do so itself. */
export function end(shared: SharedCounts): void {
  Atomics.store(shared, BUSY, 0)
  Atomics.notify(shared, BUSY)
}

/** Forbids every load and run from now on. */
export function forbidRuns(shared: SharedCounts): void {
  Atomics.store(shared, CLOSING, 1)
}

/** Resolves once the thread is idle. Does not keep the process alive. */
export async function whenIdle(shared: SharedCounts): Promise<void> {
  while (Atomics.load(shared, BUSY) === 1) await Atomics.waitAsync(shared, BUSY, 1).value
}

/** Blocks until the thread is idle, or so many milliseconds have passed; whether it is. */
export function waitUntilIdle(shared: SharedCounts, timeoutMs: number): boolean {
  const deadline = performance.now() + timeoutMs
  while (Atomics.load(shared, BUSY) === 1) {
    if (Atomics.wait(shared, BUSY, 1, Math.max(0, deadline - performance.now())) === 'timed-out') return false
  }
  return true
}
