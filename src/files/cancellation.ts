/**
 * Turns abort signals into this package's errors and into waits that can be cut short.
 * Knows no file and no network.
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

import { StellaError, isStellaError } from '../errors.js'

/**
 * The error of an aborted `signal`: its reason where that already is a {@link StellaError}, such as a deadline's,
 * else `ABORTED` with the reason as cause.
 *
 * @param what - What was under way, as in `Aborted while hashing x`.
 */
export function abortedError(signal: AbortSignal, what: string): StellaError {
  const reason: unknown = signal.reason
  if (isStellaError(reason)) return reason
  return new StellaError('ABORTED', `Aborted by the caller while ${what}`, { cause: reason })
}

/**
 * @param what - What is under way, for the message.
 * @throws {StellaError} ABORTED, or the signal's own StellaError
 */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted === true) throw abortedError(signal, what)
}

/** Signals of our own that follow a caller's, while anybody uses them. */
const followers = new WeakMap<AbortSignal, { readonly own: AbortSignal; readonly stop: () => void; users: number }>()

/**
 * Runs `work` with a signal of ours that follows `signal`: however many calls share it, and however many listeners they
 * put on ours, the caller's signal carries one, and none once the last call has settled.
 */
export async function withOwnSignal<T>(
  signal: AbortSignal | undefined,
  work: (own: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return work(undefined)
  const follower = followers.get(signal) ?? follow(signal)
  follower.users++
  followers.set(signal, follower)
  try {
    return await work(follower.own)
  } finally {
    follower.users--
    if (follower.users === 0) {
      followers.delete(signal)
      follower.stop()
    }
  }
}

function follow(signal: AbortSignal): { readonly own: AbortSignal; readonly stop: () => void; users: number } {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  const abort = (): void => {
    controller.abort(signal.reason)
  }
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  const stop = (): void => {
    signal.removeEventListener('abort', abort)
  }
  return { own: controller.signal, stop, users: 0 }
}

/**
 * `work`, unless `signal` aborts first: then the error of {@link abortedError}, and whatever comes of `work` is dropped.
 *
 * @param what - What is under way, for the message.
 */
export function untilAborted<T>(signal: AbortSignal | undefined, work: Promise<T>, what: string): Promise<T> {
  if (signal === undefined) return work
  return new Promise<T>((resolve, reject) => {
    const abandon = (): void => {
      reject(abortedError(signal, what))
    }
    if (signal.aborted) abandon()
    else signal.addEventListener('abort', abandon, { once: true })
    const forget = (): void => {
      signal.removeEventListener('abort', abandon)
    }
    work.then(resolve, reject).finally(forget)
  })
}

/**
 * Waits `milliseconds`; an abort ends the wait at once.
 *
 * @throws {StellaError} ABORTED, or the signal's own StellaError
 */
export async function pause(milliseconds: number, signal: AbortSignal | undefined, what: string): Promise<void> {
  throwIfAborted(signal, what)
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    if (signal?.aborted === true) throw abortedError(signal, what)
    throw error
  }
}
