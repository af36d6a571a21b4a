/**
 * A lock between processes (and between callers in one process), held while a function runs.
 * Knows no download and no conversion: a lock is a path.
 */
import { rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'

import type { lock as lockOf } from 'proper-lockfile'

import { StellaError } from '../errors.js'
import { pause, throwIfAborted } from './cancellation.js'
import { whenLeaving } from './leaving.js'
import { systemCode } from '../realm.js'

type Lock = typeof lockOf

/**
 * A lock whose holder has not renewed it for this long is taken over: the holder is dead (SIGKILL, power loss).
 * Long enough that a live process with a blocked event loop or a slow disk keeps its lock.
 */
export const LOCK_STALE_MS = 20_000

/** How often a waiting caller looks again; jitter of up to half of it keeps waiters from moving in step. */
export const LOCK_POLL_MS = 200

/** A holder renews its lock this many times within the stale time. */
const RENEWALS_PER_STALE_TIME = 4

/** The least `staleMs` that proper-lockfile 4.1.2 accepts without raising it. */
const MIN_LOCK_STALE_MS = 2_000

/** How to take a lock. */
export interface FileLockOptions {
  /** Ends the wait for the lock, and reaches the function that runs under it. */
  readonly signal?: AbortSignal | undefined
  /** Called once, when the lock turns out to be held by somebody else. */
  readonly onWait?: ((lockPath: string) => void) | undefined
  /**
   * Time after which a silent holder counts as dead, in milliseconds, at least 2000.
   * All users of one lock must use the same value, or one takes the lock of another that is alive.
   * @default LOCK_STALE_MS
   */
  readonly staleMs?: number | undefined
}

/** The lock went to another process while the function ran: both may have been writing. */
export class FileLockLost extends StellaError {
  readonly lockPath: string

  constructor(lockPath: string, cause: unknown) {
    super(
      'INTERNAL',
      `Lost the lock ${lockPath} to another process: this one did not renew it in time (it was suspended or blocked, ` +
        'or the lock was removed by hand). What it was writing may be incomplete; run the command again',
      { details: { lock: lockPath }, cause },
    )
    this.lockPath = lockPath
  }
}

/**
 * Runs `run` while holding the lock `path`, which is the folder `<path>.lock`; its parent is created.
 * Waits without limit for a live holder (abort `signal` to stop waiting), and for a dead one at most
 * {@link LOCK_STALE_MS} plus one poll.
 *
 * @param run - Receives a signal that aborts when the caller's does, and when the lock is lost.
 * @throws {StellaError} ABORTED while waiting; INTERNAL ({@link FileLockLost}); OPTION_INVALID
 * @throws the file system's own error where the lock cannot be made, such as EACCES or EROFS
 */
export async function withFileLock<T>(
  path: string,
  options: FileLockOptions,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lockPath = `${resolve(path)}.lock`
  const lost = new AbortController()
  const release = await acquire(path, lockPath, options, (cause) => {
    lost.abort(new FileLockLost(lockPath, cause))
  })
  const signal = options.signal === undefined ? lost.signal : AbortSignal.any([options.signal, lost.signal])
  let result: T
  try {
    result = await run(signal)
  } catch (error) {
    // The run's error is the one to tell. A lock folder that could not be removed goes stale by itself.
    await release().catch(() => undefined)
    throw error
  }
  // A run that ignored the signal and finished did so without the exclusion it counts on.
  throwIfAborted(lost.signal, `holding ${lockPath}`)
  await release()
  return result
}

async function acquire(
  path: string,
  lockPath: string,
  options: FileLockOptions,
  onCompromised: (cause: unknown) => void,
): Promise<() => Promise<void>> {
  const { signal, onWait, staleMs = LOCK_STALE_MS } = options
  const what = `waiting for the lock ${lockPath}`
  if (!Number.isSafeInteger(staleMs) || staleMs < MIN_LOCK_STALE_MS) {
    throw new StellaError(
      'OPTION_INVALID',
      `Expected \`staleMs\` to be an integer of at least ${MIN_LOCK_STALE_MS} (milliseconds), got ${staleMs}`,
    )
  }
  throwIfAborted(signal, what)
  await mkdir(dirname(lockPath), { recursive: true })
  const lock = loadLock()
  let waited = false
  for (;;) {
    try {
      const release = await lock(path, {
        realpath: false,
        stale: staleMs,
        update: staleMs / RENEWALS_PER_STALE_TIME,
        // The default throws inside a timer, which ends the process.
        onCompromised: (cause) => {
          stay()
          onCompromised(cause)
        },
      })
      const stay = whenLeaving(() => {
        try {
          rmSync(lockPath, { recursive: true, force: true })
        } catch {
          // It goes stale by itself.
        }
      })
      return async () => {
        stay()
        await release()
      }
    } catch (error) {
      if (!isHeld(error)) throw error
    }
    if (!waited) onWait?.(lockPath)
    waited = true
    await pause(LOCK_POLL_MS * (1 + Math.random() / 2), signal, what)
  }
}

/**
 * proper-lockfile, loaded on first use and without the signal listeners and the wrapped `process.emit` that signal-exit
 * brings along, which end a program that hears SIGTERM once; see `leaving.ts`.
 */
function loadLock(): Lock {
  const load = createRequire(import.meta.url)
  // Where others clean up with it nothing is taken away from them.
  const isOthers = signalExitCopies() > 0
  const { lock } = load('proper-lockfile') as { lock: Lock }
  if (!isOthers && signalExitCopies() > 0) {
    const { unload } = createRequire(load.resolve('proper-lockfile'))('signal-exit') as { unload: () => void }
    unload()
  }
  return lock
}

/** How many copies of signal-exit listen to signals now; 3.0.7 keeps the count on the process. */
function signalExitCopies(): number {
  const { __signal_exit_emitter__: emitter } = process as { __signal_exit_emitter__?: { readonly count: number } }
  return emitter?.count ?? 0
}

function isHeld(error: unknown): boolean {
  return systemCode(error) === 'ELOCKED'
}
