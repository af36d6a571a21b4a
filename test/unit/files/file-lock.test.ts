import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

import { FileLockLost, LOCK_POLL_MS, withFileLock } from '../../../src/files/file-lock.js'
import { emptyFolder, failureOf } from '../../support/hub-fixture.js'

const HOLD_LOCK = fileURLToPath(new URL('../../support/hold-lock.ts', import.meta.url))

/** The least stale time there is, so that the tests of dead holders take seconds. */
const STALE_MS = 2_000

/** proper-lockfile may date a lock up to a second ahead; the rest is for a busy machine. */
const SLACK_MS = 4_000

async function holderOf(path: string, ...more: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', HOLD_LOCK, path, String(STALE_MS), ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await once(child.stdout, 'data')
  return child
}

describe('withFileLock', () => {
  it('returns what the function returns and leaves no lock', async () => {
    const folder = await emptyFolder()
    const path = join(folder, 'deep', 'er', 'lock')
    expect(await withFileLock(path, {}, () => Promise.resolve(7))).toBe(7)
    expect(await readdir(join(folder, 'deep', 'er'))).toEqual([])
  })

  it('throws what the function throws and leaves no lock', async () => {
    const folder = await emptyFolder()
    const mine = new Error('mine')
    await expect(withFileLock(join(folder, 'lock'), {}, () => Promise.reject(mine))).rejects.toBe(mine)
    expect(await readdir(folder)).toEqual([])
  })

  it('lets one caller in at a time, and tells the others once that they wait', async () => {
    const path = join(await emptyFolder(), 'lock')
    let inside = 0
    let most = 0
    const waited: number[] = []
    const callers = Array.from({ length: 4 }, (_, caller) =>
      withFileLock(path, { onWait: () => waited.push(caller) }, async () => {
        inside++
        most = Math.max(most, inside)
        await delay(2 * LOCK_POLL_MS)
        inside--
      }),
    )
    await Promise.all(callers)
    expect(most).toBe(1)
    expect(new Set(waited).size).toBe(3)
    expect(waited).toHaveLength(3)
  })

  it('does not let callers of different locks wait for each other', async () => {
    const folder = await emptyFolder()
    const result = await withFileLock(join(folder, 'a'), {}, () =>
      withFileLock(join(folder, 'b'), {}, () => Promise.resolve('both')),
    )
    expect(result).toBe('both')
  })

  it('waits for a live process, and an abort ends the wait', async () => {
    const path = join(await emptyFolder(), 'lock')
    await holderOf(path)
    const controller = new AbortController()
    let ran = false
    const onWait = (): void => {
      // Longer than the stale time: the holder is alive, so its lock must not be taken.
      setTimeout(() => {
        controller.abort()
      }, STALE_MS + 1_500)
    }
    const error = await failureOf(
      withFileLock(path, { signal: controller.signal, staleMs: STALE_MS, onWait }, () => {
        ran = true
        return Promise.resolve()
      }),
    )
    expect(error.code).toBe('ABORTED')
    expect(error.message).toContain(`${path}.lock`)
    expect(ran).toBe(false)
  })

  it('takes over the lock of a killed process within the stale time', async () => {
    const path = join(await emptyFolder(), 'lock')
    const child = await holderOf(path)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const start = performance.now()
    expect(await withFileLock(path, { staleMs: STALE_MS }, () => Promise.resolve('mine'))).toBe('mine')
    expect(performance.now() - start).toBeLessThan(STALE_MS + SLACK_MS)
  })

  it('is released by a process that ends on SIGTERM', async () => {
    const path = join(await emptyFolder(), 'lock')
    const child = await holderOf(path)
    child.kill('SIGTERM')
    const [, signal] = (await once(child, 'exit')) as [unknown, string]
    expect(signal).toBe('SIGTERM')
    const waited: string[] = []
    // With the default stale time of 20 s this would wait, were the lock still there.
    await withFileLock(path, { onWait: (lock) => waited.push(lock) }, () => Promise.resolve())
    expect(waited).toEqual([])
  })

  it('leaves a program that hears SIGTERM once to end as it will, and leaves no lock', async () => {
    const path = join(await emptyFolder(), 'lock')
    const child = await holderOf(path, 'listening')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([7, null])
    const waited: string[] = []
    await withFileLock(path, { onWait: (lock) => waited.push(lock) }, () => Promise.resolve())
    expect(waited).toEqual([])
  })

  it('aborts the function of a caller whose lock was taken, and says so, without ending the process', async () => {
    const path = join(await emptyFolder(), 'lock')
    const lost = withFileLock(path, { staleMs: STALE_MS }, async (signal) => {
      await rm(`${path}.lock`, { recursive: true })
      await once(signal, 'abort')
      signal.throwIfAborted()
    })
    const error = await failureOf(lost)
    expect(error).toBeInstanceOf(FileLockLost)
    expect(error.code).toBe('INTERNAL')
    expect(error.details['lock']).toBe(`${path}.lock`)
  })

  it('does not call finished what was done after the lock was lost', async () => {
    const path = join(await emptyFolder(), 'lock')
    const deaf = withFileLock(path, { staleMs: STALE_MS }, async (signal) => {
      // Somebody else holds it now.
      await utimes(`${path}.lock`, new Date(0), new Date(0))
      await once(signal, 'abort')
      return 'finished'
    })
    expect(await failureOf(deaf)).toBeInstanceOf(FileLockLost)
    await rm(`${path}.lock`, { recursive: true })
  })

  it('hands the abort of the caller to the function', async () => {
    const path = join(await emptyFolder(), 'lock')
    const controller = new AbortController()
    const ended = withFileLock(path, { signal: controller.signal }, async (signal) => {
      controller.abort(new Error('enough'))
      await Promise.resolve()
      signal.throwIfAborted()
    })
    await expect(ended).rejects.toThrow('enough')
  })

  it('throws the error of a file system on which no lock can be made', async () => {
    const folder = await emptyFolder()
    await writeFile(join(folder, 'file'), '')
    await expect(withFileLock(join(folder, 'file', 'lock'), {}, () => Promise.resolve())).rejects.toMatchObject({
      // Which of the two depends on the platform.
      code: expect.stringMatching(/^(?:EEXIST|ENOTDIR)$/) as string,
      syscall: 'mkdir',
    })
  })

  it.each([0, 1999, 2000.5, Number.NaN])('refuses a stale time of %s', async (staleMs) => {
    const error = await failureOf(withFileLock('/x', { staleMs }, () => Promise.resolve()))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain('staleMs')
  })

  it('adds no listener to the process before a lock is taken', async () => {
    const source = new URL('../../../src/files/file-lock.ts', import.meta.url).href
    const code = `await import(${JSON.stringify(source)}); process.exitCode = process.listenerCount('SIGTERM')`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { stdio: 'inherit' })
    const [exitCode] = (await once(child, 'exit')) as [number]
    expect(exitCode).toBe(0)
  })
})
