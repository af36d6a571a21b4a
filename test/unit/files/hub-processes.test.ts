import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { utimesSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

import { LOCK_STALE_MS } from '../../../src/files/file-lock.js'
import { pullFiles, type PullRequest, type PullResult } from '../../../src/files/hub.js'
import { sha256Of } from '../../support/fake-hub.js'
import { WEIGHTS, WEIGHT_BYTES, emptyFolder, hubOf, recorded, requestFor, tinyRepo } from '../../support/hub-fixture.js'

const PULL = fileURLToPath(new URL('../../support/pull-child.ts', import.meta.url))
const repo = tinyRepo()
const FILE = 'model.safetensors'

interface Pulling {
  readonly child: ChildProcess
  readonly result: Promise<PullResult & { readonly waits: readonly string[] }>
}

function pullInProcess(endpoint: string, cacheDir: string, request: PullRequest): Pulling {
  const json = JSON.stringify({ request, options: { endpoint, cacheDir, offline: false } })
  const child = spawn(process.execPath, ['--import', 'tsx', PULL, json], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const result = (async () => {
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    if (out === '') throw new Error(`The pull ended without a result: ${errors}`)
    return JSON.parse(out) as PullResult & { waits: string[] }
  })()
  // A test that kills the process does not look at its result.
  result.catch(() => undefined)
  return { child, result }
}

describe('several processes', () => {
  it('that pull the same files fetch each of them once', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const request = requestFor(repo, { revision: 'main' })
    const results = await Promise.all(Array.from({ length: 3 }, () => pullInProcess(hub.url, cache, request).result))
    for (const path of Object.keys(repo.files)) expect(hub.dataRequests(path), path).toHaveLength(1)
    expect(new Set(results.map((result) => result.folder)).size).toBe(1)
    const downloaded = results.flatMap((result) => result.files).filter((file) => file.state === 'downloaded')
    expect(downloaded).toHaveLength(Object.keys(repo.files).length)
    expect((await readFile(join(results[0]?.folder ?? '', FILE))).equals(WEIGHTS)).toBe(true)
  })

  it('wait for the one that is downloading', async () => {
    const hub = await hubOf(repo)
    // Holds the lock for as long as the default stall time, or until the other is seen to wait.
    hub.order(FILE, { stallAfter: WEIGHT_BYTES / 2 })
    const cache = await emptyFolder()
    const first = pullInProcess(hub.url, cache, requestFor(repo))
    await expect.poll(() => hub.dataRequests(FILE).length, { timeout: 20_000 }).toBe(1)
    const waited: string[] = []
    const controller = new AbortController()
    const second = pullFiles(
      requestFor(repo),
      recorded(hub.url, cache, {
        signal: controller.signal,
        onWait: (path) => {
          waited.push(path)
          controller.abort()
        },
      }).options,
    )
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' })
    expect(waited).toEqual([join(cache, '.locks', 'models--NovaSearch--stella_tiny', 'stella-pool.lock')])
    expect(hub.dataRequests(FILE)).toHaveLength(1)
    first.child.kill('SIGTERM')
    await once(first.child, 'exit')
  })

  it('continue where a killed one stopped, once its lock is stale', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { stallAfter: WEIGHT_BYTES / 2 })
    const cache = await emptyFolder()
    const killed = pullInProcess(hub.url, cache, requestFor(repo))
    const part = join(cache, 'models--NovaSearch--stella_tiny', 'blobs', `${sha256Of(WEIGHTS)}.incomplete`)
    await expect
      .poll(async () => (await stat(part).catch(() => undefined))?.size, { timeout: 20_000 })
      .toBe(WEIGHT_BYTES / 2)
    killed.child.kill('SIGKILL')
    await once(killed.child, 'exit')
    const waited: string[] = []
    const onWait = (path: string): void => {
      waited.push(path)
      // Instead of letting the stale time pass; file-lock.test.ts waits for a shorter one.
      const past = new Date(Date.now() - LOCK_STALE_MS - 1_000)
      utimesSync(path, past, past)
    }
    const { folder } = await pullFiles(requestFor(repo), recorded(hub.url, cache, { onWait }).options)
    expect(waited).toHaveLength(1)
    expect((await readFile(join(folder, FILE))).equals(WEIGHTS)).toBe(true)
    expect(hub.dataRequests(FILE).map((entry) => entry.headers.range)).toEqual([
      undefined,
      `bytes=${WEIGHT_BYTES / 2}-`,
    ])
  })
})
