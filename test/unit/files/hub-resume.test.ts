import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { pullFiles } from '../../../src/files/hub.js'
import { sha256Of, type FakeHub } from '../../support/fake-hub.js'
import {
  WEIGHTS,
  WEIGHT_BYTES,
  emptyFolder,
  failureOf,
  hubOf,
  noise,
  recorded,
  requestFor,
  tinyRepo,
} from '../../support/hub-fixture.js'

const repo = tinyRepo()
const FILE = 'model.safetensors'
const request = requestFor(repo, { files: [{ path: FILE }] })
const HALF = WEIGHT_BYTES / 2

/** More than fetch was seen to hold back (20 kB). */
const FETCH_BUFFER_BYTES = 400_000

function blobPath(cache: string): string {
  return join(cache, 'models--NovaSearch--stella_tiny', 'blobs', sha256Of(WEIGHTS))
}

/** A cache in which an earlier download, by this package or Python's, got as far as `part`. */
async function cacheWithPart(part: Buffer): Promise<string> {
  const cache = await emptyFolder()
  await mkdir(join(cache, 'models--NovaSearch--stella_tiny', 'blobs'), { recursive: true })
  await writeFile(`${blobPath(cache)}.incomplete`, part)
  return cache
}

// Vitest's own comparison of two large buffers takes ten seconds.
async function expectWeights(path: string): Promise<void> {
  expect((await readFile(path)).equals(WEIGHTS)).toBe(true)
}

function rangesOf(hub: FakeHub): (string | undefined)[] {
  return hub.dataRequests(FILE).map((entry) => entry.headers.range)
}

/** The right length and one wrong bit. */
const wrong = Buffer.from(WEIGHTS)
wrong[WEIGHT_BYTES - 1] = (wrong.at(-1) ?? 0) ^ 1

function offsetsOf(hub: FakeHub): number[] {
  return rangesOf(hub).map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')?.[1]))
}

/**
 * Begun at 0, then continued not before what can have got lost: where a connection breaks, fetch drops the bytes it has
 * received and not yet handed out.
 */
function expectResumed(hub: FakeHub): void {
  const [first, ...others] = offsetsOf(hub)
  expect(first).toBe(0)
  expect(others.length).toBeGreaterThan(0)
  for (const offset of others) {
    expect(offset).toBeGreaterThan(HALF - FETCH_BUFFER_BYTES)
    expect(offset).toBeLessThanOrEqual(HALF + 20)
  }
}

describe('a broken connection', () => {
  it('is continued where it broke', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { cutAfter: HALF })
    const { options, progress, waits } = recorded(hub.url, await emptyFolder())
    const { folder } = await pullFiles(request, options)
    await expectWeights(join(folder, FILE))
    expectResumed(hub)
    expect(waits).toHaveLength(1)
    const bytes = progress.map((report) => report.fileBytes)
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b))
  })

  it('may break more often than there are retries while the file grows', async () => {
    const big = { content: noise(12_000_000, 3), lfs: true }
    const bigRepo = { commit: 'd'.repeat(40), files: { [FILE]: big } }
    const hub = await hubOf(bigRepo)
    hub.order(FILE, { cutAfter: 2_000_000 }, 5)
    const { options, waits } = recorded(hub.url, await emptyFolder(), { retries: 1 })
    const { folder } = await pullFiles(requestFor(bigRepo), options)
    expect((await readFile(join(folder, FILE))).equals(big.content)).toBe(true)
    expect(waits).toHaveLength(5)
  })

  it('ends the pull after the retries where the file does not grow, and keeps what arrived', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { cutAfter: HALF }, 1)
    hub.order(FILE, { cutAfter: 10 }, 10)
    const cache = await emptyFolder()
    const error = await failureOf(pullFiles(request, recorded(hub.url, cache, { retries: 2 }).options))
    expect(error.code).toBe('DOWNLOAD_FAILED')
    expect(error.details).toMatchObject({ file: FILE, attempts: 3 })
    expect(rangesOf(hub)).toHaveLength(3)
    expectResumed(hub)
    const { size } = await stat(`${blobPath(cache)}.incomplete`)
    expect(size).toBeGreaterThanOrEqual(offsetsOf(hub).at(-1) ?? Infinity)
    expect(size).toBeLessThanOrEqual(HALF + 20)
  })

  it('ends the pull where the server ignores ranges and never gets further', async () => {
    const hub = await hubOf(repo)
    for (let i = 0; i < 20; i++) hub.order(FILE, { chunked: WEIGHTS.subarray(0, HALF) })
    const error = await failureOf(pullFiles(request, recorded(hub.url, await emptyFolder(), { retries: 3 }).options))
    expect(error.code).toBe('DOWNLOAD_FAILED')
    expect(rangesOf(hub)).toHaveLength(4)
  })
})

describe('a part left by an earlier pull', () => {
  it('is kept and completed', async () => {
    const hub = await hubOf(repo)
    const cache = await cacheWithPart(WEIGHTS.subarray(0, 1000))
    const { options, progress } = recorded(hub.url, cache)
    await pullFiles(request, options)
    await expectWeights(blobPath(cache))
    expect(rangesOf(hub)).toEqual(['bytes=1000-'])
    expect(progress[0]).toMatchObject({ state: 'resumed', fileBytes: 1000, fileTotal: WEIGHT_BYTES })
  })

  it('is only verified where nothing is missing', async () => {
    const hub = await hubOf(repo)
    const cache = await cacheWithPart(WEIGHTS)
    await pullFiles(request, recorded(hub.url, cache).options)
    await expectWeights(blobPath(cache))
    expect(rangesOf(hub)).toEqual([])
  })

  it('is thrown away where it is longer than the file', async () => {
    const hub = await hubOf(repo)
    const cache = await cacheWithPart(Buffer.concat([WEIGHTS, Buffer.from('!')]))
    await pullFiles(request, recorded(hub.url, cache).options)
    await expectWeights(blobPath(cache))
    expect(rangesOf(hub)).toEqual([undefined])
  })

  it('is thrown away where it is not the beginning of the file', async () => {
    const hub = await hubOf(repo)
    const cache = await cacheWithPart(noise(1000, 7))
    await pullFiles(request, recorded(hub.url, cache).options)
    await expectWeights(blobPath(cache))
    expect(rangesOf(hub)).toEqual(['bytes=1000-', undefined])
  })

  it.each([
    ['that is too long', Buffer.concat([WEIGHTS, Buffer.from('!')]), []],
    ['that the server continues elsewhere', WEIGHTS.subarray(0, 1000), [{ wrongRange: true }] as const],
  ])('%s is no download that failed its check: there is still one to come', async (_what, part, faults) => {
    const hub = await hubOf(repo)
    for (const fault of faults) hub.order(FILE, fault)
    hub.order(FILE, { content: wrong })
    const cache = await cacheWithPart(part)
    await pullFiles(request, recorded(hub.url, cache).options)
    await expectWeights(blobPath(cache))
  })

  it('is overwritten by a server that ignores ranges', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { ignoreRange: true })
    const cache = await cacheWithPart(WEIGHTS.subarray(0, 1000))
    await pullFiles(request, recorded(hub.url, cache).options)
    await expectWeights(blobPath(cache))
    expect(rangesOf(hub)).toEqual(['bytes=1000-'])
  })

  it('is given up for a server that refuses its range', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { status: 416 })
    const cache = await cacheWithPart(WEIGHTS.subarray(0, 1000))
    await pullFiles(request, recorded(hub.url, cache).options)
    await expectWeights(blobPath(cache))
    expect(rangesOf(hub)).toEqual(['bytes=1000-', undefined])
  })

  it('is given up for a server that sends another range', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { wrongRange: true })
    const cache = await cacheWithPart(WEIGHTS.subarray(0, 1000))
    await pullFiles(request, recorded(hub.url, cache).options)
    await expectWeights(blobPath(cache))
    expect(rangesOf(hub)).toEqual(['bytes=1000-', undefined])
  })
})

describe('wrong content', () => {
  it.each([
    ['bytes', { content: wrong }],
    ['length, announced', { content: WEIGHTS.subarray(1) }],
    ['length, too long and not announced', { chunked: Buffer.concat([WEIGHTS, Buffer.alloc(9)]) }],
    [
      'kind: a page that asks to sign in to the network',
      { content: '<html>', headers: { 'Content-Type': 'text/html' } },
    ],
  ])('of the wrong %s is fetched once more', async (_what, fault) => {
    const hub = await hubOf(repo)
    hub.order(FILE, fault)
    const cache = await emptyFolder()
    await pullFiles(request, recorded(hub.url, cache).options)
    await expectWeights(blobPath(cache))
    expect(rangesOf(hub)).toEqual([undefined, undefined])
  })

  it.each([
    ['bytes', { content: wrong }, sha256Of(wrong)],
    ['length', { content: WEIGHTS.subarray(1) }, String(WEIGHT_BYTES - 1)],
  ])('of the wrong %s twice ends the pull and leaves no part', async (_what, fault, named) => {
    const hub = await hubOf(repo)
    hub.order(FILE, fault, 5)
    const cache = await emptyFolder()
    const error = await failureOf(pullFiles(request, recorded(hub.url, cache).options))
    expect(error.code).toBe('DOWNLOAD_FAILED')
    expect(error.message).toContain(named)
    expect(error.details).toMatchObject({ file: FILE, attempts: 2 })
    expect(rangesOf(hub)).toHaveLength(2)
    expect(await readdir(join(cache, 'models--NovaSearch--stella_tiny', 'blobs'))).toEqual([])
  })

  it('of a small file is recognised by its git hash', async () => {
    const hub = await hubOf(repo)
    const { length } = repo.files['config.json']?.content ?? Buffer.alloc(0)
    hub.order('config.json', { content: Buffer.alloc(length, '{') }, 5)
    const files = [{ path: 'config.json' }]
    const error = await failureOf(
      pullFiles(requestFor(repo, { files }), recorded(hub.url, await emptyFolder()).options),
    )
    expect(error.message).toContain('git SHA-1')
  })
})

describe('a server that stops sending', () => {
  it('is left after the stall time, and the download continued', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { stallAfter: HALF })
    const { options, waits } = recorded(hub.url, await emptyFolder(), { stallTimeoutMs: 300 })
    const { folder } = await pullFiles(request, options)
    await expectWeights(join(folder, FILE))
    expect(rangesOf(hub)).toEqual([undefined, `bytes=${HALF}-`])
    expect(waits).toHaveLength(1)
  })

  it('ends the pull where it always stops', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { stallAfter: 0 }, 5)
    const { options } = recorded(hub.url, await emptyFolder(), { stallTimeoutMs: 100, retries: 1 })
    const error = await failureOf(pullFiles(request, options))
    expect(error.message).toContain('sent nothing for 0.1 s')
    expect(error.details).toMatchObject({ attempts: 2, stallTimeoutMs: 100 })
  })
})

describe('an abort', () => {
  it('in the middle of a file ends with ABORTED and keeps the part for the next pull', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    hub.order(FILE, { stallAfter: HALF })
    const controller = new AbortController()
    const part = `${blobPath(cache)}.incomplete`
    const ended = failureOf(pullFiles(request, recorded(hub.url, cache, { signal: controller.signal }).options))
    await expect.poll(async () => (await stat(part).catch(() => undefined))?.size).toBe(HALF)
    controller.abort(new Error('enough'))
    const error = await ended
    expect(error.code).toBe('ABORTED')
    expect(error.cause).toMatchObject({ message: 'enough' })
    expect((await stat(part)).size).toBe(HALF)
    await pullFiles(request, recorded(hub.url, cache).options)
    expect(rangesOf(hub)).toEqual([undefined, `bytes=${HALF}-`])
    await expectWeights(blobPath(cache))
  })

  it('before the start makes no request', async () => {
    const hub = await hubOf(repo)
    const error = await failureOf(
      pullFiles(request, recorded(hub.url, await emptyFolder(), { signal: AbortSignal.abort() }).options),
    )
    expect(error.code).toBe('ABORTED')
    expect(hub.log).toEqual([])
  })

  it('ends a wait for a retry at once', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { status: 503, headers: { 'Retry-After': '100' } }, 5)
    const controller = new AbortController()
    const { options } = recorded(hub.url, await emptyFolder(), { signal: controller.signal, sleep: undefined })
    const ended = failureOf(pullFiles(request, options))
    await expect.poll(() => hub.dataRequests(FILE).length).toBe(1)
    controller.abort()
    expect((await ended).code).toBe('ABORTED')
  })
})

describe('a disk', () => {
  // /dev/full takes no byte: every write fails with ENOSPC.
  it.runIf(process.platform === 'linux')('that is full ends the pull, saying how much is missing', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    await mkdir(join(cache, 'models--NovaSearch--stella_tiny', 'blobs'), { recursive: true })
    await symlink('/dev/full', `${blobPath(cache)}.incomplete`)
    const error = await failureOf(pullFiles(request, recorded(hub.url, cache).options))
    expect(error.code).toBe('DOWNLOAD_FAILED')
    expect(error.message).toContain(`${WEIGHT_BYTES} more bytes are needed`)
    expect(error.details).toMatchObject({ errno: 'ENOSPC', bytesNeeded: WEIGHT_BYTES, file: FILE, attempts: 1 })
    expect(error.details['bytesFree']).toBeTypeOf('number')
    expect(rangesOf(hub)).toHaveLength(1)
  })

  it('on which the cache is no folder ends the pull before any content is fetched', async () => {
    const hub = await hubOf(repo)
    const file = join(await emptyFolder(), 'file')
    await writeFile(file, '')
    const error = await failureOf(pullFiles(request, recorded(hub.url, join(file, 'cache')).options))
    expect(error.code).toBe('DOWNLOAD_FAILED')
    expect(error.message).toContain('HF_HUB_CACHE')
    expect(error.details['errno']).toBe('ENOTDIR')
    expect(hub.dataRequests()).toEqual([])
  })
})
