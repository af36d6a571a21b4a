/**
 * What a worker is doing, and what it may do next. One table for the real worker and the fake; knows no thread.
 *
 * There is no `idle` beside `ready`. How long a worker may have nothing to do before it leaves is one figure of the pool
 * (`idleTimeoutMs`), counted by whoever lets it go. A state entered after some time of its own would be a second figure
 * for the same thing, and the two would disagree.
 */
import { StellaError } from '../errors.js'

/**
 * - `spawning`: its thread starts.
 * - `loading`: the thread loads the model.
 * - `ready`: it has nothing to do.
 * - `processing`: it runs a batch, and may hold one more.
 * - `evicting`: it was told to stop, and finishes what it has.
 * - `failed`: its load failed, or its thread is ending uninvited. Takes nothing more.
 * - `dead`: its thread is gone.
 */
export type WorkerState = 'spawning' | 'loading' | 'ready' | 'processing' | 'evicting' | 'failed' | 'dead'

/** The states that may follow each. */
const NEXT: Readonly<Record<WorkerState, readonly WorkerState[]>> = {
  // A worker that is never started is told to stop like any other.
  spawning: ['loading', 'evicting', 'failed'],
  loading: ['ready', 'evicting', 'failed'],
  ready: ['processing', 'evicting', 'failed'],
  processing: ['ready', 'evicting', 'failed'],
  // It may still be lost with the last batch it has.
  evicting: ['failed', 'dead'],
  failed: ['dead'],
  dead: [],
}

/** Every state. */
export const WORKER_STATES = Object.keys(NEXT) as readonly WorkerState[]

/**
 * Goes from one state to another.
 *
 * @returns `to`
 * @throws {StellaError} INTERNAL when the table has no such step: whoever asked has lost track of the worker.
 */
export function transition(from: WorkerState, to: WorkerState): WorkerState {
  if (NEXT[from].includes(to)) return to
  const next = NEXT[from].length === 0 ? 'nothing' : NEXT[from].join(', ')
  throw new StellaError('INTERNAL', `A worker that is ${from} cannot become ${to}; after ${from} comes ${next}`, {
    details: { from, to },
  })
}

/** Whether a worker takes batches in this state. How many at once is another matter. */
export function acceptsWork(state: WorkerState): boolean {
  return state === 'ready' || state === 'processing'
}
