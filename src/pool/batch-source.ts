/**
 * What a worker runs next. A thread that dies takes with it what it had answered and nobody heard: of two batches it
 * held, either may be to blame. So a text that has cost a thread gets a worker to itself: it waits for one that is idle,
 * and nothing is handed over ahead meanwhile. Knows no worker.
 */
import type { Batch, Scheduler, Ticket } from '../scheduler/scheduler.js'
import type { Waiting } from './served-call.js'

/** See the head of this file. */
export class BatchSource {
  readonly #scheduler: Scheduler<Waiting>
  /** Taken, and waiting for an idle worker. */
  #suspect: Batch<Waiting> | undefined

  constructor(scheduler: Scheduler<Waiting>) {
    this.#scheduler = scheduler
  }

  /** Tokens that wait for a worker. */
  get tokens(): number {
    return this.#scheduler.waiting.tokens + (this.#suspect?.tokens ?? 0)
  }

  /** Whether only an idle worker will do. */
  get wantsIdle(): boolean {
    return this.#suspect !== undefined
  }

  /**
   * The next batch; undefined where nothing waits, or what does wants an idle worker and this one is not.
   *
   * @param idle - Whether the worker has nothing to do.
   * @param rooms - As `Scheduler.take`.
   */
  take(idle: boolean, rooms: number): Batch<Waiting> | undefined {
    const suspect = this.#suspect
    this.#suspect = undefined
    if (suspect !== undefined && !isWanted(suspect)) this.#scheduler.giveBack(suspect)
    const batch = suspect !== undefined && isWanted(suspect) ? suspect : this.#scheduler.take(performance.now(), rooms)
    if (batch === undefined || idle || !batch.suspect) return batch
    this.#suspect = batch
    return undefined
  }

  /** Takes out all that waits. */
  drain(): readonly Ticket<Waiting>[] {
    const suspect = this.#suspect
    this.#suspect = undefined
    const failed = suspect === undefined ? [] : this.#scheduler.giveBack(suspect)
    return [...failed, ...this.#scheduler.drain()]
  }
}

/** Whether anybody still waits for a batch that was taken. */
function isWanted({ tickets }: Batch<Waiting>): boolean {
  return tickets.some((row) => row.some(({ owner }) => !owner.call.ended))
}
