/**
 * Counts that the main thread and the workers of one model share: how often the model was loaded, whether the process
 * is leaving, and which thread is inside the engine. Each thread has a place of its own, so that the count of a thread
 * that died can be taken back.
 */

/** int32: loads, closing, next place, then `[threadId, busy]` for each place. */
export type SharedCounts = Int32Array<SharedArrayBuffer>

/** Threads that may ever be started for one model, replacements of lost ones included. */
const MAX_STARTS = 1000

const LOADS = 0
const CLOSING = 1
const NEXT = 2
const FIRST_PLACE = 3
const PLACE_LENGTH = 2

/** Fresh counts. */
export function sharedCounts(): SharedCounts {
  const length = FIRST_PLACE + MAX_STARTS * PLACE_LENGTH
  return new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT))
}

/** Times any thread began to load. */
export function loadsOf(shared: SharedCounts): number {
  return Atomics.load(shared, LOADS)
}

/**
 * Enters a thread that begins to load, and returns the index of its busy count.
 *
 * @throws Error after {@link MAX_STARTS} threads: they die as fast as they are replaced.
 */
export function enterThread(shared: SharedCounts, threadId: number): number {
  Atomics.add(shared, LOADS, 1)
  const place = Atomics.add(shared, NEXT, 1)
  if (place >= MAX_STARTS) throw new Error(`more than ${MAX_STARTS} threads were started for one model`)
  const index = FIRST_PLACE + place * PLACE_LENGTH
  Atomics.store(shared, index, threadId)
  return index + 1
}

/** Takes back what a thread that has ended can no longer take back itself. */
export function forgetThread(shared: SharedCounts, threadId: number): void {
  for (const busy of busyIndices(shared)) {
    if (Atomics.load(shared, busy - 1) !== threadId) continue
    Atomics.store(shared, busy, 0)
    Atomics.notify(shared, busy)
  }
}

/** Marks the thread busy; false, and not busy, once the process is leaving. */
export function tryBegin(shared: SharedCounts, busy: number): boolean {
  Atomics.store(shared, busy, 1)
  // A leaving process reads `busy` after it sets `closing`: either it sees this run, or this run sees it.
  if (Atomics.load(shared, CLOSING) === 0) return true
  end(shared, busy)
  return false
}

/** Marks the thread idle. */
export function end(shared: SharedCounts, busy: number): void {
  Atomics.store(shared, busy, 0)
  Atomics.notify(shared, busy)
}

/** Forbids every run from now on. */
export function forbidRuns(shared: SharedCounts): void {
  Atomics.store(shared, CLOSING, 1)
}

/** Indices of the busy counts of the threads entered so far. */
export function busyIndices(shared: SharedCounts): readonly number[] {
  const places = Math.min(Atomics.load(shared, NEXT), MAX_STARTS)
  return Array.from({ length: places }, (_, place) => FIRST_PLACE + place * PLACE_LENGTH + 1)
}
