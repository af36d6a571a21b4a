/**
 * Something that costs much to have, and is loaded by whoever uses it first. Knows nothing of what that is: no model,
 * no pool.
 */
import { StellaError, isStellaError } from '../errors.js'
import { untilAborted, throwIfAborted, withOwnSignal } from '../files/cancellation.js'
import { CallsUnderWay } from '../pool/calls-under-way.js'
import { surfaced } from '../pool/surfaced.js'
import { SharedLoad } from './shared-load.js'

/** How to have a resource, and how to be rid of it. */
export interface LazyResourceOptions<T> {
  /** What it is, for messages: `the model`. */
  readonly name: string
  /**
   * Loads it. Called again after a failure, by the next use. `signal` aborts when nobody waits for it any more; one that
   * takes no notice is waited for, and what it gives is disposed of.
   */
  readonly open: (signal: AbortSignal) => Promise<T>
  /** Gives it back. Called once for each resource that was loaded, when nobody uses it. */
  readonly dispose: (resource: T) => void | Promise<void>
  /** Told of failures that no caller can be told of: of a load that everybody had given up, and of what came of it. */
  readonly onUnheard: (error: unknown) => void
}

/** What was loaded; a box, as it may be undefined. */
interface Held<T> {
  readonly value: T
}

/** A load under way, and the end of all that follows from it. */
interface Loading<T> {
  readonly load: SharedLoad<T>
  readonly ended: Promise<void>
}

/**
 * A resource that is loaded by its first use, once, however many come at once.
 *
 * - A load that fails fails everybody who waited for it, with the same error. The next use tries again.
 * - Whoever gives up leaves alone. When the last has, the load is aborted, and what still comes of it is disposed of. A
 *   use that comes meanwhile waits for that, and then loads: there are never two resources at once.
 * - It is disposed of by `close()` alone, and never while somebody uses it.
 */
export class LazyResource<T> {
  readonly #options: LazyResourceOptions<T>
  readonly #uses = new CallsUnderWay()
  #loading: Loading<T> | undefined
  #held: Held<T> | undefined
  #closing: Promise<void> | undefined

  /**
   * Loads nothing.
   *
   * @param options - How to have it, and how to be rid of it.
   */
  constructor(options: LazyResourceOptions<T>) {
    this.#options = options
  }

  /**
   * Does `work` with the resource, which is loaded first where it is not there. It is there until `work` has settled; do
   * not keep it for longer, and do not wait for `close()` in there, which waits for you.
   *
   * @param signal - Gives up waiting for the resource. Once `work` has begun it is the work's to heed.
   * @throws {StellaError} ABORTED, POOL_CLOSED; what loading and `work` throw.
   */
  async use<R>(work: (resource: T) => R | Promise<R>, signal?: AbortSignal): Promise<R> {
    if (this.#closing !== undefined) {
      throw new StellaError('POOL_CLOSED', `Expected ${this.#options.name} to be open; it was closed. Make another`)
    }
    return this.#uses.track(this.#use(work, signal))
  }

  /**
   * Waits for the uses under way, those that wait for the load among them, then disposes of the resource. New uses are
   * refused. Closing twice is fine.
   *
   * @throws what disposing throws.
   */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  /** As {@link LazyResource.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #use<R>(work: (resource: T) => R | Promise<R>, signal: AbortSignal | undefined): Promise<R> {
    const resource = await withOwnSignal(signal, (own) => this.#get(own))
    return work(resource)
  }

  async #get(signal: AbortSignal | undefined): Promise<T> {
    const waiting = `waiting for ${this.#options.name}`
    for (;;) {
      throwIfAborted(signal, waiting)
      if (this.#held !== undefined) return this.#held.value
      this.#loading ??= this.#begin()
      const { load, ended } = this.#loading
      if (!load.abandoned) return await load.join(signal)
      await untilAborted(signal, ended, waiting)
    }
  }

  #begin(): Loading<T> {
    const load = new SharedLoad(this.#options.name, this.#options.open)
    // Listens before anybody can join: who is told of a failure finds the way free for another try.
    return { load, ended: this.#settle(load) }
  }

  async #settle(load: SharedLoad<T>): Promise<void> {
    try {
      const value = await load.result
      if (load.abandoned) await this.#options.dispose(value)
      else this.#held = { value }
    } catch (error) {
      // Whoever waited was told by `join`.
      if (load.abandoned && !isGivenUp(error)) {
        surfaced(() => {
          this.#options.onUnheard(error)
        })
      }
    }
    this.#loading = undefined
  }

  async #drain(): Promise<void> {
    await this.#uses.ended()
    // One that everybody gave up may still be on its way.
    await this.#loading?.ended
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) await this.#options.dispose(held.value)
  }
}

/** Whether a load ended as it was asked to. */
function isGivenUp(error: unknown): boolean {
  return isStellaError(error) && error.code === 'ABORTED'
}
