import { lstat, mkdir, readFile, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { findInCache, pullFiles } from '../../../src/files/hub.js'
import { gitSha1Of, sha256Of } from '../../support/fake-hub.js'
import {
  OLD_NAME,
  REPO,
  WEIGHTS,
  emptyFolder,
  failureOf,
  hubOf,
  noise,
  pinnedRequestFor,
  recorded,
  requestFor,
  tinyRepo,
} from '../../support/hub-fixture.js'

const repo = tinyRepo()
const paths = Object.keys(repo.files)

async function expectContents(folder: string): Promise<void> {
  for (const [path, { content }] of Object.entries(repo.files)) {
    expect((await readFile(join(folder, path))).equals(content), path).toBe(true)
  }
}

describe('pullFiles', () => {
  it('lays the files out as huggingface_hub does', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const result = await pullFiles(requestFor(repo, { revision: 'main' }), recorded(hub.url, cache).options)

    const root = join(cache, 'models--NovaSearch--stella_tiny')
    expect(result.folder).toBe(join(root, 'snapshots', repo.commit))
    expect(result.revision).toBe(repo.commit)
    expect(result.repo).toBe(REPO)
    await expectContents(result.folder)
    expect(await readFile(join(root, 'refs', 'main'), 'utf8')).toBe(repo.commit)
    const blobs = Object.values(repo.files).map((file) => (file.lfs ? sha256Of(file.content) : gitSha1Of(file.content)))
    expect((await readdir(join(root, 'blobs'))).sort()).toEqual(blobs.sort())
    expect(await readlink(join(result.folder, 'model.safetensors'))).toBe(`../../blobs/${sha256Of(WEIGHTS)}`)
    const config = repo.files['1_Pooling/config.json']?.content ?? Buffer.alloc(0)
    expect(await readlink(join(result.folder, '1_Pooling/config.json'))).toBe(`../../../blobs/${gitSha1Of(config)}`)
    expect(result.files).toEqual(
      Object.entries(repo.files).map(([path, { content }]) => ({ path, bytes: content.length, state: 'downloaded' })),
    )
  })

  it('leaves nothing but the layout behind', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    await pullFiles(requestFor(repo), recorded(hub.url, cache).options)
    const left = await readdir(cache, { recursive: true })
    expect(left.filter((name) => /incomplete|\.tmp|\.lock$/.test(name))).toEqual([])
  })

  it('makes no request at all for a commit that is complete', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const first = await pullFiles(requestFor(repo), recorded(hub.url, cache).options)
    const before = hub.log.length
    const { options, progress } = recorded(hub.url, cache)
    const second = await pullFiles(requestFor(repo), options)
    expect(hub.log.length).toBe(before)
    expect(second.folder).toBe(first.folder)
    expect(second.revision).toBe(repo.commit)
    expect(second.files.every((file) => file.state === 'cached')).toBe(true)
    expect(progress.map((report) => [report.file, report.state])).toEqual(paths.map((path) => [path, 'cached']))
    expect(progress.at(-1)?.bytes).toBe(progress.at(-1)?.total)
  })

  it('asks where a branch is, and fetches no byte that is there', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const request = requestFor(repo, { revision: 'main' })
    await pullFiles(request, recorded(hub.url, cache).options)
    const data = hub.dataRequests().length
    const api = hub.log.filter((entry) => entry.kind === 'api').length
    const result = await pullFiles(request, recorded(hub.url, cache).options)
    expect(hub.dataRequests().length).toBe(data)
    expect(hub.log.filter((entry) => entry.kind === 'api').length).toBe(api + 2)
    expect(result.files.every((file) => file.state === 'cached')).toBe(true)
  })

  it('fetches only the files that are missing, and blobs only once', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    await pullFiles(requestFor(repo, { files: [{ path: 'model.safetensors' }] }), recorded(hub.url, cache).options)
    const { options, progress } = recorded(hub.url, cache)
    const result = await pullFiles(requestFor(repo), options)
    expect(hub.dataRequests('model.safetensors')).toHaveLength(1)
    expect(result.files.find((file) => file.path === 'model.safetensors')?.state).toBe('cached')
    expect(progress[0]).toMatchObject({ file: 'model.safetensors', state: 'cached', bytes: WEIGHTS.length })

    // The link is gone, the blob is not.
    await rm(join(result.folder, 'model.safetensors'))
    await pullFiles(requestFor(repo), recorded(hub.url, cache).options)
    expect(hub.dataRequests('model.safetensors')).toHaveLength(1)
    await expectContents(result.folder)
  })

  it('replaces a dead link and a file of the wrong size', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const snapshot = join(cache, 'models--NovaSearch--stella_tiny', 'snapshots', repo.commit)
    await mkdir(snapshot, { recursive: true })
    await symlink('../../blobs/gone', join(snapshot, 'config.json'))
    await writeFile(join(snapshot, 'model.safetensors'), WEIGHTS.subarray(0, 1000))
    const result = await pullFiles(pinnedRequestFor(repo), recorded(hub.url, cache).options)
    await expectContents(result.folder)
  })

  it('reports each file to its end and counts all bytes once', async () => {
    const hub = await hubOf(repo)
    const { options, progress } = recorded(hub.url, await emptyFolder())
    await pullFiles(requestFor(repo), options)
    const total = Object.values(repo.files).reduce((sum, file) => sum + file.content.length, 0)
    for (const path of paths) {
      const states = progress.filter((report) => report.file === path).map((report) => report.state)
      expect(states.slice(-2), path).toEqual(['verifying', 'done'])
    }
    expect(progress.at(-1)).toMatchObject({ bytes: total, total, state: 'done' })
    for (const [index, report] of progress.entries()) {
      expect(report.bytes).toBeGreaterThanOrEqual(progress[index - 1]?.bytes ?? 0)
      expect(report.fileBytes).toBeLessThanOrEqual(report.fileTotal)
    }
  })

  it('verifies small files by their git hash and pinned ones by SHA-256 as well', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const result = await pullFiles(pinnedRequestFor(repo), recorded(hub.url, cache).options)
    await expectContents(result.folder)
  })

  it('refuses before any download a file that is not the pinned one', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    for (const pin of [{ bytes: 5 }, { sha256: 'ab'.repeat(32) }]) {
      const files = [{ path: 'model.safetensors', ...pin }]
      const error = await failureOf(pullFiles(requestFor(repo, { files }), recorded(hub.url, cache).options))
      expect(error.code).toBe('DOWNLOAD_FAILED')
      expect(error.message).toMatch(/not .* as expected/)
      expect(error.details['file']).toBe('model.safetensors')
    }
    expect(hub.dataRequests()).toEqual([])
  })

  it('refuses a small file whose pinned SHA-256 differs', async () => {
    const hub = await hubOf(repo)
    const files = [{ path: 'config.json', sha256: 'ab'.repeat(32) }]
    const error = await failureOf(
      pullFiles(requestFor(repo, { files }), recorded(hub.url, await emptyFolder()).options),
    )
    expect(error.code).toBe('DOWNLOAD_FAILED')
    expect(error.message).toContain('SHA-256')
  })

  it('records the nested ref of a pull request', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const request = requestFor(repo, { revision: 'refs/pr/1', files: [{ path: 'config.json' }] })
    const { folder } = await pullFiles(request, recorded(hub.url, cache).options)
    const ref = join(cache, 'models--NovaSearch--stella_tiny', 'refs', 'refs', 'pr', '1')
    expect(await readFile(ref, 'utf8')).toBe(repo.commit)
    expect(await findInCache(request, { cacheDir: cache, endpoint: hub.url })).toBe(folder)
  })

  it('moves new blobs and copies old ones where links are impossible', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const makeLink = (): Promise<void> => Promise.reject(Object.assign(new Error('EPERM: symlink'), { code: 'EPERM' }))
    const blobs = join(cache, 'models--NovaSearch--stella_tiny', 'blobs')
    const config = repo.files['config.json']?.content ?? Buffer.alloc(0)
    await mkdir(blobs, { recursive: true })
    await writeFile(join(blobs, gitSha1Of(config)), config)
    const result = await pullFiles(requestFor(repo), recorded(hub.url, cache, { makeLink }).options)
    await expectContents(result.folder)
    expect((await lstat(join(result.folder, 'model.safetensors'))).isFile()).toBe(true)
    // Only the blob that was there stays: something else may link to it.
    expect(await readdir(blobs)).toEqual([gitSha1Of(config)])
    const before = hub.log.length
    await pullFiles(requestFor(repo), recorded(hub.url, cache, { makeLink }).options)
    expect(hub.log.length).toBe(before)
  })

  it('follows the redirect of a renamed repository', async () => {
    const hub = await hubOf(repo, { renamed: { [OLD_NAME]: REPO } })
    const result = await pullFiles(
      requestFor(repo, { repo: OLD_NAME, revision: 'main' }),
      recorded(hub.url, await emptyFolder()).options,
    )
    await expectContents(result.folder)
  })

  it('continues in the folder of an alias that holds the large files', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const old = join(cache, 'models--dunzhang--stella_tiny')
    await mkdir(join(old, 'blobs'), { recursive: true })
    await mkdir(join(old, 'snapshots', repo.commit), { recursive: true })
    await writeFile(join(old, 'blobs', sha256Of(WEIGHTS)), WEIGHTS)
    await symlink(`../../blobs/${sha256Of(WEIGHTS)}`, join(old, 'snapshots', repo.commit, 'model.safetensors'))
    const request = requestFor(repo, { aliases: [OLD_NAME] })
    const result = await pullFiles(request, recorded(hub.url, cache).options)
    expect(result.repo).toBe(OLD_NAME)
    expect(hub.dataRequests('model.safetensors')).toEqual([])
    await expectContents(result.folder)
  })

  it('ends with what onProgress throws, unchanged, and can be resumed', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const mine = new Error('mine')
    const onProgress = (): never => {
      throw mine
    }
    await expect(pullFiles(requestFor(repo), recorded(hub.url, cache, { onProgress }).options)).rejects.toBe(mine)
    const result = await pullFiles(requestFor(repo), recorded(hub.url, cache).options)
    await expectContents(result.folder)
  })

  it('stores two paths of one content as one blob', async () => {
    const twins = { content: noise(1000, 9), lfs: true }
    const twinRepo = { commit: 'c'.repeat(40), files: { 'a.bin': twins, 'b.bin': twins } }
    const hub = await hubOf(twinRepo)
    const result = await pullFiles(requestFor(twinRepo), recorded(hub.url, await emptyFolder()).options)
    expect(hub.dataRequests()).toHaveLength(1)
    expect(await readFile(join(result.folder, 'b.bin'))).toEqual(twins.content)
  })

  it.each([
    ['retries', { retries: -1 }],
    ['retries', { retries: 1.5 }],
    ['stallTimeoutMs', { stallTimeoutMs: 0 }],
    ['endpoint', { endpoint: 'file:///etc' }],
    ['endpoint', { endpoint: 'http://user:secret@127.0.0.1' }],
    ['token', { token: 'sec\nret' }],
  ])('refuses a bad `%s`', async (option, changes) => {
    const error = await failureOf(pullFiles(requestFor(repo), recorded('http://127.0.0.1:9', '/x', changes).options))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain(option)
    expect(JSON.stringify(error.toProblemDetails())).not.toMatch(/sec\\?n?ret/)
  })
})
